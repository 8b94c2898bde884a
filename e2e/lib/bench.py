"""The workbench of one run: starts peers, keeps their logs, stops all that it started."""

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from lib.poll import DeadlinePassed, eventually

_PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Peer:
    """One running process and where it writes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    _asked: bool = False

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Ask once: to many programs a second signal means to drop everything."""
        if self.alive and not self._asked:
            self._asked = True
            self.process.terminate()

    def stop(self, patience: float = 40) -> int:
        """End it politely, then not; returns its exit code. A hub stops its services one by one, and they may drain."""
        self.ask_to_stop()
        if self.alive:
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


class Bench:
    """Owner of every peer and every log of a run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs: dict[str, Path] = {}
        self._peers: list[Peer] = []
        # A hub's servers and services run in sessions of their own. Should the hub die without stopping them, they
        # become children of this process instead of init's, so that `close` still finds them.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def directory(self, name: str) -> Path:
        """A folder of this run, made when first asked for."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def log(self, name: str) -> Path:
        """Where `name` is to log; shown when a test fails."""
        return self.logs.setdefault(name, self.root / f"{name}.log")

    def start(
        self,
        name: str,
        command: Sequence[str | os.PathLike[str]],
        *,
        ready: Callable[[], object],
        within: float = 30,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Peer:
        """Start a peer in a clean environment and wait until it is ready. Names may repeat: the log is appended to."""
        log = self.log(name)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [os.fspath(word) for word in command],
                env=self.environment() | dict(env or {}),
                cwd=cwd or self.directory(name),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops its peers in order
            )
        peer = Peer(name, process, log)
        self._peers.append(peer)

        def ready_or_dead() -> bool:
            if not peer.alive:
                raise DeadlinePassed(f"{name} ended with {process.returncode} before it was ready:\n{self.tail(name)}")
            return bool(ready())

        def checked() -> bool | Exception:
            try:
                return ready_or_dead()
            except DeadlinePassed as death:  # no use in waiting longer
                return death

        outcome = eventually(f"{name} is ready", checked, within=within)
        if isinstance(outcome, Exception):
            raise outcome
        return peer

    def environment(self) -> dict[str, str]:
        """The least that a peer needs: nothing that this machine happens to set changes a result."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory("home")),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def tail(self, name: str, lines: int = 60) -> str:
        """The end of a log."""
        log = self.logs[name]
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    def close(self) -> None:
        """Stop every peer, all at once as some take seconds to drain, and then whatever one of them left behind."""
        for peer in reversed(self._peers):
            peer.ask_to_stop()
        for peer in self._peers:
            peer.stop()
        left = psutil.Process().children(recursive=True)
        for orphan in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                orphan.kill()
        psutil.wait_procs(left, timeout=5)
