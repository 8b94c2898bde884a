"""The service under test: its configuration, and how a test reaches it."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from lib.bench import Bench, Peer
from lib.clock import Clock
from lib.jira.upstream import Jira
from lib.leaks import Ledger
from lib.poll import eventually
from lib.ports import free_port
from lib.wiretap import Wiretap

PREFIX = "/jira-data-proxy"


def binary() -> Path:
    """The binary that was built for this run."""
    return Path(os.environ["NBGATE_BIN_DIR"]) / "jira-proxy"


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
    identities = [identity] if isinstance(identity, Mapping) else identity
    tenant_prefix = f"prefix = {_toml(prefix)}\n" if prefix else ""
    entries = "\n\n".join(f"[[identity]]\n{_lines(entry)}" for entry in identities)
    text = f"""
[server]
{_lines(server or {})}

{entries}

[[tenant]]
name = "default"
{tenant_prefix}
[tenant.upstream]
url = {_toml(upstream.url)}

[tenant.credential]
kind = "basic"
username = {_toml(upstream.username)}
password_file = {_toml(str(upstream.secret.path("password")))}

[tenant.policy]
preset = "read-only"
publish = {_toml(list(publish))}
"""
    text += "".join(f"\n[[tenant.policy.rule]]\n{_lines(rule)}\n" for rule in rules)
    path.write_text(text)
    return path


class JiraProxy:
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
        self.name = name
        self._bench = bench
        self.log = bench.log(name)
        port, admin_port = self.port, self._admin_port = free_port(), free_port()
        server = {"host": host, "port": port, "admin_host": "127.0.0.1", "admin_port": admin_port}
        config = configuration(
            bench.directory(name) / "jira-proxy.toml",
            upstream,
            identity=identity,
            server=server,
            publish=publish,
            rules=rules,
        )
        self.tap = Wiretap(f"callers of {name}", port)
        self.site = self.tap.url
        """The origin; clients ask here, so that the links they are given lead here too."""
        self.url = f"{self.site}{PREFIX}"
        ledger.caller_saw(self.tap.name, lambda: self.tap.received)
        ledger.logged(f"log of {name}", lambda: self.log.read_bytes())
        self._admin_url = f"http://127.0.0.1:{admin_port}"
        self._clock = clock
        self.peer: Peer = bench.start(
            name, [binary(), "--config", config], ready=lambda: self.ready, env=clock.environment if clock else None
        )

    @property
    def ready(self) -> bool:
        """Whether it says that it can tell callers apart."""
        return self._says_yes("readyz")

    @property
    def live(self) -> bool:
        """Whether it says that its workers still tick."""
        return self._says_yes("livez")

    def metrics(self) -> str:
        """What it counts."""
        return httpx.get(f"{self._admin_url}/metrics", timeout=5, trust_env=False).text

    def _says_yes(self, probe: str) -> bool:
        return httpx.get(f"{self._admin_url}/{probe}", timeout=5, trust_env=False).status_code == 200

    def later(self, seconds: float) -> None:
        """Let it believe that so much time has passed."""
        assert self._clock is not None, "it has the clock of everybody"
        self._clock.forward(self.peer, seconds)

    def get(self, path: str, token: str | None = None, **params: str | int) -> httpx.Response:
        """Ask below the prefix, as a notebook does; `path` begins with a slash."""
        return ask("GET", f"{self.url}{path}", token, params=params)

    def audit(self, **wanted: object) -> dict[str, Any]:
        """Wait for the audit event that has these fields, and return it."""

        def look() -> dict[str, Any] | None:
            matching = [event for event in self._events() if all(event.get(key) == wanted[key] for key in wanted)]
            return matching[-1] if matching else None

        return eventually(f"an audit event with {wanted}", look, within=5)

    def metrics(self) -> str:
        """What it counts."""
        return httpx.get(f"http://127.0.0.1:{self._admin_port}/metrics", timeout=5, trust_env=False).text

    def _events(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def ask(method: str, url: str, token: str | None = None, **rest: Any) -> httpx.Response:
    """One request on a connection of its own; redirects are the test's business."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return httpx.request(method, url, headers=headers | rest.pop("headers", {}), timeout=15, trust_env=False, **rest)


def problem(answer: httpx.Response) -> str:
    """The name of the problem that an error of nbgate's own describes, after checking that it is well made (RFC 9457)."""
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["request_id"]
    origin, _, name = str(body["type"]).rpartition("/-/problems/")
    assert origin, f"not a problem of nbgate's own: {body['type']}"
    return name


def _toml(value: object) -> str:
    # For strings, lists of strings, numbers and booleans, JSON is TOML.
    return json.dumps(value)


def _lines(table: Mapping[str, object]) -> str:
    return "\n".join(f"{key} = {_toml(value)}" for key, value in table.items())
