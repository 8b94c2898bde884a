"""The service under test: its configuration, and how a test reaches it."""

import os
import secrets
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil

from lib.ask import ask
from lib.bench import Bench
from lib.instance.frames import WebSocket, upgrade
from lib.leaks import Ledger
from lib.poll import eventually
from lib.ports import free_port
from lib.service import Service
from lib.service import binary as built
from lib.toml import dumps
from lib.wiretap import Wiretap


def binary() -> Path:
    """The binary that was built for this run."""
    return built("instance-proxy")


class InstanceProxy(Service):
    """One running instance-proxy. Tests of HTTP ask by way of a wiretap, those of tunnels go to `port` itself."""

    def __init__(
        self,
        bench: Bench,
        ledger: Ledger,
        name: str,
        routes: Path,
        api_url: str,
        *,
        refresh_seconds: int = 1,
        server: Mapping[str, object] | None = None,
        tenant: Mapping[str, object] | None = None,
        upstream: Mapping[str, object] | None = None,
        tunnels: Mapping[str, object] | None = None,
        identity: Iterable[Mapping[str, object]] = (),
        prefix: Iterable[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`prefix` goes before the command, as in `prlimit --fsize=… instance-proxy`."""
        self.port, admin_port = free_port(), free_port()
        home = bench.directory(name)
        self.journal = home / "data"
        document: dict[str, object] = {
            "server": {
                "host": "127.0.0.1",
                "port": self.port,
                "admin_host": "127.0.0.1",
                "admin_port": admin_port,
                "drain_grace_seconds": 0,
                "drain_deadline_seconds": 10,
            }
            | dict(server or {}),
            "identity": list(identity),
            "tenant": [
                {
                    "routes_file": str(routes),
                    "instances": {"kind": "visa", "api_url": api_url, "refresh_seconds": refresh_seconds},
                    "upstream": {"allow_loopback": True} | dict(upstream or {}),
                    "sessions": {"directory": str(self.journal)},
                    "tunnels": {"max_tunnels_per_user": 2000} | dict(tunnels or {}),
                }
                | dict(tenant or {})
            ],
        }
        config = home / "instance-proxy.toml"
        config.write_text(dumps({key: value for key, value in document.items() if value}))
        self._bench = bench
        self._command: list[str | os.PathLike[str]] = [*prefix, binary(), "--config", config]
        self.tap = Wiretap(f"callers of {name}", self.port)
        self.site = self.tap.url
        ledger.caller_saw(self.tap.name, self.tap.received_parts)
        super().__init__(bench, ledger, name, self._command, admin_port, environment=environment)
        ledger.logged(f"log of {name}", lambda: [self.log.read_bytes()])

    # Asking

    def get(self, path: str, token: str | None = None, **rest: Any) -> httpx.Response:
        """As a script does, with the token in `Authorization`."""
        return ask("GET", f"{self.site}{path}", token, **rest)

    def request(self, method: str, path: str, token: str | None = None, **rest: Any) -> httpx.Response:
        """The same with another method."""
        return ask(method, f"{self.site}{path}", token, **rest)

    def socket(
        self, path: str, token: str | None = None, fields: Iterable[tuple[str, str]] = (), **rest: Any
    ) -> WebSocket:
        """An upgraded connection, past the wiretap, or `Refused`."""
        proof = [("Authorization", f"Bearer {token}")] if token else []
        return upgrade(self.port, path, [*proof, *fields], **rest)

    # Its process

    @property
    def process(self) -> psutil.Process:
        """The running one."""
        return psutil.Process(self.peer.process.pid)

    def kill(self) -> None:
        """At once, without a word: `kill -9`."""
        self.peer.process.kill()
        self.peer.process.wait()

    def terminate(self) -> None:
        """Ask it to drain, and do not wait."""
        self.peer.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Drain to the end; its exit status."""
        return self.peer.stop()

    def start_again(self) -> None:
        """Start it once more with the same configuration, journal and ports."""
        self.peer = self._bench.start(self.name, self._command, ready=lambda: self.ready, env=self.environment)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all its labels but those given."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = [line for line in self.metrics().splitlines() if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(label in line for label in wanted))

    def tunnels(self) -> int:
        """How many are open now."""
        return int(self.metric("nbgate_open_tunnels"))

    def no_tunnel_is_left(self) -> None:
        """Wait for that."""
        eventually("no tunnel is open", lambda: self.tunnels() == 0, within=10)


def cookie(token: str, *others: str) -> tuple[str, str]:
    """The field that a browser sends, with other cookies besides."""
    return "Cookie", "; ".join([*others[:1], f"access_token={token}", *others[1:]])


def fresh_id() -> str:
    """An id such as kernels and sessions have."""
    token = secrets.token_hex(16)
    return "-".join((token[:8], token[8:12], token[12:16], token[16:20], token[20:]))
