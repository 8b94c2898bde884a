"""efd-token, as far as hand-outs go: what `creds/{key}` costs beside jira-proxy's `-/me`, which asks the same of a caller."""

import json
import os
from pathlib import Path

import httpx

from lib.bench import Bench, Peer
from lib.poll import eventually
from lib.ports import free_port

HAND_OUT = "/segwarides/creds/efd"
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
api_url = "{platform}/hub/api"
service_name = "jira"

[[tenant]]
directory = "{documents}"
"""
_DOCUMENT = {
    "host": "influxdb.example.org",
    "port": "443",
    "path": "/",
    "username": "reader",
    "password": "secret",
    "schema_registry": "https://registry.example.org",
}


def start(bench: Bench, platform: str, cpus: set[int]) -> tuple[int, Peer]:
    """Start one on `cpus`, whose callers `platform` knows; its port."""
    directory, port, admin_port = bench.directory("efd-token"), free_port(), free_port()
    documents = bench.directory("documents")
    (documents / "efd").write_text(json.dumps(_DOCUMENT))
    config = directory / "efd-token.toml"
    config.write_text(_CONFIG.format(port=port, admin_port=admin_port, platform=platform, documents=documents))
    binary = Path(os.environ["NBGATE_BIN_DIR"]) / "efd-token"
    peer = bench.start("efd-token", [binary, "--config", config], ready=lambda: True)
    with httpx.Client(trust_env=False) as client:
        eventually("efd-token is ready", lambda: _ready(client, admin_port), within=10)
    for task in Path(f"/proc/{peer.process.pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cpus)
    return port, peer


def _ready(client: httpx.Client, port: int) -> bool:
    try:
        return client.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False
