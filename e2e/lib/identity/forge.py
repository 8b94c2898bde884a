"""Tokens that no provider has issued, made from one that a provider has."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa


def encoded(part: bytes | dict[str, Any]) -> str:
    """base64url without padding, of JSON if it is an object."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(part: str) -> dict[str, Any]:
    """What is in a header or in claims."""
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def header(token: str) -> dict[str, Any]:
    """What a token says of its signature."""
    return decoded(token.split(".")[0])


def claims(token: str) -> dict[str, Any]:
    """What a token says of its owner."""
    return decoded(token.split(".")[1])


def with_claims(token: str, **changes: object) -> str:
    """The same signature below other claims."""
    first, second, third = token.split(".")
    return f"{first}.{encoded(decoded(second) | changes)}.{third}"


def with_header(token: str, **changes: object) -> str:
    """The same signature below another header."""
    first, second, third = token.split(".")
    return f"{encoded(decoded(first) | changes)}.{second}.{third}"


def unsigned(token: str) -> str:
    """The same claims, and a header that says that nobody has to sign."""
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{token.split('.')[1]}."


def cut_short(token: str) -> str:
    """The end of the signature is missing."""
    return token[:-8]


def signed_with_the_public_key(token: str, public_key: bytes) -> str:
    """As if the issuer's public key were a secret that both sides know."""
    signed = f"{encoded(header(token) | {'alg': 'HS256'})}.{token.split('.')[1]}"
    return f"{signed}.{encoded(hmac.digest(public_key, signed.encode(), hashlib.sha256))}"


def signed_anew(token: str, **changes: object) -> str:
    """Signed with a key of one's own, which the header brings along; the key's id is the issuer's unless changed."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    own = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return jwt.encode(claims(token), key, "RS256", headers=header(token) | {"jwk": own} | changes)
