"""Who there is, and the tokens that VISA's identity provider gives them."""

import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from lib.leaks import Ledger

AUDIENCE = "visa"
_KEY_ID = "visa-1"


@dataclass(frozen=True)
class Person:
    """Somebody of the facility; `id` is what VISA knows them by, in the claim `employeeNumber`."""

    id: str
    name: str


ADA = Person("1001", "ada")
GRACE = Person("1002", "grace")
ALAN = Person("1003", "alan")
SUPPORT = Person("9001", "support")


class Issuer:
    """Signs tokens, and says whose one is: by signature, expiry and withdrawal, as `userinfo` does."""

    def __init__(self, ledger: Ledger, url: str) -> None:
        self.url = url
        self._ledger = ledger
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._withdrawn: set[str] = set()
        self._lock = threading.Lock()

    def token(self, person: Person, lifetime: float = 600, **claims: object) -> str:
        """A new token, good for so many seconds; a claim that is `None` is left out."""
        now = time.time()
        said: dict[str, object] = {
            "iss": self.url,
            "aud": AUDIENCE,
            "azp": AUDIENCE,
            "sub": secrets.token_hex(8),
            "jti": secrets.token_hex(8),
            "iat": now,
            "exp": now + lifetime,  # a fraction is legal (RFC 7519), and lifetimes are short here
            "employeeNumber": person.id,
            "preferred_username": person.name,
            "email": f"{person.name}@example.org",
        } | claims
        said = {name: value for name, value in said.items() if value is not None}
        token = jwt.encode(said, self._key, "ES256", headers={"kid": _KEY_ID})
        return self._ledger.platform_token(token)

    def withdraw(self, token: str) -> None:
        """The provider takes it back before its time."""
        with self._lock:
            self._withdrawn.add(token)

    def owner(self, token: str) -> str | None:
        """The id of whom it belongs to, or nobody."""
        options: Any = {"verify_exp": False, "verify_iat": False}
        try:
            claims = jwt.decode(token, self._key.public_key(), ["ES256"], audience=AUDIENCE, options=options)
        except jwt.InvalidTokenError:
            return None
        with self._lock:
            withdrawn = token in self._withdrawn
        if withdrawn or float(claims["exp"]) <= time.time():
            return None
        # visa-accounts looks at `azp` only if it is there.
        return str(claims["employeeNumber"]) if claims.get("azp", AUDIENCE) == AUDIENCE else None

    def metadata(self) -> dict[str, Any]:
        """What it says of itself: of most, only that it is there (OpenID Connect Discovery, 3)."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/auth",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    def keys(self) -> dict[str, Any]:
        """What it publishes."""
        key = jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [key | {"kid": _KEY_ID, "use": "sig", "alg": "ES256"}]}
