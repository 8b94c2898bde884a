"""A real browser, Debian's Chromium, without a screen."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

# Without these it looks for hosts of its maker's at every start, which a closed network refuses.
_FLAGS = [
    "--no-sandbox",  # it is root's in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Chromium:
    """One browser; `NBGATE_E2E_CHROMIUM` says where it is."""

    def __init__(self) -> None:
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=os.environ["NBGATE_E2E_CHROMIUM"], args=_FLAGS, headless=True
        )

    @contextmanager
    def page(self) -> Iterator[Page]:
        """A window that has never been anywhere."""
        context = self._browser.new_context()
        try:
            yield context.new_page()
        finally:
            context.close()

    def close(self) -> None:
        """End it."""
        self._browser.close()
        self._playwright.stop()
