"""One realm of Keycloak: who is in it, what its administrator changes, and how tokens are had."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from lib.identity.dpop import proof
from lib.leaks import Ledger

Administer = Callable[..., httpx.Response]


@dataclass(frozen=True)
class Tokens:
    """What a client was given."""

    access: str
    refresh: str = field(default="")
    id: str = field(default="")


@dataclass(frozen=True)
class Person:
    """Somebody with a password."""

    name: str
    id: str
    password: str


class Realm:
    """Its addresses, as tokens and clients have them; the tests ask past the wiretap, so that it shows who else asks."""

    def __init__(self, name: str, public: str, direct: str, administer: Administer, ledger: Ledger) -> None:
        self.name = name
        self.issuer = f"{public}/realms/{name}"
        self.authorization_endpoint = f"{self.issuer}/protocol/openid-connect/auth"
        self.introspection_endpoint = f"{self.issuer}/protocol/openid-connect/token/introspect"
        self.end_session_endpoint = f"{self.issuer}/protocol/openid-connect/logout"
        self.keys_path = f"/realms/{name}/protocol/openid-connect/certs"
        self._direct = f"{direct}/realms/{name}/protocol/openid-connect"
        self._admin = f"/admin/realms/{name}"
        self._administer = administer
        self._ledger = ledger
        self._people: dict[str, Person] = {}
        self._secrets: dict[str, str | None] = {}

    # People

    def person(self, name: str) -> Person:
        """Somebody of the realm file, who has a password from now on."""
        if name not in self._people:
            query = {"username": name, "exact": "true"}
            (user,) = self._administer("GET", f"{self._admin}/users", params=query).json()
            self._people[name] = self._with_password(name, user["id"])
        return self._people[name]

    def impostor(self, name: str) -> Person:
        """Somebody who does not know the password."""
        return Person(name, "", secrets.token_urlsafe(24))

    def new_person(self, groups: Sequence[str] = ()) -> Person:
        """Somebody whom no other test knows."""
        name = f"person-{secrets.token_hex(4)}"
        user = {
            "username": name,
            "enabled": True,
            "email": f"{name}@example.org",
            "firstName": "Some",
            "lastName": "Body",
            "groups": list(groups),
        }
        created = self._administer("POST", f"{self._admin}/users", json=user)
        return self._with_password(name, created.headers["location"].rpartition("/")[2])

    def _with_password(self, name: str, id: str) -> Person:
        password = secrets.token_urlsafe(24)
        credential = {"type": "password", "value": password, "temporary": False}
        self._administer("PUT", f"{self._admin}/users/{id}/reset-password", json=credential)
        return Person(name, id, password)

    def disable(self, person: Person) -> None:
        """Lock somebody out."""
        self._administer("PUT", f"{self._admin}/users/{person.id}", json={"enabled": False})

    def end_sessions(self, person: Person) -> None:
        """Sign somebody out everywhere."""
        self._administer("POST", f"{self._admin}/users/{person.id}/logout")

    def leave(self, person: Person, group: str) -> None:
        """Take somebody out of a group."""
        id = self._administer("GET", f"{self._admin}/group-by-path{group}").json()["id"]
        self._administer("DELETE", f"{self._admin}/users/{person.id}/groups/{id}")

    def join_new_group(self, person: Person, name: str) -> None:
        """Make a group at the top, and put somebody into it."""
        created = self._administer("POST", f"{self._admin}/groups", json={"name": name})
        id = created.headers["location"].rpartition("/")[2]
        self._administer("PUT", f"{self._admin}/users/{person.id}/groups/{id}")

    # Clients and keys

    def client(self, client_id: str) -> dict[str, Any]:
        """A client as its administrator sees it."""
        (client,) = self._administer("GET", f"{self._admin}/clients", params={"clientId": client_id}).json()
        return dict(client)

    def change_client(self, client_id: str, **changes: object) -> None:
        """Change some members of a client."""
        self._secrets.pop(client_id, None)
        client = self.client(client_id)
        self._administer("PUT", f"{self._admin}/clients/{client['id']}", json=client | changes)

    def client_secret(self, client_id: str) -> str:
        """What Keycloak made up when the client was made."""
        id = self.client(client_id)["id"]
        return str(self._administer("GET", f"{self._admin}/clients/{id}/client-secret").json()["value"])

    def let_tokens_last(self, seconds: int) -> None:
        """How long access tokens are good that are made from now on; no session ends before."""
        limits = ("accessTokenLifespan", "ssoSessionIdleTimeout", "ssoSessionMaxLifespan")
        self._administer("PUT", self._admin, json={limit: seconds for limit in limits})

    def use_secret_of(self, identity: Mapping[str, object]) -> None:
        """Let jira-proxy ask this realm with the secret that it has for another one."""
        secret = Path(str(identity["client_secret_file"])).read_text().strip()
        self.change_client("jira-proxy", secret=secret)

    def change_mapper(self, scope: str, mapper: str, **config: str) -> None:
        """Change what a mapper of a client scope does."""
        scopes = self._administer("GET", f"{self._admin}/client-scopes").json()
        (found,) = (one for one in scopes if one["name"] == scope)
        (known,) = (one for one in found["protocolMappers"] if one["name"] == mapper)
        changed = known | {"config": known["config"] | config}
        path = f"{self._admin}/client-scopes/{found['id']}/protocol-mappers/models/{known['id']}"
        self._administer("PUT", path, json=changed)

    def add_key(self, priority: int, *, active: bool = True) -> str:
        """A new RSA key; of the active ones, that with the highest priority signs. Returns the id of its provider."""
        component = {
            "name": f"rsa-{priority}",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": {
                "priority": [str(priority)],
                "active": [str(active).lower()],
                "algorithm": ["RS256"],
                "keySize": ["2048"],
            },
        }
        created = self._administer("POST", f"{self._admin}/components", json=component)
        return created.headers["location"].rpartition("/")[2]

    def activate_key(self, provider: str) -> None:
        """Let a key sign that was only published."""
        path = f"{self._admin}/components/{provider}"
        component = self._administer("GET", path).json()
        self._administer("PUT", path, json=component | {"config": component["config"] | {"active": ["true"]}})

    def remove_key(self, provider: str) -> None:
        """Withdraw a key for good."""
        self._administer("DELETE", f"{self._admin}/components/{provider}")

    def signing_key(self) -> dict[str, Any]:
        """The key that signs now, as the administrator sees it."""
        keys = self._administer("GET", f"{self._admin}/keys").json()
        (active,) = (key for key in keys["keys"] if key["kid"] == keys["active"]["RS256"])
        return dict(active)

    # Tokens

    def sign_in(self, person: Person, client_id: str = "notebook", **form: str) -> Tokens:
        """By password: what scripts do where there is no browser."""
        granted = self._ask_for_token(
            {"grant_type": "password", "username": person.name, "password": person.password} | form,
            client_id,
        )
        return self.kept(granted)

    def sign_in_with_proof(self, person: Person) -> Tokens:
        """The same, for a token that is bound to a key of its owner (DPoP)."""
        form = {"grant_type": "password", "username": person.name, "password": person.password}
        return self.kept(self._ask_for_token(form, "notebook", {"DPoP": proof("POST", f"{self._direct}/token")}))

    def service_token(self, client_id: str) -> str:
        """By client credentials: a program that is nobody but itself."""
        return self.kept(self._ask_for_token({"grant_type": "client_credentials"}, client_id)).access

    def exchange(self, client_id: str, code: str, redirect_uri: str, verifier: str | None) -> httpx.Response:
        """The last step of the authorization code flow."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return self._ask_for_token(form | ({"code_verifier": verifier} if verifier else {}), client_id)

    def refresh(self, tokens: Tokens, client_id: str = "notebook") -> httpx.Response:
        """Ask for new tokens without a password."""
        return self._ask_for_token({"grant_type": "refresh_token", "refresh_token": tokens.refresh}, client_id)

    def try_to_sign_in(self, person: Person) -> httpx.Response:
        """What Keycloak says, whether yes or no."""
        form = {"grant_type": "password", "username": person.name, "password": person.password}
        return self._ask_for_token(form, "notebook")

    def kept(self, granted: httpx.Response) -> Tokens:
        """The tokens of a good answer; each is a secret of this run from now on."""
        assert granted.status_code == 200, granted.text
        names = ("access_token", "refresh_token", "id_token")
        return Tokens(*(self._secret(granted.json().get(name, "")) for name in names))

    def _secret(self, token: str) -> str:
        return self._ledger.platform_token(token) if token else ""

    def _ask_for_token(
        self, form: dict[str, str], client_id: str, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        form = {"client_id": client_id, "scope": "openid"} | form
        if client_id not in self._secrets:
            public = self.client(client_id)["publicClient"]
            self._secrets[client_id] = None if public else self.client_secret(client_id)
        if secret := self._secrets[client_id]:
            form["client_secret"] = secret
        return httpx.post(f"{self._direct}/token", data=form, headers=headers, timeout=30, trust_env=False)
