"""A stand-in for Gafaelfawr's `token-info`, with the answers that were seen on a running server."""

import secrets
import time
from enum import Enum, auto
from typing import Any

from lib.bench import Bench
from lib.leaks import Ledger
from lib.standin import Answer, Request, StandIn

_UNCACHED = {"Cache-Control": "no-cache, no-store"}


class Oddity(Enum):
    """A token for which the server says something out of the ordinary."""

    MALFORMED = auto()
    NOT_IN_DATABASE = auto()
    REVOKED = auto()


class Gafaelfawr(StandIn):
    """Knows the tokens it gave out; `redis_is_up` decides whether it can tell."""

    def __init__(self, bench: Bench, ledger: Ledger) -> None:
        super().__init__(bench, "gafaelfawr-stand-in")
        self.url = f"http://127.0.0.1:{self.port}"
        self.redis_is_up = True
        self.lookups = 0
        self._ledger = ledger
        self._tokens: dict[str, dict[str, Any] | Oddity] = {}

    def token(self, username: str, scopes: list[str]) -> str:
        """A notebook token such as a Rubin notebook finds in its files."""
        token = self._unknown()
        now = int(time.time())
        self._tokens[token] = {
            "token": token[3:25],
            "username": username,
            "token_type": "notebook",
            "scopes": sorted(scopes),
            "created": now,
            "expires": now + 86_400,
            "parent": secrets.token_urlsafe(16),
        }
        return token

    def odd_token(self, oddity: Oddity) -> str:
        """A token that looks right and is not."""
        token = self._unknown()
        self._tokens[token] = oddity
        return token

    def _unknown(self) -> str:
        token = f"gt-{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(16)}"
        return self._ledger.platform_token(token)

    def answer(self, request: Request) -> Answer:
        """As `GET /auth/api/v1/token-info` answers; all else is not there."""
        if request.path != "/auth/api/v1/token-info" or request.method != "GET":
            return Answer(404, {"detail": "Not Found"})
        self.lookups += 1
        if not self.redis_is_up:
            return Answer(500, b"Internal Server Error", {"Content-Type": "text/plain; charset=utf-8"})
        authorization = request.headers.get("Authorization")
        if authorization is None:
            return _unauthorized({"msg": "Authentication required", "type": "no_authorization"}, error=None)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return _malformed()
        known = self._tokens.get(token)
        if known is Oddity.MALFORMED:
            return _malformed()
        if known is Oddity.NOT_IN_DATABASE:
            message = "Token found in Redis but not database"
            return Answer(403, {"detail": [{"type": "invalid_token", "msg": message}]}, _UNCACHED)
        if not isinstance(known, dict):
            return _unauthorized({"msg": "Token is not valid", "type": "invalid_token"}, error="invalid_token")
        return Answer(200, known, _UNCACHED)


def _unauthorized(detail: dict[str, str], error: str | None) -> Answer:
    challenge = 'Bearer realm="data.example.org"'
    if error:
        challenge += f', error="{error}", error_description="{detail["msg"]}"'
    return Answer(401, {"detail": detail}, _UNCACHED | {"WWW-Authenticate": challenge})


def _malformed() -> Answer:
    """403 with the true status in a header, as nginx passes on only 401 and 403."""
    body = '{"detail":[{"msg":"Malformed Authorization header","type":"invalid_request"}]}'
    headers = {"X-Error-Status": "400", "X-Error-Body": body, "Content-Type": "application/json"}
    return Answer(403, body.encode(), _UNCACHED | headers)
