"""A small ingress controller: nginx, the real one, with a location for each path of each Ingress in the cluster.

It leads to Services by their cluster address and retries nothing, so that whatever a rollout breaks is seen.
"""

import json
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import httpx

from lib.bench import Bench
from lib.cluster.kubectl import Kubectl, Manifest
from lib.nginx import start_nginx
from lib.ports import free_port

_SERVER = """
map $http_upgrade $connection_upgrade {{
    default upgrade;
    "" "";
}}
server {{
    listen 127.0.0.1:{port} backlog=1024;
    location = /healthz {{ return 204; }}
    include {locations};
}}
"""
_LOCATION = """
location {path} {{
    proxy_pass http://{address}:{port};
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_next_upstream off;
    proxy_connect_timeout 5s;
    {settings}
}}
"""
# What the annotations of ingress-nginx, which are all that are looked at, become.
_ANNOTATIONS = {
    "proxy-read-timeout": "proxy_read_timeout {}s;",
    "proxy-send-timeout": "proxy_send_timeout {}s;",
    "proxy-body-size": "client_max_body_size {};",
    "proxy-buffering": "proxy_buffering {};",
    "proxy-request-buffering": "proxy_request_buffering {};",
}
_PREFIX = "nginx.ingress.kubernetes.io/"


class IngressController:
    """One host for all: paths are what tells services apart."""

    def __init__(self, bench: Bench, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._folder: Path = bench.directory("ingress")
        self._locations = self._folder / "locations.conf"
        self._locations.write_text("")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.paths: dict[str, str] = {}
        """What leads to which Service, as `namespace/name`."""
        server = _SERVER.format(port=self.port, locations=self._locations)
        health = f"{self.url}/healthz"
        start_nginx(bench, "ingress", server, ready=lambda: httpx.get(health, trust_env=False).status_code == 204)

    def reload(self, *namespaces: str) -> None:
        """Serve what the Ingress objects of these namespaces say, and nothing else."""
        text = ""
        self.paths = {}
        for ingress in self._of(namespaces):
            text += self._served(ingress)
        self.acknowledge(*namespaces)
        self._locations.write_text(text)
        os.kill(int((self._folder / "nginx.pid").read_text()), signal.SIGHUP)
        time.sleep(0.3)  # nginx tells nobody when its new workers are there

    def _served(self, ingress: Manifest) -> str:
        metadata = ingress["metadata"]
        settings = " ".join(
            line.format(metadata["annotations"][_PREFIX + name])
            for name, line in _ANNOTATIONS.items()
            if _PREFIX + name in metadata.get("annotations", {})
        )
        text = ""
        for path in (path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]):
            backend = path["backend"]["service"]
            service = self._kubectl.get("service", backend["name"], metadata["namespace"])["spec"]
            (port,) = (one["port"] for one in service["ports"] if one["name"] == backend["port"]["name"])
            self.paths[path["path"]] = f"{metadata['namespace']}/{backend['name']}"
            text += _LOCATION.format(path=path["path"], address=service["clusterIP"], port=port, settings=settings)
        return text

    def acknowledge(self, *namespaces: str) -> None:
        """Give these Ingress objects an address, without which they never count as healthy."""
        status = {"status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}}
        for metadata in (ingress["metadata"] for ingress in self._of(namespaces)):
            where = [f"--namespace={metadata['namespace']}", "ingress", metadata["name"]]
            self._kubectl("patch", *where, "--subresource=status", "--type=merge", f"--patch={json.dumps(status)}")

    def _of(self, namespaces: Iterable[str]) -> list[Manifest]:
        return [ingress for namespace in namespaces for ingress in self._kubectl.list("ingress", namespace)]
