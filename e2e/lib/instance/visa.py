"""VISA's API server: a stand-in, as there is none to install, written after its `JupyterController.java`.

It answers as the real one does, and keeps what the real one keeps: when an instance was last seen, which instances are
about to expire, which notebook sessions are open. Beside that it remembers every call, and can be broken in every way.
"""

import contextlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lib.bench import Bench
from lib.instance.people import Issuer, Person
from lib.leaks import Ledger
from lib.standin import Answer, Request, StandIn

_ROUTE = re.compile(r"/api/jupyter/instances/([a-zA-Z0-9]+)(?:/notebook/(open|close))?")
_REALM = "/realms/visa"
"""Where the identity provider is, which is served here too: its keys are published, for who checks tokens by itself."""
_LONGEST_ID = 150
_MEMBERS = ("OWNER", "USER", "GUEST")


@dataclass
class Instance:
    """A virtual machine of somebody's."""

    id: int
    address: str | None
    members: dict[Person, str]
    state: str = "ACTIVE"
    uid: str = field(default_factory=lambda: secrets.token_hex(4))
    public_access_token: str = field(default_factory=lambda: secrets.token_hex(16))
    last_seen: list[float] = field(default_factory=list)
    """When `lastSeenAt` was set: each of these is a keep-alive."""
    expiring: bool = False
    """Whether it is on the expiration list."""
    deleted: bool = False

    def role(self, person_id: str) -> str | None:
        """What somebody is in it."""
        return next((role for person, role in self.members.items() if person.id == person_id), None)


@dataclass(frozen=True)
class Call:
    """One question, and the status of its answer."""

    at: float
    method: str
    path: str
    token: str | None
    body: Any
    status: int

    @property
    def kind(self) -> str:
        """`look-up`, `open` or `close`."""
        last = self.path.rpartition("/")[2]
        return last if last in ("open", "close") else "look-up"


@dataclass
class Session:
    """A row of the table of notebook sessions."""

    instance: int
    kernel: str
    session: str
    user: str
    active: bool = True


Fault = Callable[[Request], Answer | None]
"""What it answers instead; `None`: as always."""


class VisaApi(StandIn):
    """One API server; times are those of the monotonic clock."""

    def __init__(self, bench: Bench, ledger: Ledger, name: str = "visa-api") -> None:
        self.instances: dict[int, Instance] = {}
        self.calls: list[Call] = []
        self.sessions: list[Session] = []
        self.support: set[str] = set()
        """Ids of people with a support role, who may open sessions on every instance."""
        self._fault: Fault | None = None
        self._lock = threading.RLock()
        self._ledger = ledger
        super().__init__(bench, name)
        self.url = f"http://127.0.0.1:{self.port}"
        self.issuer = Issuer(ledger, f"{self.url}{_REALM}")

    # What its administrators do

    def add(self, instance: Instance) -> Instance:
        """An instance more."""
        self._ledger.bot_secret(instance.public_access_token)
        with self._lock:
            self.instances[instance.id] = instance
        return instance

    @contextlib.contextmanager
    def broken(self, fault: Fault) -> Iterator[None]:
        """As long as this lasts, it answers so."""
        self._fault = fault
        try:
            yield
        finally:
            self._fault = None

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """As long as this lasts, nobody listens."""
        self.close()
        try:
            yield
        finally:
            self.open_again()

    # What tests look at

    def asked(self, kind: str, instance: Instance | None = None, since: int = 0) -> list[Call]:
        """The calls of one kind, beginning with the `since`th of all."""
        with self._lock:
            calls = self.calls[since:]
        path = f"/api/jupyter/instances/{instance.id}" if instance else ""
        return [call for call in calls if call.kind == kind and (call.path + "/").startswith(f"{path}/")]

    def now(self) -> int:
        """How many calls there were, for `asked`."""
        with self._lock:
            return len(self.calls)

    def open_sessions(self, instance: Instance) -> list[Session]:
        """The rows that are active."""
        with self._lock:
            return [row for row in self.sessions if row.active and row.instance == instance.id]

    # What it does

    def answer(self, request: Request) -> Answer:
        """One question, by the book unless it is broken."""
        if request.path.startswith(_REALM):
            return self._published(request.path.removeprefix(_REALM))
        token = _bearer(request.headers.get("Authorization", ""))
        body = _json(request.body)
        fault = self._fault
        answer = fault(request) if fault else None
        with self._lock:
            if answer is None:
                answer = self._by_the_book(request, token, body)
            self.calls.append(Call(time.monotonic(), request.method, request.path, token, body, answer.status))
        return answer

    def _published(self, path: str) -> Answer:
        match path:
            case "/.well-known/openid-configuration":
                return Answer(200, self.issuer.metadata())
            case "/keys":
                return Answer(200, self.issuer.keys())
        return _error(404, "Not found")

    def _by_the_book(self, request: Request, token: str | None, body: Any) -> Answer:
        found = _ROUTE.fullmatch(request.path)
        if found is None:
            return _error(404, "Not found")
        instance = self._find(found[1])
        if instance is None:  # resolved before anybody asks who calls
            return _error(404, "Instance not found")
        match request.method, found[2]:
            case "GET", None:
                return self._look_up(instance, token)
            case "POST", "open":
                return self._open(instance, token, body)
            case "POST", "close":
                return self._close(instance, body)
        return _error(405, "Method not allowed")

    def _find(self, name: str) -> Instance | None:
        known = [one for one in self.instances.values() if not one.deleted]
        if name.isdigit():
            return next((one for one in known if one.id == int(name)), None)
        return next((one for one in known if one.uid == name), None)

    def _look_up(self, instance: Instance, token: str | None) -> Answer:
        caller = self.issuer.owner(token) if token else None
        if caller is None:
            return _unauthenticated()
        if instance.role(caller) != "OWNER":
            return _error(404, "Instance not found")
        instance.last_seen.append(time.monotonic())
        instance.expiring = False
        return Answer(200, {"data": _dto(instance)})

    def _open(self, instance: Instance, token: str | None, body: Any) -> Answer:
        caller = self.issuer.owner(token) if token else None
        if caller is None:
            return _unauthenticated()
        if instance.role(caller) not in _MEMBERS and caller not in self.support:
            return _error(404, "Instance not found")
        if (ids := _ids(body)) is None:
            return _error(400, "Invalid session")
        self._deactivate(instance, *ids)  # idempotent: earlier rows with the same ids are closed first
        self.sessions.append(Session(instance.id, *ids, caller))
        return Answer(200, {"data": None})

    def _close(self, instance: Instance, body: Any) -> Answer:
        if (ids := _ids(body)) is None:
            return _error(400, "Invalid session")
        self._deactivate(instance, *ids)
        return Answer(200, {"data": None})

    def _deactivate(self, instance: Instance, kernel: str, session: str) -> None:
        for row in self.sessions:
            if (row.instance, row.kernel, row.session) == (instance.id, kernel, session):
                row.active = False


def _bearer(authorization: str) -> str | None:
    """The real one looks at the first six letters alone."""
    return authorization[6:].strip() if authorization[:6].lower() == "bearer" else None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode("latin-1")


def _ids(body: Any) -> tuple[str, str] | None:
    if not isinstance(body, dict):
        return None
    ids = (body.get("kernelId"), body.get("sessionId"))
    good = all(isinstance(id, str) and 0 < len(id) <= _LONGEST_ID for id in ids)
    return (str(ids[0]), str(ids[1])) if good else None


def _error(status: int, message: str) -> Answer:
    return Answer(status, {"data": None, "errors": [message]})


def _unauthenticated() -> Answer:
    return Answer(401, {"data": None, "errors": ["Unauthorized"]}, {"WWW-Authenticate": "Bearer"})


def _dto(instance: Instance) -> dict[str, Any]:
    """As `InstanceDto.java` has it; the proxy needs four of these."""
    now = "2026-01-05T12:00:00.000+00:00"
    return {
        "id": instance.id,
        "uid": instance.uid,
        "computeId": f"compute-{instance.id}",
        "ipAddress": instance.address,
        "name": "My analysis",
        "comments": None,
        "plan": {"id": 1, "image": {}, "flavour": {}, "preset": False},
        "state": instance.state,
        "screenWidth": 1920,
        "screenHeight": 1080,
        "members": [
            {
                "id": 7 + number,
                "user": {"id": person.id, "fullName": person.name.title(), "email": f"{person.name}@example.org"},
                "role": role,
            }
            for number, (person, role) in enumerate(instance.members.items())
        ],
        "experiments": [],
        "membership": None,
        "lastSeenAt": now,
        "createdAt": now,
        "lastInteractionAt": now,
        "terminationDate": now,
        "expirationDate": None,
        "deleteRequested": False,
        "canConnectWhileOwnerAway": False,
        "keyboardLayout": "en-gb-qwerty",
        "unrestrictedAccess": False,
        "activeProtocols": ["JUPYTER"],
        "vdiProtocol": {},
        "publicAccessToken": instance.public_access_token,
        "publicAccessRole": None,
        "lifetimeMinutes": 20160,
    }
