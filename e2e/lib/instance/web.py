"""VISA's web application, as far as a notebook in it goes: a page with a token in a cookie, and an iframe."""

from typing import cast

from playwright.sync_api import Frame, Page

from lib.bench import Bench
from lib.standin import Answer, Request, StandIn

HOST = "localhost"
"""A site of its own to a browser, and so are all its ports; cookies do not look at ports."""

# As `authentication.service.ts` sets it: for the whole host, not HttpOnly, strict, until the token's end.
_PAGE = b"""<!doctype html>
<meta charset="utf-8">
<title>VISA</title>
<style>
  html, body, iframe { margin: 0; border: 0; width: 100%; height: 100% }
  h1 { font: 20px sans-serif; height: 28px }
</style>
<body>
<h1>VISA: my analysis</h1>
<script>
  function keep(token, seconds) {
    document.cookie = `access_token=${token}; path=/; max-age=${seconds}; SameSite=Strict`;
  }
  function show(address) {
    const frame = document.createElement("iframe");
    frame.name = "instance";
    frame.src = address;
    document.body.append(frame);
  }
  function ask(address) {
    return new Promise((resolve) => {
      const socket = new WebSocket(address);
      socket.onopen = () => { socket.close(); resolve("opened"); };
      socket.onerror = () => resolve("refused");
    });
  }
</script>
"""


class WebApplication(StandIn):
    """Serves the page, whatever is asked for."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench, "visa-web")
        self.origin = f"http://{HOST}:{self.port}"

    def answer(self, request: Request) -> Answer:
        """The page."""
        return Answer(200, _PAGE, {"Content-Type": "text/html"})


def sign_in(page: Page, token: str, lifetime: int = 600) -> None:
    """What a sign-in, or its silent renewal, leaves behind."""
    page.evaluate("([token, lifetime]) => keep(token, lifetime)", [token, lifetime])


def show(page: Page, address: str) -> Frame:
    """Open an address in the iframe."""
    page.evaluate("address => show(address)", address)
    return cast(Frame, page.wait_for_selector("iframe").content_frame())  # type: ignore[union-attr]


def try_socket(page: Page, address: str) -> str:
    """Whether a page's own script can open a WebSocket there."""
    return str(page.evaluate("address => ask(address)", address))
