"""instance-proxy with everything on: VISA asked each minute, routes with a rewrite, audit events, metrics."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.paths import INSTANCE
from lib.bench import Bench, Peer
from lib.poll import eventually
from lib.ports import free_port

FILES = f"/visafs/{INSTANCE}"
"""What is below it, an nginx answers."""
SOCKET = f"/print/{INSTANCE}/"
"""A WebSocket whose other end echoes."""
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

[[tenant]]
routes_file = "{routes}"
[tenant.instances]
kind = "visa"
api_url = "{api}"
[tenant.upstream]
allow_loopback = true
[tenant.sessions]
directory = "{directory}/data"
[tenant.limits]
max_in_flight = 4096
max_in_flight_per_user = 4096
[tenant.tunnels]
max_tunnels = 20000
max_tunnels_per_user = 20000
"""


@dataclass
class InstanceProxy:
    """One running instance-proxy."""

    port: int
    peer: Peer

    @property
    def pid(self) -> int:
        return self.peer.process.pid


def start(bench: Bench, name: str, api: str, files_port: int, echo_port: int, cpus: set[int]) -> InstanceProxy:
    """Start one on `cpus`, in front of one instance: this machine."""
    directory, port, admin_port = bench.directory(name), free_port(), free_port()
    routes = directory / "proxy.conf.json"
    routes.write_text(json.dumps(_routes(files_port, echo_port)))
    config = directory / "instance-proxy.toml"
    config.write_text(_CONFIG.format(port=port, admin_port=admin_port, routes=routes, api=api, directory=directory))
    binary = Path(os.environ["NBGATE_BIN_DIR"]) / "instance-proxy"
    peer = bench.start(name, [binary, "--config", config], ready=lambda: True)
    with httpx.Client(trust_env=False) as client:
        eventually(f"{name} is ready", lambda: _ready(client, admin_port), within=10)
    for task in Path(f"/proc/{peer.process.pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cpus)
    return InstanceProxy(port, peer)


def _routes(files_port: int, echo_port: int) -> list[dict[str, object]]:
    files = {"match": r"^/visafs/(\d+).*", "type": "service", "name": "Visa Files", "remotePort": files_port}
    echo = {"match": r"^/print/(\d+).*", "type": "service", "name": "Printing", "remotePort": echo_port, "ws": True}
    return [files | {"pathRewrite": {r"^/visafs/\d+/": "/"}}, echo | {"pathRewrite": {r"^/print/\d+/": "/socket.io/"}}]


def _ready(client: httpx.Client, port: int) -> bool:
    try:
        return client.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False
