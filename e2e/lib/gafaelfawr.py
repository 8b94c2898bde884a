"""A stand-in for Gafaelfawr, with the answers that were seen on a running server."""

import base64
import contextlib
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Any

from lib.bench import Bench
from lib.leaks import Ledger
from lib.standin import Answer, Request, StandIn

TOKEN_INFO = "/auth/api/v1/token-info"
USER_INFO = "/auth/api/v1/user-info"
INGRESS = "/ingress/auth"
_UNCACHED = {"Cache-Control": "no-cache, no-store"}
_BROKEN = Answer(500, b"Internal Server Error", {"Content-Type": "text/plain; charset=utf-8"})


class Oddity(Enum):
    """A token for which the server says something out of the ordinary."""

    MALFORMED = auto()
    NOT_IN_DATABASE = auto()
    REVOKED = auto()


class Outage(Enum):
    """What the server itself depends on, and may have to do without."""

    REDIS = auto()
    """Every route fails."""
    DATABASE = auto()
    """`token-info` fails; `user-info` and the ingress's question are still answered."""
    LDAP = auto()
    """`user-info` fails."""


class Gafaelfawr(StandIn):
    """Knows the tokens it gave out, and counts what it is asked."""

    def __init__(self, bench: Bench, ledger: Ledger) -> None:
        super().__init__(bench, "gafaelfawr-stand-in")
        self.url = f"http://127.0.0.1:{self.port}"
        self.asked: Counter[str] = Counter()
        """How often each path was asked for."""
        self.presented: list[str] = []
        """The tokens that it was asked about by way of its API, in order."""
        self._ledger = ledger
        self._tokens: dict[str, dict[str, Any] | Oddity | Answer] = {}
        self._groups: dict[str, list[str]] = {}
        self._outage: Outage | None = None
        self._speaks = threading.Event()
        self._speaks.set()

    @property
    def lookups(self) -> int:
        """How often it was asked whose a token is."""
        return self.asked[TOKEN_INFO]

    def token(
        self,
        username: str,
        scopes: Sequence[str],
        *,
        kind: str = "notebook",
        lifetime: int | None = 86_400,
        groups: Sequence[str] = (),
    ) -> str:
        """A token such as a Rubin notebook finds in its files; without a `lifetime` it has no end."""
        token = self._unknown()
        self._tokens[token] = self.information(token, username, scopes, kind, lifetime)
        self._groups[token] = list(groups)
        return token

    @staticmethod
    def information(
        token: str, username: str, scopes: Sequence[str], kind: str = "notebook", lifetime: int | None = 86_400
    ) -> dict[str, Any]:
        """What `token-info` says of a good token: nulls are left out."""
        now = int(time.time())
        return {
            "token": token[3:25],
            "username": username,
            "token_type": kind,
            "scopes": sorted(scopes),
            "created": now,
        } | ({} if lifetime is None else {"expires": now + lifetime})

    def odd_token(self, says: Oddity | Answer) -> str:
        """A token that looks right, and of which `token-info` says this."""
        token = self._unknown()
        self._tokens[token] = says
        return token

    def mend(self, token: str, username: str, scopes: Sequence[str]) -> None:
        """From now on this is a good token."""
        self._tokens[token] = self.information(token, username, scopes)

    def revoke(self, token: str) -> None:
        """Its owner deletes it."""
        self._tokens[token] = Oddity.REVOKED

    @contextlib.contextmanager
    def without(self, outage: Outage) -> Iterator[None]:
        """While something that it depends on is down."""
        self._outage = outage
        try:
            yield
        finally:
            self._outage = None

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """While it takes questions and answers none."""
        self._speaks.clear()
        try:
            yield
        finally:
            self._speaks.set()

    def _unknown(self) -> str:
        token = f"gt-{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(16)}"
        return self._ledger.platform_token(token)

    def answer(self, request: Request) -> Answer:
        """As the routes that a service and its ingress use; all else is not there."""
        self.asked[request.path] += 1
        self._speaks.wait(30)
        if request.method != "GET" or request.path not in (TOKEN_INFO, USER_INFO, INGRESS):
            return Answer(404, {"detail": "Not Found"})
        if self._outage is Outage.REDIS or (self._outage is Outage.DATABASE and request.path == TOKEN_INFO):
            return _BROKEN
        authorization = request.headers.get("Authorization")
        if authorization is None:
            return _unauthorized({"msg": "Authentication required", "type": "no_authorization"}, error=None)
        token = _token_of(authorization)
        if token is None:
            return _malformed()
        if request.path == INGRESS:
            return self._delegate(token, request)
        self.presented.append(token)
        return self._token_info(token) if request.path == TOKEN_INFO else self._user_info(token)

    def _token_info(self, token: str) -> Answer:
        known = self._tokens.get(token)
        if isinstance(known, Answer):
            return known
        if known is Oddity.MALFORMED:
            return _malformed()
        if known is Oddity.NOT_IN_DATABASE:
            message = "Token found in Redis but not database"
            return Answer(403, {"detail": [{"type": "invalid_token", "msg": message}]}, _UNCACHED)
        information = self._good(token)
        return _unknown_token() if information is None else Answer(200, information, _UNCACHED)

    def _user_info(self, token: str) -> Answer:
        information = self._good(token)
        if information is None:
            return _unknown_token()
        if self._outage is Outage.LDAP:
            message = "Unable to get user information"
            return Answer(500, {"detail": [{"msg": message, "type": "user_info_failed"}]}, _UNCACHED)
        groups = [{"name": name, "id": 100_000 + number} for number, name in enumerate(self._groups.get(token, []))]
        return Answer(200, {"username": information["username"], "uid": 4123, "gid": 4123, "groups": groups}, _UNCACHED)

    def _good(self, token: str) -> dict[str, Any] | None:
        """What is known of a token that is good now."""
        known = self._tokens.get(token)
        return known if isinstance(known, dict) and known.get("expires", time.time() + 1) > time.time() else None

    def _delegate(self, token: str, request: Request) -> Answer:
        """As an ingress asks: headers for the service, an internal token among them."""
        information = self._good(token)
        if information is None:
            return _unknown_token()
        if not set(request.query["scope"]) <= set(information["scopes"]):
            message = "Token missing required scope"
            return Answer(403, {"detail": [{"msg": message, "type": "insufficient_scope"}]}, _UNCACHED)
        # As much as was asked for and the caller has, which may be nothing.
        scopes = set(request.query["delegate_scope"]) & set(information["scopes"])
        delegated = self.token(information["username"], sorted(scopes), kind="internal")
        return Answer(
            200,
            {"status": "ok"},
            _UNCACHED | {"X-Auth-Request-User": information["username"], "X-Auth-Request-Token": delegated},
        )


def _token_of(authorization: str) -> str | None:
    """The token of a `Bearer` or `Basic` header; `None`: it has no form that is known."""
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() == "bearer" and credential:
        return credential
    if scheme.lower() == "basic":
        fields = base64.b64decode(credential).decode().split(":")
        return next((field for field in fields if field.startswith("gt-")), None)
    return None


def _unknown_token() -> Answer:
    return _unauthorized({"msg": "Token is not valid", "type": "invalid_token"}, error="invalid_token")


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
