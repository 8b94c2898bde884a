"""A real JupyterHub, with its real proxy and real single-user servers."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
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
        accounts: Mapping[str, str] | None = None,
        roles: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """`accounts` are services that only have a token; `roles` are granted beside that of `reader_groups`."""
        self._bench = bench
        self._ledger = ledger
        self._peer: Peer | None = None
        self._services: list[ManagedService] = []
        self._token_ids: dict[str, str] = {}
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
            "accounts": [{"name": name, "api_token": token} for name, token in (accounts or {}).items()],
            "roles": list(roles),
            "admin_token": _ADMIN_TOKEN,
            "home_template": f"{bench.directory('homes')}/{{username}}",
        }
        for token in (_ADMIN_TOKEN, *(accounts or {}).values()):
            ledger.platform_token(token)
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

    def token(self, user: str, scopes: list[str] | None = None, lifetime: int | None = None) -> str:
        """A new token of `user`, with all that the user may do or with `scopes` only, without an end or for a while."""
        self._admin.post(f"/users/{user}").read()  # 201, or 409 if the user is known
        body: dict[str, Any] = {"note": "e2e"}
        body |= {"scopes": scopes} if scopes is not None else {}
        body |= {"expires_in": lifetime} if lifetime is not None else {}
        answer = self._admin.post(f"/users/{user}/tokens", json=body)
        answer.raise_for_status()
        made = answer.json()
        self._token_ids[made["token"]] = made["id"]
        return self._ledger.platform_token(made["token"])

    def revoke(self, user: str, token: str) -> None:
        """The owner deletes a token."""
        self._admin.delete(f"/users/{user}/tokens/{self._token_ids[token]}").raise_for_status()

    def delete(self, user: str) -> None:
        """An admin deletes somebody, with all that they had."""
        self._admin.delete(f"/users/{user}").raise_for_status()

    def join(self, user: str, group: str) -> None:
        """An admin puts somebody into a group."""
        self._admin.post(f"/users/{user}").read()
        self._admin.post(f"/groups/{group}/users", json={"users": [user]}).raise_for_status()

    def leave(self, user: str, group: str) -> None:
        """An admin takes somebody out of a group."""
        self._admin.request("DELETE", f"/groups/{group}/users", json={"users": [user]}).raise_for_status()

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
