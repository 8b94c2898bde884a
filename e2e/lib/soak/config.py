"""The configuration of the service under test: what a scenario sets, and nothing else."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from lib.soak.tokens import AUDIENCE

SHARED, OWN, NEVER = "/shared", "/own", "/never"
"""Prefixes of three tenants of one Jira that differ in `reuse`: who may share a connection to it."""


@dataclass(frozen=True)
class Shape:
    """What differs between scenarios; the rest is as delivered."""

    max_in_flight: int = 256
    max_in_flight_per_user: int = 16
    response_timeout_seconds: int = 60
    keep_alive_seconds: int = 75
    drain_grace_seconds: int = 0
    drain_deadline_seconds: int = 25
    reuse: dict[str, str] = field(default_factory=lambda: {SHARED: "credential"})


ALL_REUSE = {SHARED: "credential", OWN: "user", NEVER: "never"}


def service(shape: Shape, folder: Path, port: int, admin: int, jira: str, platform: str) -> str:
    """The whole file."""
    head = f"""
[server]
host = "127.0.0.1"
port = {port}
admin_host = "127.0.0.1"
admin_port = {admin}
keep_alive_seconds = {shape.keep_alive_seconds}
drain_grace_seconds = {shape.drain_grace_seconds}
drain_deadline_seconds = {shape.drain_deadline_seconds}

[[identity]]
kind = "oidc"
issuer = {json.dumps(platform)}
audience = [{json.dumps(AUDIENCE)}]

[[identity]]
kind = "introspection"
endpoint = {json.dumps(platform + "/introspect")}
client_id = "jira-proxy"
client_secret_file = {json.dumps(str(folder / "client-secret"))}
"""
    return head + "".join(_tenant(shape, prefix, reuse, folder, jira) for prefix, reuse in shape.reuse.items())


def _tenant(shape: Shape, prefix: str, reuse: str, folder: Path, jira: str) -> str:
    return f"""
[[tenant]]
name = {json.dumps(prefix.strip("/"))}
prefix = {json.dumps(prefix)}

[tenant.upstream]
url = {json.dumps(jira + "/")}
reuse = {json.dumps(reuse)}
response_timeout_seconds = {shape.response_timeout_seconds}

[tenant.credential]
kind = "basic"
username = "bot"
password_file = {json.dumps(str(folder / "password"))}

[tenant.policy]
preset = "read-only"

[tenant.limits]
max_in_flight = {shape.max_in_flight}
max_in_flight_per_user = {shape.max_in_flight_per_user}
"""
