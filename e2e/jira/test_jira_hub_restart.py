"""The hub goes away and comes back: who cannot be asked about is neither let in nor turned away."""

import threading
from collections.abc import Callable, Iterator

import httpx
import pytest

from lib.ask import ask, problem
from lib.hub import Hub
from lib.jira.people import READER
from lib.jira.proxy import JiraProxy
from lib.jira.upstream import PROJECT
from lib.poll import eventually, observe

_ISSUE = f"/rest/api/2/issue/{PROJECT}-1"


@pytest.fixture(autouse=True)
def hub_is_back(hub: Hub) -> Iterator[None]:
    """Whatever fails here, the tests that follow have their hub."""
    yield
    if not hub.running:
        hub.start()


def test_a_restart_of_the_hub_neither_admits_nor_rejects(hub: Hub, server_proxy: JiraProxy) -> None:
    known, fresh = hub.token(READER), hub.token(READER)
    assert server_proxy.get(_ISSUE, known).status_code == 200

    hub.stop()
    down = observe(lambda: server_proxy.get(_ISSUE, fresh), until=lambda seen: len(seen) >= 5, within=20)
    assert [answer.status_code for answer in down] == [503] * 5
    assert all(int(answer.headers["retry-after"]) > 0 for answer in down)
    assert problem(down[0]) == "identity_unavailable"
    assert server_proxy.get(_ISSUE, known).status_code == 200, "a token that was just checked is good for a while"
    assert server_proxy.get(_ISSUE).status_code == 401, "no token needs no hub to be refused"

    back = _while_it_starts(hub, lambda: server_proxy.get(_ISSUE, fresh))
    statuses = [answer.status_code for answer in back]
    assert statuses == [503] * (len(statuses) - 1) + [200]

    # The hub's own services were stopped with it and are back as well.
    managed = f"{hub.public_url}/services/jira{_ISSUE}"
    answer = eventually("the hub's own service answers", lambda: ask("GET", managed, fresh), within=20)
    assert answer.status_code == 200


def _while_it_starts(hub: Hub, look: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Start the hub again; what was answered from before it began until the first success."""
    first = look()
    starting = threading.Thread(target=hub.start)
    starting.start()
    try:
        return [first, *observe(look, until=lambda seen: seen[-1].status_code == 200, within=60, every=0.05)]
    finally:
        starting.join()
