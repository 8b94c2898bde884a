"""The clock of one peer, which a test moves: an hour passes at once."""

import itertools
import os
import signal
from pathlib import Path

from lib.bench import Bench, Peer
from lib.poll import eventually


class Clock:
    """libfaketime between a process and the time of day, and between it and the clock that its timers run by.

    The process is halted while the clock is moved, as a machine that sleeps is: that also ends its waits for timers,
    which the kernel counts by the true clock, so that it looks at the time anew.
    """

    _counter = itertools.count(1)

    def __init__(self, bench: Bench, ahead: float = 0) -> None:
        self._file = bench.directory("clocks") / str(next(self._counter))
        self._ahead = ahead
        self._write()

    @property
    def environment(self) -> dict[str, str]:
        """What the process has to be started with."""
        return {
            "LD_PRELOAD": os.environ["NBGATE_E2E_FAKETIME"],
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
        }

    def forward(self, peer: Peer, seconds: float) -> None:
        """Let `seconds` pass for `peer`, beside those that pass anyway."""
        peer.process.send_signal(signal.SIGSTOP)
        try:
            eventually(f"{peer.name} is halted", lambda: _halted(peer), within=5, every=0.01)
            self._ahead += seconds
            self._write()
        finally:
            peer.process.send_signal(signal.SIGCONT)

    def _write(self) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{self._ahead:+f}\n")
        os.replace(fresh, self._file)


def _halted(peer: Peer) -> bool:
    """Whether the kernel has halted the process."""
    fields = Path(f"/proc/{peer.process.pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0] == "T"
