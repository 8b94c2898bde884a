"""jira-proxy with everything on: identity, policy, credential, link rewriting, audit events, metrics, root span."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.measure import resident_kib
from lib.bench import Bench, Peer
from lib.poll import eventually
from lib.ports import free_port

_CONFIG = """
[server]
host = "127.0.0.1"
port = {port}
admin_host = "127.0.0.1"
admin_port = {admin_port}
workers = 1

[log]
level = "info"
format = "json"

[[identity]]
kind = "jupyterhub"
api_url = "{upstream}/hub/api"
service_name = "jira"

[[tenant]]
[tenant.upstream]
url = "{upstream}/"
[tenant.credential]
kind = "basic"
username = "bot"
password_file = "{password}"
[tenant.policy]
preset = "read-only"
publish = ["attachments"]
[[tenant.policy.rule]]
name = "no-boards"
action = "deny"
paths = ["rest/agile/1.0/board/*/backlog", "rest/greenhopper/**"]
[[tenant.policy.rule]]
name = "dev-status"
action = "allow"
methods = ["GET"]
paths = ["rest/dev-status/1.0/**"]
[tenant.limits]
max_in_flight = 4096
max_in_flight_per_user = 4096
"""


def binary() -> Path:
    """The release build."""
    return Path(os.environ["NBGATE_BIN_DIR"]) / "jira-proxy"


@dataclass
class JiraProxy:
    """One running jira-proxy."""

    port: int
    peer: Peer
    start_ms: float
    """From starting the process to a good answer of /readyz."""
    idle_kib: int

    @property
    def pid(self) -> int:
        return self.peer.process.pid


def start(bench: Bench, name: str, upstream: str, cpus: set[int]) -> JiraProxy:
    """Start one on `cpus`, in front of `upstream`."""
    directory, port, admin_port = bench.directory(name), free_port(), free_port()
    password = directory / "password"
    password.write_text("secret")
    password.chmod(0o400)
    config = directory / "jira-proxy.toml"
    config.write_text(_CONFIG.format(port=port, admin_port=admin_port, upstream=upstream, password=password))
    began = time.monotonic()
    # The workbench looks less often than this is to be measured.
    peer = bench.start(name, [binary(), "--config", config], ready=lambda: True)
    with httpx.Client(trust_env=False) as client:
        eventually(f"{name} is ready", lambda: _ready(client, admin_port), within=10, every=0.001)
    start_ms = (time.monotonic() - began) * 1000
    for task in Path(f"/proc/{peer.process.pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cpus)
    return JiraProxy(port, peer, start_ms, resident_kib(peer.process.pid))


def _ready(client: httpx.Client, port: int) -> bool:
    try:
        return client.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def audited(peer: Peer) -> int:
    """How many requests are in its audit log."""
    with peer.log.open("rb") as log:
        return sum(line.startswith(b"{") and b'"event":"request"' in line for line in log)
