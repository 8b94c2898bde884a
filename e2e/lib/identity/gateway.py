"""A gateway: nginx with `auth_request` as the operators' page has it, and the sign-in service that it asks."""

import http.client
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx

from lib.bench import Bench
from lib.leaks import Ledger
from lib.nginx import start_nginx
from lib.ports import free_port
from lib.standin import Answer, Request, StandIn
from lib.wiretap import Wiretap

_PAGE = Path(__file__).parents[3] / "docs" / "operations" / "identity-gateway.md"
SECRET_HEADER = "X-Gateway-Secret"
ADDRESS = "127.0.0.3"
"""Where the gateway's connections come from; a machine's other peers have other addresses of 127.0.0.0/8."""
ELSEWHERE = "127.0.0.2"
"""An address of this machine that nobody trusts."""

_SERVER = """
server {{
    listen 127.0.0.1:{port};
    proxy_bind {address};
    # Passes on more than nginx does by itself: what is let through is for the service behind to judge.
    underscores_in_headers on;
    ignore_invalid_headers off;
    {locations}
}}
"""


class SignIn(StandIn):
    """Knows people by a session cookie, and answers as oauth2-proxy does: 202 and who it is, or 401."""

    def __init__(self, bench: Bench, ledger: Ledger) -> None:
        super().__init__(bench, "sign-in")
        self.is_up = True
        self.seen: list[Any] = []
        """The headers of each question."""
        self._ledger = ledger
        self._sessions: dict[str, Answer] = {}

    def session(self, cookie: str, user: str, groups: str = "") -> dict[str, str]:
        """Sign somebody in; returns the header that proves it."""
        said = {
            "X-Auth-Request-User": user,
            "X-Auth-Request-Email": f"{user}@example.org" if user else "",
            "X-Auth-Request-Groups": groups,
        }
        return self._remember(cookie, Answer(202, b"", {name: value for name, value in said.items() if value}))

    def turned_away(self, cookie: str) -> dict[str, str]:
        """Somebody who is known and may not come in."""
        return self._remember(cookie, Answer(403))

    def _remember(self, cookie: str, answer: Answer) -> dict[str, str]:
        self._sessions[self._ledger.platform_token(cookie)] = answer
        return {"Cookie": f"session={cookie}"}

    def sign_out(self, cookie: str) -> None:
        """From now on this session is nobody's."""
        del self._sessions[cookie]

    def answer(self, request: Request) -> Answer:
        """As `GET /oauth2/auth`."""
        self.seen.append(request.headers)
        if not self.is_up:
            return Answer(502, b"Bad Gateway")
        assert request.path == "/oauth2/auth"
        cookie = request.headers.get("Cookie", "").removeprefix("session=")
        return self._sessions.get(cookie, Answer(401, b"", {"WWW-Authenticate": 'Cookie realm="sign-in"'}))


class Gateway:
    """nginx in front of the service that listens on the port `service`."""

    def __init__(self, bench: Bench, ledger: Ledger, name: str, locations: str, service: int) -> None:
        port = free_port()
        self.tap = Wiretap(f"callers of {name}", port)
        self.port = self.tap.port
        ledger.caller_saw(self.tap.name, lambda: self.tap.received)
        log = bench.log(name)
        ledger.logged(f"log of {name}", log.read_bytes)
        locations = locations.replace("http://jira-proxy.example.org:8080", f"http://127.0.0.1:{service}")
        assert "example.org" not in locations
        servers = _SERVER.format(port=port, address=ADDRESS, locations=locations)
        ready = f"http://127.0.0.1:{port}/"
        start_nginx(bench, name, servers, ready=lambda: httpx.get(ready, trust_env=False).status_code == 404)


def published_locations(sign_in: SignIn, secret: Path) -> str:
    """The configuration that operators are told to use, with the addresses of this run."""
    block = re.search(r"^```nginx\n(.*?)^```$", _PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None, f"no configuration in {_PAGE}"
    locations = block[1]
    for theirs, ours in (
        ("http://sign-in.example.org:4180", f"http://127.0.0.1:{sign_in.port}"),
        ("/etc/nginx/gateway-secret.conf", str(secret)),
    ):
        assert theirs in locations
        locations = locations.replace(theirs, ours)
    return locations


def send(
    port: int,
    path: str,
    headers: Iterable[tuple[str, str]] = (),
    *,
    source: str = "127.0.0.1",
    host: str = "127.0.0.1",
) -> httpx.Response:
    """One GET with these headers, as they are written and as often as they are written, from the address `source`."""
    connection = http.client.HTTPConnection(host, port, timeout=15, source_address=(source, 0))
    try:
        connection.putrequest("GET", path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())
    finally:
        connection.close()
