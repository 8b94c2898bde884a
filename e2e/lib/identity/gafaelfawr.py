"""A GafaelfawrIngress, as the nginx configuration that it becomes."""

from lib.bench import Bench
from lib.gafaelfawr import INGRESS, Gafaelfawr
from lib.identity.gateway import Gateway
from lib.leaks import Ledger

# Each of these headers is what Gafaelfawr answers, or is not there; what the caller wrote under its name is gone.
_COPIED = (
    "Authorization",
    "Cookie",
    "X-Auth-Request-Email",
    "X-Auth-Request-Service",
    "X-Auth-Request-Token",
    "X-Auth-Request-User",
)
_LOCATIONS = """
location = /-gafaelfawr {{
    internal;
    proxy_pass {url}{path}?scope={scope}&service=jira-proxy&delegate_to=jira-proxy&delegate_scope={delegated};
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
    proxy_set_header X-Original-Method $request_method;
}}
location /jira-data-proxy/ {{
    auth_request /-gafaelfawr;
    {copied}
    proxy_set_header Host $http_host;
    proxy_pass http://jira-proxy.example.org:8080;
}}
"""


def ingress(bench: Bench, ledger: Ledger, gafaelfawr: Gafaelfawr, service: int, *, delegated: str) -> Gateway:
    """An ingress that demands `exec:notebook` and delegates a token with the scope `delegated`."""
    copied = "\n    ".join(
        f"auth_request_set ${variable} $upstream_http_{variable};\n    proxy_set_header {name} ${variable};"
        for name in _COPIED
        if (variable := name.lower().replace("-", "_"))
    )
    locations = _LOCATIONS.format(
        url=gafaelfawr.url, path=INGRESS, scope="exec:notebook", delegated=delegated, copied=copied
    )
    return Gateway(bench, ledger, f"gafaelfawr-ingress-{delegated.replace(':', '-')}", locations, service)
