"""A real browser, Debian's Chromium, that signs people in: what a client would have been called back with."""

import base64
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Page

from lib.chromium import Chromium
from lib.identity.realm import Person

_PATIENCE = 30_000  # milliseconds
_PAGE = base64.b64encode(b"<title>called back</title>").decode()


@dataclass(frozen=True)
class Attempt:
    """One attempt to sign in by authorization code and PKCE: what the client has made up for it."""

    client_id: str
    redirect_uri: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    scope: str = "openid"
    resource: str = ""
    """For which service the token shall be (RFC 8707); Keycloak is told by its mappers instead."""

    def url(self, authorization_endpoint: str, *, pkce: bool = True) -> str:
        """Where the client sends the browser."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": self.state,
        }
        if "offline_access" in self.scope:
            query["prompt"] = "consent"
        if self.resource:
            query["resource"] = self.resource
        if pkce:
            query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        return f"{authorization_endpoint}?{urlencode(query)}"


class Visit:
    """One person's browser window, with cookies of its own."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.called_back: list[str] = []
        """The addresses beyond the identity provider that the browser was sent to."""

        # The hosts of the redirect addresses exist nowhere; only the browser has to believe that they do. Playwright's
        # own routes do not see a request that a redirect has caused.
        self._protocol = page.context.new_cdp_session(page)
        self._protocol.on("Fetch.requestPaused", self._record)
        self._protocol.send("Fetch.enable", {"patterns": [{"urlPattern": "https://*"}]})

    def _record(self, paused: dict[str, Any]) -> None:
        if paused["resourceType"] == "Document":  # and not the icon that it asks for by itself
            self.called_back.append(paused["request"]["url"])
        answer = {"requestId": paused["requestId"], "responseCode": 200, "body": _PAGE}
        self._protocol.send("Fetch.fulfillRequest", answer)

    def open(self, url: str) -> int:
        """Go there, redirects and all; returns the status of the page that is shown."""
        answer = self._page.goto(url, timeout=_PATIENCE)
        assert answer is not None
        return answer.status

    @property
    def text(self) -> str:
        """What can be read on the page."""
        return self._page.inner_text("body")

    def sign_in(self, person: Person, field: str = "username") -> None:
        """Fill in the form and send it off."""
        self._page.fill(f"input[name={field}]", person.name, timeout=_PATIENCE)
        self._page.fill("input[name=password]", person.password)
        with self._page.expect_navigation(timeout=_PATIENCE):
            self._page.click("[type=submit]")

    def press(self, selector: str) -> None:
        """Press a button that leads to another page."""
        with self._page.expect_navigation(timeout=_PATIENCE):
            self._page.click(selector, timeout=_PATIENCE)

    def answer(self) -> dict[str, str]:
        """What the browser brought back to the client."""
        (url,) = self.called_back
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


class Browser(Chromium):
    """Chromium, for people who sign in."""

    @contextmanager
    def visit(self) -> Iterator[Visit]:
        """A window that has never been anywhere."""
        with self.page() as page:
            yield Visit(page)
