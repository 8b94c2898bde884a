"""npm's oidc-provider: other algorithms, tokens of type `at+jwt`, opaque tokens. What it issued is lost when it stops."""

import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from lib.bench import Bench, Peer
from lib.identity.browser import Attempt, Browser
from lib.identity.realm import Person, Tokens
from lib.leaks import Ledger
from lib.ports import free_port
from lib.wiretap import Wiretap

AUDIENCE = "jira-proxy"
CALLBACK = "https://spt3g.example.org/account/callback"
TOKEN_SECONDS = 3600
_SCRIPT = Path(__file__).with_name("oidc_provider.mjs")
_GROUPS = {"ada": ["/spt3g/dev"], "bob": ["/spt3g/users"]}


def new_key(algorithm: str, id: str) -> dict[str, Any]:
    """A private key in JSON, for one algorithm only."""
    if algorithm == "ES256":
        key = jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    elif algorithm == "EdDSA":
        key = jwt.algorithms.OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True)
    else:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(
            rsa.generate_private_key(public_exponent=65537, key_size=2048), as_dict=True
        )
    return {name: value for name, value in key.items() if name != "key_ops"} | {
        "kid": id,
        "alg": algorithm,
        "use": "sig",
    }


class OidcProvider:
    """One provider; its keys may change between a stop and a start."""

    def __init__(self, bench: Bench, ledger: Ledger, keys: Sequence[dict[str, Any]]) -> None:
        self._bench = bench
        self._ledger = ledger
        self._name = f"oidc-provider-{secrets.token_hex(2)}"
        self._port = free_port()
        self._direct = f"http://127.0.0.1:{self._port}"
        self._secrets = {name: secrets.token_urlsafe(24) for name in ("pipeline", AUDIENCE)}
        self._peer: Peer | None = None
        self.tap = Wiretap(self._name, self._port)
        self.issuer = self.tap.url
        self.introspection_endpoint = f"{self.issuer}/token/introspection"
        self.introspection_secret = ledger.bot_secret(self._secrets[AUDIENCE])
        self.start(keys)

    def start(self, keys: Sequence[dict[str, Any]]) -> None:
        """Start it with these keys; the first that fits signs."""
        settings = self._bench.directory(self._name) / "settings.json"
        settings.write_text(json.dumps(self._settings(keys)))
        discovery = f"{self._direct}/.well-known/openid-configuration"
        self._peer = self._bench.start(
            self._name,
            ["node", _SCRIPT, settings],
            ready=lambda: httpx.get(discovery, trust_env=False).status_code == 200,
        )

    @property
    def keys_fetched(self) -> int:
        """How often somebody has asked for its keys."""
        return self.tap.requests.count("GET /jwks")

    def stop(self) -> None:
        """Stop it, and with it all that it issued."""
        assert self._peer is not None
        self._peer.stop()

    def _settings(self, keys: Sequence[dict[str, Any]]) -> dict[str, Any]:
        machine = {"response_types": [], "redirect_uris": []}
        return {
            "npm": os.environ["NBGATE_E2E_NPM"],
            "port": self._port,
            "issuer": self.issuer,
            "audience": AUDIENCE,
            "tokenSeconds": TOKEN_SECONDS,
            "groups": _GROUPS,
            "keys": list(keys),
            "cookieKeys": [secrets.token_urlsafe(24)],
            "clients": [
                {
                    "client_id": "notebook",
                    "token_endpoint_auth_method": "none",
                    "grant_types": ["authorization_code", "refresh_token"],
                    "redirect_uris": [CALLBACK],
                    "id_token_signed_response_alg": keys[0]["alg"],
                },
                {
                    "client_id": "pipeline",
                    "client_secret": self._secrets["pipeline"],
                    "grant_types": ["client_credentials"],
                    "id_token_signed_response_alg": keys[0]["alg"],
                    **machine,
                },
                {
                    "client_id": AUDIENCE,
                    "client_secret": self._secrets[AUDIENCE],
                    "grant_types": [],
                    "id_token_signed_response_alg": keys[0]["alg"],
                    **machine,
                },
            ],
        }

    def service_token(self, form: str) -> str:
        """By client credentials; `form` is `opaque` or the algorithm that it is signed with."""
        request = {"grant_type": "client_credentials", "resource": _resource(form), "scope": "read"}
        answer = self._ask("/token", request, ("pipeline", self._secrets["pipeline"]))
        return self._kept(answer).access

    def sign_in(self, browser: Browser, name: str, form: str) -> Tokens:
        """By authorization code in a browser. Its development pages take any password."""
        attempt = Attempt("notebook", CALLBACK, resource=_resource(form), scope="openid read offline_access")
        with browser.visit() as visit:
            visit.open(attempt.url(f"{self.issuer}/auth"))
            visit.sign_in(Person(name, name, "any"), field="login")
            visit.press("button[type=submit]")  # consent
            code = visit.answer()["code"]
        request = {
            "grant_type": "authorization_code",
            "client_id": "notebook",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": attempt.verifier,
            "resource": _resource(form),
        }
        return self._kept(self._ask("/token", request))

    def revoke(self, token: str, client_id: str = "notebook") -> None:
        """Tell the provider that the token shall be good no more (RFC 7009)."""
        assert self._ask("/token/revocation", {"token": token, "client_id": client_id}).status_code == 200

    def _ask(self, path: str, form: dict[str, str], client: tuple[str, str] | None = None) -> httpx.Response:
        return httpx.post(f"{self._direct}{path}", data=form, auth=client, timeout=30, trust_env=False)

    def _kept(self, granted: httpx.Response) -> Tokens:
        assert granted.status_code == 200, granted.text
        given = (granted.json().get(name, "") for name in ("access_token", "refresh_token", "id_token"))
        return Tokens(*(self._ledger.platform_token(token) if token else "" for token in given))


def _resource(form: str) -> str:
    return f"https://jira-proxy.example.org/{form}"
