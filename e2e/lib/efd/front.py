"""nginx before InfluxDB, as a site has it that hands out its shared password: TLS, a path, an answer to `health`."""

from pathlib import Path

import httpx

from lib.authority import Authority
from lib.bench import Bench
from lib.nginx import start_nginx
from lib.ports import free_port

PATH = "/influxdb/"
_SERVER = """
server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {directory}/tls.crt;
    ssl_certificate_key {directory}/tls.key;
    # InfluxDB 1.6 has no such route yet, and the client wants 200 of it.
    location = {path}health {{ return 200 "up"; }}
    location {path} {{ proxy_pass {target}; }}
}}
"""


class Front:
    """Where callers reach the database without efd-token."""

    def __init__(self, bench: Bench, authority: Authority, target: str) -> None:
        self.port = free_port()
        directory = bench.directory("influxdb-front")
        for name, text in zip(("tls.crt", "tls.key"), authority.issue("127.0.0.1"), strict=True):
            (Path(directory) / name).write_text(text)
        health = f"https://127.0.0.1:{self.port}{PATH}health"
        trusting = authority.trusting()
        servers = _SERVER.format(port=self.port, directory=directory, path=PATH, target=target)
        start_nginx(
            bench,
            "influxdb-front",
            servers,
            ready=lambda: httpx.get(health, verify=trusting, trust_env=False).status_code == 200,
        )

    @property
    def location(self) -> dict[str, str]:
        """As a document says it."""
        return {"host": "127.0.0.1", "port": str(self.port), "path": PATH}
