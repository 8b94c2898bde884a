"""A running service of nbgate's own: what is the same whichever it is."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from lib.bench import Bench, Peer
from lib.clock import Clock
from lib.leaks import Ledger
from lib.poll import eventually


def binary(name: str) -> Path:
    """The binary that was built for this run."""
    return Path(os.environ["NBGATE_BIN_DIR"]) / name


class Service:
    """Starts with a configuration file; its log is searched for secrets, and its operators' port is asked here."""

    def __init__(
        self,
        bench: Bench,
        ledger: Ledger,
        name: str,
        command: list[str | os.PathLike[str]],
        admin_port: int,
        clock: Clock | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = bench.log(name)
        ledger.logged(f"log of {name}", lambda: self.log.read_bytes())
        self._admin_url = f"http://127.0.0.1:{admin_port}"
        self._clock = clock
        self.environment = (clock.environment if clock else {}) | dict(environment or {})
        self.peer: Peer = bench.start(name, command, ready=lambda: self.ready, env=self.environment)

    @property
    def ready(self) -> bool:
        """Whether it says that it can tell callers apart."""
        return self._says_yes("readyz")

    @property
    def live(self) -> bool:
        """Whether it says that its workers still tick."""
        return self._says_yes("livez")

    def _says_yes(self, probe: str) -> bool:
        return self.operator(probe).status_code == 200

    def metrics(self) -> str:
        """What it counts."""
        return self.operator("metrics").text

    def operator(self, path: str) -> httpx.Response:
        """What operators are told."""
        return httpx.get(f"{self._admin_url}/{path}", timeout=5, trust_env=False)

    def later(self, seconds: float) -> None:
        """Let it believe that so much time has passed."""
        assert self._clock is not None, "it has the clock of everybody"
        self._clock.forward(self.peer, seconds)

    def audit(self, **wanted: object) -> dict[str, Any]:
        """Wait for the audit event that has these fields, and return it."""

        def look() -> dict[str, Any] | None:
            matching = [event for event in self.events() if all(event.get(key) == wanted[key] for key in wanted)]
            return matching[-1] if matching else None

        return eventually(f"an audit event with {wanted}", look, within=5)

    def events(self) -> list[dict[str, Any]]:
        """All that it has logged, but for lines that are not whole yet."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
