"""JupyterLab in a browser, inside VISA's page: its cookie, a notebook, and who may not open a socket."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Frame, Page, expect

from lib.bench import Bench
from lib.chromium import Chromium
from lib.instance.jupyter import Jupyter
from lib.instance.proxy import InstanceProxy
from lib.instance.site import Site
from lib.instance.web import HOST, WebApplication, show, sign_in, try_socket

_PATIENCE = 60_000  # milliseconds: JupyterLab is large, and the machine may be busy
_NOTEBOOK = "analysis.ipynb"
_CELL: dict[str, object] = {
    "cell_type": "code",
    "id": "across",
    "execution_count": None,
    "metadata": {},
    "outputs": [],
    "source": "import os\nprint('across', 6 * 7, 'access_token' in str(os.environ))",
}
_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
_CONTENT = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": _KERNEL}, "cells": [_CELL]}


@pytest.fixture(scope="module")
def web(bench: Bench) -> WebApplication:
    """VISA's web application."""
    return WebApplication(bench)


@pytest.fixture(scope="module")
def lab(site: Site, web: WebApplication) -> Jupyter:
    """JupyterLab with one notebook; its instance lets VISA's page have it in a frame."""
    lab = site.jupyter(site.instance(), lab=True, frame_ancestors=f"'self' {web.origin}")
    (lab.root / _NOTEBOOK).write_text(json.dumps(_CONTENT))
    return lab


@pytest.fixture
def page(chromium: Chromium, web: WebApplication) -> Iterator[Page]:
    """VISA's page, nobody signed in yet."""
    with chromium.page() as page:
        page.set_default_timeout(_PATIENCE)
        page.goto(web.origin)
        yield page


def _lab_address(proxy: InstanceProxy, lab: Jupyter, path: str = f"lab/tree/{_NOTEBOOK}") -> str:
    return f"http://{HOST}:{proxy.tap.port}{lab.base_url}{path}"


def _run_first_cell(frame: Frame) -> None:
    """A cell that is run before the kernel has answered is not run at all: the status bar knows."""
    frame.wait_for_selector(".jp-Notebook .jp-Cell .cm-content")
    expect(frame.locator("#jp-main-statusbar")).to_contain_text("Python 3 (ipykernel) | Idle", timeout=_PATIENCE)
    frame.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    frame.page.keyboard.press("Control+Enter")


def test_a_notebook_in_a_frame_of_visa_runs_a_cell(
    page: Page, proxy: InstanceProxy, lab: Jupyter, ada: str, artefacts: Path
) -> None:
    sign_in(page, ada)
    frame = show(page, _lab_address(proxy, lab))
    try:
        _run_first_cell(frame)
        output = frame.locator(".jp-OutputArea-output pre").first
        expect(output).to_have_text(re.compile("across 42 False"), timeout=_PATIENCE)
    finally:
        page.screenshot(path=artefacts / "jupyterlab-in-visa.png", full_page=True)
    requests = lab.saw
    assert b"/api/kernels/" in requests
    assert b"Upgrade: websocket" in requests or b"upgrade: websocket" in requests.lower()
    assert b"access_token" not in requests


def test_without_the_cookie_the_frame_shows_a_refusal(page: Page, proxy: InstanceProxy, lab: Jupyter) -> None:
    before = len(lab.saw)
    frame = show(page, _lab_address(proxy, lab))
    expect(frame.locator("body")).to_contain_text("401", timeout=_PATIENCE)
    assert len(lab.saw) == before


def test_a_page_of_another_origin_opens_no_socket_with_the_cookie(
    page: Page, proxy: InstanceProxy, lab: Jupyter, ada: str
) -> None:
    sign_in(page, ada)
    socket = _lab_address(proxy, lab, "api/events/subscribe").replace("http", "ws", 1)
    before = len(lab.saw)
    assert try_socket(page, socket) == "refused"
    assert len(lab.saw) == before
    assert f"access_token={ada}".encode() in proxy.tap.sent, "the browser did not even send the cookie"


def test_the_notebooks_own_page_opens_that_socket(page: Page, proxy: InstanceProxy, lab: Jupyter, ada: str) -> None:
    sign_in(page, ada)
    frame = show(page, _lab_address(proxy, lab, "lab"))
    socket = _lab_address(proxy, lab, "api/events/subscribe").replace("http", "ws", 1)
    opened = """address => new Promise((resolve) => {
        const socket = new WebSocket(address);
        socket.onopen = () => resolve("opened");
        socket.onerror = () => resolve("refused");
    })"""
    frame.wait_for_selector(".jp-Launcher, .jp-Notebook")
    assert frame.evaluate(opened, socket) == "opened"
