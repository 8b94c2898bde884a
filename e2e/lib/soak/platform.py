"""Stand-in for a platform that vouches for any number of users at once: publishes keys, answers RFC 7662, and counts.

The real providers are in the suite `identity`; none of them says how often it was asked.
"""

import asyncio
import json
import os
import re

from lib.soak.server import Asked, Server, main, plain

_OPAQUE = re.compile(r"opaque-(?P<user>user-\d+)-\d+")


class Platform(Server):
    """An OpenID issuer and an introspection endpoint."""

    def __init__(self, issuer: str, keys: str, delay: float) -> None:
        super().__init__()
        self._issuer = issuer
        self._keys = keys.encode()
        self._delay = delay
        self._lookups = 0

    def report(self) -> dict[str, object]:
        return super().report() | {"lookups": self._lookups}

    async def answer(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """What is asked for; anything else is 404."""
        match asked.path:
            case "/.well-known/openid-configuration":
                writer.write(_json(self._discovery()))
            case "/keys":
                writer.write(plain(200, self._keys, "Content-Type: application/json", "Connection: close"))
            case "/introspect":
                self._lookups += 1
                await asyncio.sleep(self._delay)
                writer.write(_json(_introspected(asked.body.decode())))
            case _:
                writer.write(plain(404, b"", "Connection: close"))
        await writer.drain()
        return False

    def _discovery(self) -> dict[str, object]:
        return {
            "issuer": self._issuer,
            "authorization_endpoint": f"{self._issuer}/authorize",
            "token_endpoint": f"{self._issuer}/token",
            "jwks_uri": f"{self._issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }


def _introspected(form: str) -> dict[str, object]:
    found = _OPAQUE.search(form)
    return {"active": True, "username": found["user"], "token_type": "Bearer"} if found else {"active": False}


def _json(answer: dict[str, object]) -> bytes:
    return plain(200, json.dumps(answer).encode(), "Content-Type: application/json", "Connection: close")


if __name__ == "__main__":
    main(Platform(os.environ["SOAK_ISSUER"], os.environ["SOAK_KEYS"], float(os.environ["SOAK_DELAY"])))
