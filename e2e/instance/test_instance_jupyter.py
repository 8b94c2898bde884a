"""Notebooks on an instance, used through the proxy as their pages use them: kernels, terminals, files."""

import time
import uuid
from collections.abc import Iterator

import httpx
import pytest
import websocket

from lib.ask import ask, problem
from lib.instance.content import MEBI, blocks, content, digest
from lib.instance.jupyter import Jupyter
from lib.instance.kernel import V1, JupyterClient
from lib.instance.people import GRACE
from lib.instance.proxy import InstanceProxy
from lib.instance.site import Site
from lib.instance.visa import VisaApi
from lib.poll import eventually

_TWENTY_MEGABYTES = 20_000_000
_BIG = """
import sys
for number in range(20):
    sys.stdout.write(chr(97 + number) * 1_000_000)
"""


@pytest.fixture(params=[V1, None], ids=["v1", "default"])
def protocol(request: pytest.FixtureRequest) -> str | None:
    """Both ways in which pages speak to kernels."""
    protocol: str | None = request.param
    return protocol


@pytest.fixture
def kernel_id(page: JupyterClient) -> Iterator[str]:
    """A running kernel."""
    kernel = page.start_kernel()
    yield kernel
    page.end_kernel(kernel)


def test_a_cell_is_executed(page: JupyterClient, kernel_id: str, protocol: str | None) -> None:
    with page.kernel(kernel_id, protocol) as kernel:
        assert kernel.selected == protocol, "the instance's own choice was not passed on"
        assert kernel.run("print('across'); 6 * 7").text == "across\n"
        outcome = kernel.run("6 * 7")
        assert (outcome.status, outcome.result) == ("ok", "42")


def test_what_a_cell_does_wrong_is_told(page: JupyterClient, kernel_id: str, protocol: str | None) -> None:
    with page.kernel(kernel_id, protocol) as kernel:
        outcome = kernel.run("1 / 0")
        assert (outcome.status, outcome.error) == ("error", "ZeroDivisionError")


def test_twenty_megabytes_of_output_arrive(page: JupyterClient, kernel_id: str, protocol: str | None) -> None:
    with page.kernel(kernel_id, protocol) as kernel:
        outcome = kernel.run(_BIG)
    expected = "".join(chr(97 + number) * 1_000_000 for number in range(20))
    assert len(outcome.text) == _TWENTY_MEGABYTES
    assert digest(outcome.text.encode()) == digest(expected.encode())


def test_twenty_megabytes_in_one_message_arrive(page: JupyterClient, kernel_id: str, protocol: str | None) -> None:
    with page.kernel(kernel_id, protocol) as kernel:
        outcome = kernel.run(f"'x' * {_TWENTY_MEGABYTES}")
    assert len(outcome.result) == _TWENTY_MEGABYTES + 2


def test_variables_outlive_a_connection(page: JupyterClient, kernel_id: str) -> None:
    with page.kernel(kernel_id) as kernel:
        kernel.run("kept = 17")
    with page.kernel(kernel_id) as kernel:
        assert kernel.run("kept").result == "17"


def test_what_a_kernel_does_later_is_told_without_being_asked(page: JupyterClient, kernel_id: str) -> None:
    with page.kernel(kernel_id) as kernel:
        outcome = kernel.run("import time\nfor _ in range(4):\n    time.sleep(.25)\n    print('tick', flush=True)")
        assert outcome.text == "tick\n" * 4
        assert len(outcome.streams) >= 2, "what was printed within a second came in one piece"


def test_a_kernels_session_is_told_to_the_api_while_it_is_open(
    page: JupyterClient, kernel_id: str, notebooks: Jupyter, api: VisaApi
) -> None:
    session = str(uuid.uuid4())
    instance = api.instances[notebooks.id]
    with page.kernel(kernel_id, session=session) as kernel:
        kernel.run("1")
        rows = [(row.kernel, row.session, row.user) for row in api.open_sessions(instance)]
        assert (kernel_id, session, "1001") in rows
    ended = lambda: session not in {row.session for row in api.open_sessions(instance)}  # noqa: E731
    eventually("the session is closed", ended, within=5)
    assert [call.token for call in api.asked("close", instance) if call.body["sessionId"] == session] == [None]


def test_a_terminal_shows_what_is_typed(page: JupyterClient) -> None:
    with page.terminal() as terminal:
        assert "shown-42" in terminal.run("echo shown-$((6 * 7))", until="shown-42")


def test_a_terminal_is_no_session(page: JupyterClient, notebooks: Jupyter, api: VisaApi) -> None:
    before = api.now()
    with page.terminal() as terminal:
        terminal.run("echo done-$((1))", until="done-1")
    assert api.asked("open", api.instances[notebooks.id], before) == []


# Who is not let in

_WRONG = {
    "nothing": {},
    "an opaque word": {"Authorization": "Bearer none-of-ours"},
    "a cookie of no meaning": {"Cookie": "access_token=none-of-ours"},
    "Jupyter's scheme": {"Authorization": "token none-of-ours"},
}


@pytest.mark.parametrize("proof", _WRONG.values(), ids=_WRONG)
def test_without_a_good_token_nothing_reaches_the_instance(
    proxy: InstanceProxy, notebooks: Jupyter, proof: dict[str, str]
) -> None:
    before = len(notebooks.saw)
    for path in ("api/kernels", "lab", "api/contents", "terminals/websocket/1"):
        answer = ask("GET", f"{proxy.site}{notebooks.base_url}{path}", headers=proof)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Bearer")
        problem(answer)
    assert len(notebooks.saw) == before


@pytest.mark.parametrize("proof", _WRONG.values(), ids=_WRONG)
def test_without_a_good_token_no_socket_is_opened(
    proxy: InstanceProxy, notebooks: Jupyter, kernel_id: str, proof: dict[str, str]
) -> None:
    before = len(notebooks.saw)
    stranger = JupyterClient(proxy.site, notebooks.base_url, proof)
    for path in (f"api/kernels/{kernel_id}/channels?session_id={uuid.uuid4()}", "terminals/websocket/1"):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            stranger.socket(path)
        assert refused.value.status_code == 401
    assert len(notebooks.saw) == before


def test_somebody_elses_instance_is_not_there(proxy: InstanceProxy, notebooks: Jupyter, grace: str) -> None:
    before = len(notebooks.saw)
    answer = proxy.get(f"{notebooks.base_url}api/kernels", grace)
    assert answer.status_code == 404
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        JupyterClient(proxy.site, notebooks.base_url, {"Authorization": f"Bearer {grace}"}).socket(
            "api/events/subscribe"
        )
    assert refused.value.status_code == 404
    assert len(notebooks.saw) == before


def test_a_member_who_is_no_owner_is_not_let_in(site: Site, proxy: InstanceProxy) -> None:
    shared = site.instance(members={GRACE: "USER"})
    assert proxy.get(f"/jupyter/{shared.id}/lab", site.token(GRACE)).status_code == 404


# What Jupyter's own login needs


def _says_it_is_in(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and "kernels" in answer.json()


def test_jupyters_own_token_passes_in_authorization(proxy: InstanceProxy, locked_notebooks: Jupyter, ada: str) -> None:
    url = f"{proxy.site}{locked_notebooks.base_url}api/status"
    ours = f"access_token={ada}"
    assert ask("GET", url, headers={"Cookie": ours}).status_code == 403, "Jupyter lets in whoever comes"
    answer = ask("GET", url, headers={"Cookie": ours, "Authorization": f"token {locked_notebooks.token}"})
    assert _says_it_is_in(answer)


def test_jupyters_own_cookies_and_xsrf_field_pass(proxy: InstanceProxy, locked_notebooks: Jupyter, ada: str) -> None:
    base = f"{proxy.site}{locked_notebooks.base_url}"
    with httpx.Client(cookies={"access_token": ada}, trust_env=False, follow_redirects=True, timeout=15) as browser:
        assert browser.get(f"{base}tree", params={"token": locked_notebooks.token}).status_code in (200, 404)
        names = {cookie.name for cookie in browser.cookies.jar}
        assert "_xsrf" in names
        assert any(name.startswith("username-") for name in names)
        assert _says_it_is_in(browser.get(f"{base}api/status"))
        assert browser.post(f"{base}api/terminals").status_code == 403, "Jupyter does not ask for the field"
        xsrf = next(cookie.value for cookie in browser.cookies.jar if cookie.name == "_xsrf")
        assert browser.post(f"{base}api/terminals", headers={"X-XSRFToken": xsrf or ""}).status_code == 200


def test_a_page_asks_jupyters_socket_with_jupyters_own_token(
    proxy: InstanceProxy, locked_notebooks: Jupyter, ada: str
) -> None:
    headers = {"Cookie": f"access_token={ada}", "Authorization": f"token {locked_notebooks.token}"}
    with JupyterClient(proxy.site, locked_notebooks.base_url, headers) as page:
        kernel_id = page.start_kernel()
        with page.kernel(kernel_id) as kernel:
            assert kernel.run("'let in'").result == "'let in'"
        page.end_kernel(kernel_id)


# Files

_NAMES = [
    "plain.bin",
    "with space.bin",
    "ümläut 😀.bin",
    "50%.bin",
    "a%2Fb.bin",
    "plus+and&and=.bin",
    "semi;colon,.bin",
]


@pytest.mark.parametrize("name", _NAMES)
def test_a_megabyte_goes_up_and_comes_down(page: JupyterClient, notebooks: Jupyter, name: str) -> None:
    sent = content(name, MEBI)
    assert page.upload(name, sent).status_code == 201
    assert (notebooks.root / name).read_bytes() == sent
    assert digest(page.download(name)) == digest(sent)


def test_an_encoded_slash_leads_where_it_leads_without_the_proxy(page: JupyterClient, notebooks: Jupyter) -> None:
    folder = notebooks.root / "sub dir"
    folder.mkdir()
    (folder / "file.txt").write_text("found")
    for path in (
        "api/contents/sub%20dir%2Ffile.txt",
        "files/sub%20dir%2Ffile.txt",
        "api/contents/sub%20dir%252Ffile.txt",
    ):
        direct = ask("GET", f"{notebooks.direct}{notebooks.base_url}{path}")
        through = page.http.get(path)
        assert (through.status_code, through.content) == (direct.status_code, direct.content), path
    assert page.http.get("files/sub%20dir%2Ffile.txt").text == "found"
    assert b"GET " + f"{notebooks.base_url}files/sub%20dir%2Ffile.txt HTTP".encode() in notebooks.saw


@pytest.fixture(scope="module")
def large(site: Site) -> tuple[InstanceProxy, Jupyter]:
    """A server whose bytes nobody records: there are too many of them. No token goes there but those of these tests."""
    return site.proxy("large"), site.jupyter(site.instance(), tapped=False)


@pytest.fixture
def large_page(large: tuple[InstanceProxy, Jupyter], ada: str) -> Iterator[JupyterClient]:
    """Past the wiretap."""
    proxy, notebooks = large
    site = f"http://127.0.0.1:{proxy.port}"
    with JupyterClient(site, notebooks.base_url, {"Authorization": f"Bearer {ada}"}) as page:
        yield page


_LARGE = 100_000_000


def test_a_hundred_megabytes_go_up_in_chunks_and_come_down(
    large_page: JupyterClient, large: tuple[InstanceProxy, Jupyter]
) -> None:
    sent = digest(blocks("chunks", _LARGE))
    large_page.upload_in_chunks("large.bin", blocks("chunks", _LARGE))
    assert digest(iter([(large[1].root / "large.bin").read_bytes()])) == sent
    assert digest(large_page.download("large.bin")) == sent


def test_a_hundred_megabytes_go_up_at_once(large_page: JupyterClient, large: tuple[InstanceProxy, Jupyter]) -> None:
    sent = content("at once", _LARGE)
    before = large[0].process.memory_info().rss
    assert large_page.upload("at once.bin", sent).status_code == 201
    assert (large[1].root / "at once.bin").read_bytes() == sent
    grown = large[0].process.memory_info().rss - before
    assert grown < 16 * MEBI, f"the proxy keeps what it passes on: {grown / MEBI:.1f} MiB more"


def test_a_restarted_server_is_reached_again(site: Site, proxy: InstanceProxy, ada: str) -> None:
    notebooks = site.jupyter(site.instance(), tapped=False)
    status = f"{notebooks.base_url}api/status"
    assert proxy.get(status, ada).status_code == 200
    notebooks.peer.stop()
    began = time.monotonic()
    assert proxy.get(status, ada).status_code == 502
    assert time.monotonic() - began < 5
