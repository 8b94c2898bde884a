"""What an API server may answer instead of the truth."""

import json
import re
import threading
from typing import Any

from lib.instance.visa import Fault
from lib.standin import Answer, Request

_NEVER = threading.Event()
_HTML = {"Content-Type": "text/html"}


def status(code: int, body: Any = b"") -> Fault:
    """Always this."""
    return lambda _: Answer(code, body)


def slow(seconds: float) -> Fault:
    """The truth, late."""

    def answer(_: Request) -> None:
        _NEVER.wait(seconds)

    return answer


def only(kind: str, fault: Fault) -> Fault:
    """For `look-up`, `open` or `close`; else the truth."""
    wanted = {"look-up": r"/\w+$", "open": r"/notebook/open$", "close": r"/notebook/close$"}[kind]
    path = re.compile(rf"/instances{wanted}" if kind == "look-up" else wanted)
    return lambda request: fault(request) if path.search(request.path) else None


def address(value: object) -> Fault:
    """A whole answer that names this as the instance's address."""

    def answer(request: Request) -> Answer:
        id = int(re.search(r"/instances/(\d+)", request.path)[1])  # type: ignore[index]
        return Answer(200, {"data": {"id": id, "uid": "aB3xYz", "ipAddress": value, "state": "ACTIVE", "members": []}})

    return answer


LIES: dict[str, Fault] = {
    "nothing": status(200),
    "html": lambda _: Answer(200, b"<html><body>Welcome to VISA</body></html>", _HTML),
    "no json": lambda _: Answer(200, b'{"data":{"id":', {"Content-Type": "application/json"}),
    "null": status(200, {"data": None}),
    "no envelope": status(200, {"id": 1, "ipAddress": "127.0.0.2", "state": "ACTIVE"}),
    "a list": status(200, [{"data": {}}]),
    "another instance": status(200, {"data": {"id": 999_999, "ipAddress": "127.0.0.2", "state": "ACTIVE"}}),
    "no id": status(200, {"data": {"ipAddress": "127.0.0.2", "state": "ACTIVE"}}),
    "a deep nest": lambda _: Answer(200, b'{"data":' * 20_000, {"Content-Type": "application/json"}),
    "ten megabytes": lambda _: Answer(200, json.dumps({"data": {"comments": "x" * 10_000_000}}).encode()),
    "cut short": lambda _: Answer(200, b'{"data":{"id":1', {"Content-Length": "4000", "Connection": "close"}),
    "created": status(201, {"data": {"id": 1, "ipAddress": "127.0.0.2", "state": "ACTIVE"}}),
    "not modified": status(304),
}
"""By name; after none of them may anybody be let in."""

ERRORS: dict[str, Fault] = {
    "500": status(500, {"data": None, "errors": ["NullPointerException at JupyterController.java:71"]}),
    "502 of a gateway": lambda _: Answer(502, b"<html>bad gateway at 10.0.3.4</html>", _HTML),
    "503": status(503),
    "429": status(429),
}
"""Likewise; who gets this is told to come again."""
