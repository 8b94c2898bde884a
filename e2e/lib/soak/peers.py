"""The processes of a soak: stand-ins and the service under test, each of which a test may kill and start again."""

import os
import secrets
import signal
import sys
from base64 import b64encode
from collections import Counter
from pathlib import Path

import httpx
import psutil

import lib
from lib.bench import Bench, Peer
from lib.jira.proxy import binary
from lib.leaks import Ledger
from lib.poll import eventually
from lib.ports import free_port
from lib.soak.config import Shape, service
from lib.soak.tokens import Signer

_E2E = Path(lib.__file__).parent.parent


class Process:
    """One peer on a fixed port."""

    def __init__(self, bench: Bench, name: str) -> None:
        self.bench = bench
        self.name = name
        self.port = free_port()
        self.peer: Peer | None = None

    @property
    def process(self) -> psutil.Process:
        """The running process."""
        assert self.peer is not None
        return psutil.Process(self.peer.process.pid)

    def kill(self) -> None:
        """At once, without a word."""
        self.process.kill()
        assert self.peer is not None
        self.peer.process.wait()

    def freeze(self) -> None:
        """It keeps its connections, and answers no more."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self.process.send_signal(signal.SIGCONT)


class StandInProcess(Process):
    """A module of `lib.soak` that serves."""

    def __init__(self, bench: Bench, name: str, module: str, **env: str) -> None:
        super().__init__(bench, name)
        self._module = module
        self.env = env

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, again after it was killed."""
        command = [sys.executable, "-m", self._module, str(self.port)]
        self.peer = self.bench.start(self.name, command, cwd=_E2E, env=self.env, ready=self.report)

    def report(self) -> dict:
        """What it has seen since it was started."""
        return httpx.get(f"{self.url}/-/report", trust_env=False, timeout=30).json()


class World:
    """A platform, a Jira, and what both know."""

    def __init__(self, bench: Bench, ledger: Ledger, name: str, lookup_seconds: float = 0) -> None:
        self.bench, self.ledger, self.name = bench, ledger, name
        self.signer = Signer()
        self.password = ledger.bot_secret(secrets.token_urlsafe(24))
        self.login = "Basic " + b64encode(f"bot:{self.password}".encode()).decode()
        self.jira = StandInProcess(bench, f"jira of {name}", "lib.soak.upstream", SOAK_AUTHORIZATION=self.login)
        self.jira.env["SOAK_BASE"] = self.jira.url
        self.platform = StandInProcess(bench, f"platform of {name}", "lib.soak.platform")
        keys = {"SOAK_ISSUER": self.platform.url, "SOAK_KEYS": self.signer.keys(), "SOAK_DELAY": str(lookup_seconds)}
        self.platform.env |= keys
        self.jira.start()
        self.platform.start()

    def token(self, user: str, serial: int = 0) -> str:
        """A token of a user's."""
        return self.signer.token(self.platform.url, user, serial)

    def proxy(self, shape: Shape, name: str = "proxy", descriptors: int | None = None) -> "Replica":
        """The service under test, running."""
        replica = Replica(self, f"{name} of {self.name}", shape)
        replica.start(descriptors)
        return replica


class Replica(Process):
    """One jira-proxy."""

    def __init__(self, world: World, name: str, shape: Shape) -> None:
        super().__init__(world.bench, name)
        self.admin = free_port()
        folder = self.bench.directory(name)
        for secret in ("password", "client-secret"):
            (folder / secret).write_text(world.password if secret == "password" else "of no account")
        self._config = folder / "jira-proxy.toml"
        self._config.write_text(service(shape, folder, self.port, self.admin, world.jira.url, world.platform.url))
        log = self.bench.log(name)
        world.ledger.logged(f"log of {name}", lambda: log.read_bytes() if log.exists() else b"")

    def start(self, descriptors: int | None = None) -> None:
        """Start it, again after it has ended; with no more than so many `descriptors`."""
        limit = ["prlimit", f"--nofile={descriptors}"] if descriptors else []
        self.peer = self.bench.start(self.name, [*limit, binary(), "--config", self._config], ready=self.ready)

    def ready(self) -> bool:
        """What its probe says; not ready if it says nothing."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.admin}/readyz", trust_env=False, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def rss(self) -> int:
        """Resident memory, in bytes."""
        return self.process.memory_info().rss

    def descriptors(self) -> int:
        """Open files and sockets."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def sockets(self, remote: int | None = None) -> Counter[str]:
        """TCP connections by state; with `remote`, those to that port."""
        found = self.process.net_connections("tcp")
        return Counter(one.status for one in found if remote is None or (one.raddr and one.raddr.port == remote))

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all its labels but those given."""
        text = httpx.get(f"http://127.0.0.1:{self.admin}/metrics", trust_env=False, timeout=30).text
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = [line for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(label in line for label in wanted))

    def settle(self, upstream: int) -> None:
        """Wait until no request is in progress and no caller is connected."""
        eventually("no request is in progress", lambda: self.metric("nbgate_in_flight") == 0, within=20)
        callers = lambda: self._callers(upstream) == 0  # noqa: E731 - read where it is used
        eventually("no caller is connected", callers, within=20)

    def _callers(self, upstream: int) -> int:
        established = self.sockets()["ESTABLISHED"]
        return established - self.sockets(upstream)["ESTABLISHED"] - self._own(self.admin)

    def _own(self, port: int) -> int:
        found = self.process.net_connections("tcp")
        return sum(1 for one in found if one.status == "ESTABLISHED" and one.laddr.port == port)
