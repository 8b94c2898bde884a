"""The service under test: its configuration, and how a test reaches it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from lib.ask import ask
from lib.bench import Bench
from lib.clock import Clock
from lib.jira.upstream import Jira
from lib.leaks import Ledger
from lib.ports import free_port
from lib.service import Service
from lib.service import binary as built
from lib.toml import dumps
from lib.wiretap import Wiretap

PREFIX = "/jira-data-proxy"


def binary() -> Path:
    """The binary that was built for this run."""
    return built("jira-proxy")


def configuration(
    path: Path,
    upstream: Jira,
    *,
    identity: Mapping[str, object] | Sequence[Mapping[str, object]] = ({"kind": "jupyterhub"},),
    server: Mapping[str, object] | None = None,
    prefix: str | None = PREFIX,
    publish: Sequence[str] = (),
    rules: Sequence[Mapping[str, object]] = (),
) -> Path:
    """Write a configuration file as an operator would: only what is not the default."""
    tenant: dict[str, object] = {"name": "default"} | ({"prefix": prefix} if prefix else {})
    tenant["upstream"] = {"url": upstream.url}
    tenant["credential"] = {
        "kind": "basic",
        "username": upstream.username,
        "password_file": str(upstream.secret.path("password")),
    }
    tenant["policy"] = {"preset": "read-only", "publish": list(publish), "rule": list(rules)}
    identities = [identity] if isinstance(identity, Mapping) else list(identity)
    path.write_text(dumps({"server": server or {}, "identity": identities, "tenant": [tenant]}))
    return path


class JiraProxy(Service):
    """One running jira-proxy; what its callers get back is recorded."""

    def __init__(
        self,
        bench: Bench,
        ledger: Ledger,
        name: str,
        upstream: Jira,
        identity: Mapping[str, object] | Sequence[Mapping[str, object]],
        publish: Sequence[str] = (),
        *,
        rules: Sequence[Mapping[str, object]] = (),
        host: str = "127.0.0.1",
        clock: Clock | None = None,
    ) -> None:
        self.port, admin_port = free_port(), free_port()
        server = {"host": host, "port": self.port, "admin_host": "127.0.0.1", "admin_port": admin_port}
        config = configuration(
            bench.directory(name) / "jira-proxy.toml",
            upstream,
            identity=identity,
            server=server,
            publish=publish,
            rules=rules,
        )
        self.tap = Wiretap(f"callers of {name}", self.port)
        self.site = self.tap.url
        """The origin; clients ask here, so that the links they are given lead here too."""
        self.url = f"{self.site}{PREFIX}"
        ledger.caller_saw(self.tap.name, lambda: self.tap.received)
        super().__init__(bench, ledger, name, [binary(), "--config", config], admin_port, clock)

    def get(self, path: str, token: str | None = None, **params: str | int) -> httpx.Response:
        """Ask below the prefix, as a notebook does; `path` begins with a slash."""
        return ask("GET", f"{self.url}{path}", token, params=params)
