"""Tokens of the stand-in platform, made by the ten thousand."""

import base64
import json
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

AUDIENCE = "jira-proxy"
_KEY_ID = "soak"


class Signer:
    """The platform's key."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def keys(self) -> str:
        """What the platform publishes."""
        numbers = self._key.public_key().public_numbers()
        point = {name: _base64(value.to_bytes(32)) for name, value in (("x", numbers.x), ("y", numbers.y))}
        key = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": _KEY_ID} | point
        return json.dumps({"keys": [key]})

    def token(self, issuer: str, user: str, serial: int = 0) -> str:
        """A good token, another one for each `serial`."""
        now = int(time.time())
        claims = {"iss": issuer, "aud": AUDIENCE, "preferred_username": user, "exp": now + 3600, "jti": str(serial)}
        head = {"alg": "ES256", "kid": _KEY_ID}
        signed = f"{_base64(json.dumps(head).encode())}.{_base64(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64(r.to_bytes(32) + s.to_bytes(32))}"


def opaque(user: str, serial: int) -> str:
    """A token that only the platform can read."""
    return f"opaque-{user}-{serial}"


def user_name(number: int) -> str:
    """The name of one of the soak's users: no name begins with another."""
    return f"user-{number:06}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
