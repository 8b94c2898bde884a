"""A real Keycloak: start it, stop it, start it again with what it had stored."""

import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

import httpx

from lib.bench import Bench, Peer
from lib.identity.realm import Realm
from lib.leaks import Ledger
from lib.ports import free_port
from lib.wiretap import Wiretap

_REALM_FILE = Path(__file__).with_name("keycloak-realm.json")
_ADMIN = "admin"
# The administrator's tokens are good for a minute.
_ADMIN_SECONDS = 40


class Keycloak:
    """One server on a port of its own, known to the world by the address of a wiretap before it."""

    def __init__(self, bench: Bench, ledger: Ledger) -> None:
        self._bench = bench
        self._ledger = ledger
        self._port = free_port()
        self._direct = f"http://127.0.0.1:{self._port}"
        self._password = secrets.token_urlsafe(24)
        self._home = self._make_home()
        self._peer: Peer | None = None
        self._admin_token = ("", 0.0)
        self.tap = Wiretap("keycloak", self._port)
        self.url = self.tap.url
        """Its address as in `iss`."""
        self.start()

    def _make_home(self) -> Path:
        """A folder that it may write to; the program stays in the cache folder, for all runs."""
        program = Path(os.environ["NBGATE_E2E_KEYCLOAK"])
        home = self._bench.directory("keycloak")
        for name in ("lib", "conf", "providers", "themes"):
            (home / name).symlink_to(program / name)
        shutil.copytree(program / "bin", home / "bin")  # it finds its home beside its script
        (home / "data" / "import").mkdir(parents=True)
        shutil.copy(_REALM_FILE, home / "data" / "import" / "science-realm.json")
        return home

    def start(self) -> None:
        """Start it. The first time it imports the realm file; later it finds the realm in its database."""
        self._peer = self._bench.start(
            "keycloak",
            [
                *(self._home / "bin" / "kc.sh", "start", "--optimized", "--import-realm", "--cache=local"),
                *("--http-enabled=true", "--http-host=127.0.0.1", f"--http-port={self._port}"),
                f"--hostname={self.tap.url}",
                # Else a group with the name `spt3g/dev` has the path of a group `dev` in a group `spt3g`.
                "--spi-group--jpa--escape-slashes-in-group-path=true",
            ],
            env={
                "KC_BOOTSTRAP_ADMIN_USERNAME": _ADMIN,
                "KC_BOOTSTRAP_ADMIN_PASSWORD": self._password,
                "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",  # it does not run for long enough to be worth more
            },
            ready=lambda: httpx.get(f"{self._direct}/realms/science", trust_env=False).status_code == 200,
            within=180,
        )

    def stop(self) -> None:
        """Stop it."""
        assert self._peer is not None
        self._peer.stop()

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._peer is not None and self._peer.alive

    def realm(self, name: str) -> Realm:
        """A realm that is there."""
        return Realm(name, self.url, self._direct, self.administer, self._ledger)

    def copy_realm(self, name: str) -> Realm:
        """A new realm from the same file: the same users, groups and clients, but keys of its own."""
        file = _REALM_FILE.read_text().replace('"realm": "science"', f'"realm": "{name}"')
        self.administer("POST", "/admin/realms", content=file, headers={"Content-Type": "application/json"})
        return self.realm(name)

    def administer(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """Change or read something as the administrator does."""
        headers = {"Authorization": f"Bearer {self.admin_token()}"} | rest.pop("headers", {})
        answer = httpx.request(method, f"{self._direct}{path}", headers=headers, timeout=30, trust_env=False, **rest)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def admin_token(self) -> str:
        """The administrator's own access token, of the realm `master`."""
        token, since = self._admin_token
        if time.monotonic() - since > _ADMIN_SECONDS:
            form = {"grant_type": "password", "client_id": "admin-cli", "username": _ADMIN, "password": self._password}
            answer = httpx.post(
                f"{self._direct}/realms/master/protocol/openid-connect/token", data=form, timeout=30, trust_env=False
            )
            answer.raise_for_status()
            token = self._ledger.platform_token(answer.json()["access_token"])
            self._admin_token = (token, time.monotonic())
        return token
