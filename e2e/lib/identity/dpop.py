"""Proofs of possession (RFC 9449), for tokens that only the holder of a key may use."""

import secrets
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec


def proof(method: str, url: str) -> str:
    """A proof for one request, made with a new key."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    claims = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(time.time())}
    return jwt.encode(claims, key, "ES256", headers={"typ": "dpop+jwt", "jwk": public})
