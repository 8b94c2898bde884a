"""Two GafaelfawrIngress objects, as the nginx configuration that they become: one asks who calls, one asks nobody.

An ingress that needs authentication takes a `gt-…` token from Basic and hands a delegated one to the service; one that
is anonymous removes such tokens and leaves any other `Authorization` alone.
"""

import httpx

from lib.authority import Authority
from lib.bench import Bench
from lib.efd.service import DISCOVERY, PREFIX
from lib.gafaelfawr import INGRESS
from lib.nginx import start_nginx
from lib.ports import free_port

_SERVER = """
# In base64: `gt-…` as the user, and as the password of ada.
map $http_authorization $without_tokens {{
    default $http_authorization;
    "~^Bearer gt-" "";
    "~^Basic (Z3Qt|YWRhOmd0L)" "";
}}
server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {directory}/tls.crt;
    ssl_certificate_key {directory}/tls.key;
    location = /-gafaelfawr {{
        internal;
        proxy_pass {gafaelfawr}{path}?scope={scope}&service=efd-token&delegate_to=efd-token&delegate_scope={scope};
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
    }}
    location ^~ {prefix}/efd/ {{
        proxy_set_header Authorization $without_tokens;
        proxy_set_header X-Auth-Request-Token "";
        proxy_set_header X-Auth-Request-User "";
        {onward}
    }}
    location ~ ^({prefix}|{discovery})(/|$) {{
        auth_request /-gafaelfawr;
        auth_request_set $delegated $upstream_http_x_auth_request_token;
        auth_request_set $user $upstream_http_x_auth_request_user;
        proxy_set_header Authorization "";
        proxy_set_header X-Auth-Request-Token $delegated;
        proxy_set_header X-Auth-Request-User $user;
        {onward}
    }}
}}
"""
_ONWARD = """
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-Proto https;
        proxy_pass https://127.0.0.1:{service};
"""


class Ingress:
    """Where callers reach an efd-token at a Rubin platform."""

    def __init__(self, bench: Bench, authority: Authority, gafaelfawr: str, service: int, scope: str) -> None:
        self.port = free_port()
        name = "efd-ingress"
        directory = bench.directory(name)
        for file, text in zip(("tls.crt", "tls.key"), authority.issue("127.0.0.1"), strict=True):
            (directory / file).write_text(text)
        servers = _SERVER.format(
            port=self.port,
            directory=directory,
            gafaelfawr=gafaelfawr,
            path=INGRESS,
            scope=scope,
            prefix=PREFIX,
            discovery=DISCOVERY,
            onward=_ONWARD.format(service=service),
        )
        self.url = f"https://127.0.0.1:{self.port}"
        trusting = authority.trusting()
        start_nginx(
            bench,
            name,
            servers,
            ready=lambda: httpx.get(self.url, verify=trusting, trust_env=False).status_code == 404,
        )
