"""A real JupyterHub, with its real proxy and real single-user servers."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lib.bench import Bench, Peer
from lib.leaks import Ledger
from lib.poll import eventually
from lib.ports import free_port

_CONFIG = Path(__file__).with_name("jupyterhub_config.py")
_ADMIN_TOKEN = "tests-admin-token-that-no-proxy-may-see"


@dataclass
class ManagedService:
    """A service that the hub starts, with nothing of the hub's environment but what the hub itself passes."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    port: int = field(default_factory=free_port)

    def as_config(self) -> dict[str, Any]:
        """As an entry of `JupyterHub.services`."""
        return {
            "name": self.name,
            "url": f"http://127.0.0.1:{self.port}",
            "command": list(self.command),
            "environment": self.environment,
        }


class Hub:
    """One JupyterHub: start it, stop it, start it again on the same ports with the same database."""

    def __init__(
        self,
        bench: Bench,
        ledger: Ledger,
        *,
        groups: dict[str, list[str]],
        reader_groups: list[str],
        open_services: list[str],
    ) -> None:
        self._bench = bench
        self._ledger = ledger
        self._peer: Peer | None = None
        self._services: list[ManagedService] = []
        self.directory = bench.directory("hub")
        self.public_url = f"http://127.0.0.1:{free_port()}"
        self._hub_port = free_port()
        self.api_url = f"http://127.0.0.1:{self._hub_port}/hub/api"
        self._settings: dict[str, Any] = {
            "public_url": self.public_url,
            "hub_port": self._hub_port,
            "proxy_command": [os.environ["NBGATE_E2E_CHP"]],
            "proxy_api_url": f"http://127.0.0.1:{free_port()}",
            "groups": groups,
            "reader_groups": reader_groups,
            "open_services": open_services,
            "admin_token": _ADMIN_TOKEN,
            "home_template": f"{bench.directory('homes')}/{{username}}",
        }
        ledger.platform_token(_ADMIN_TOKEN)
        self._admin = httpx.Client(
            base_url=self.api_url, headers={"Authorization": f"token {_ADMIN_TOKEN}"}, timeout=30, trust_env=False
        )

    def manage(self, service: ManagedService) -> str:
        """Let the hub run `service` from its next start on; returns the service's public address, without a slash."""
        self._services.append(service)
        return f"{self.public_url}/services/{service.name}"

    def start(self) -> None:
        """Start the hub; it starts its proxy and its services, and gives up if one of them does not answer."""
        self._settings["services"] = [service.as_config() for service in self._services]
        settings = self.directory / "settings.json"
        settings.write_text(json.dumps(self._settings))
        self._peer = self._bench.start(
            "hub",
            [sys.executable, "-m", "jupyterhub", "--config", str(_CONFIG)],
            env={"NBGATE_E2E_HUB": str(settings)},
            cwd=self.directory,
            ready=self._answers,
            within=60,
        )

    def stop(self) -> None:
        """Stop the hub and all that it started, as an admin's `systemctl stop` does."""
        assert self._peer is not None
        self._peer.stop()

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._peer is not None and self._peer.alive

    def _answers(self) -> bool:
        # Through the proxy, as the API is up before the routes are; a page of the hub's own in place of the service's
        # means that the route is missing.
        pages = [
            httpx.get(f"{self.public_url}/services/{service.name}/", trust_env=False) for service in self._services
        ]
        missing = [page for page in pages if page.status_code >= 500 or "X-JupyterHub-Version" in page.headers]
        return not missing and httpx.get(f"{self.public_url}/hub/health", trust_env=False).status_code == 200

    def token(self, user: str, scopes: list[str] | None = None) -> str:
        """A new token of `user`, with all that the user may do, or with `scopes` only."""
        self._admin.post(f"/users/{user}").read()  # 201, or 409 if the user is known
        body: dict[str, Any] = {"note": "e2e"} | ({"scopes": scopes} if scopes is not None else {})
        answer = self._admin.post(f"/users/{user}/tokens", json=body)
        answer.raise_for_status()
        return self._ledger.platform_token(answer.json()["token"])

    def start_server(self, user: str) -> str:
        """Start the user's notebook server; returns its address, without a slash."""
        self._admin.post(f"/users/{user}").read()
        answer = self._admin.post(f"/users/{user}/server")
        if answer.status_code != 400:  # 400: it runs already
            answer.raise_for_status()
        server = f"{self.public_url}/user/{user}"

        def running() -> bool:
            model = self._admin.get(f"/users/{user}").json()["servers"].get("")
            return model is not None and model["ready"]

        eventually(f"{user}'s server is ready", running, within=60)
        return server
