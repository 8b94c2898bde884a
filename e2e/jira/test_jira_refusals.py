"""Who and what is refused, and that Jira hears nothing of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from lib.ask import ask, problem
from lib.hub import Hub
from lib.jira.people import OUTSIDER, READER
from lib.jira.proxy import JiraProxy
from lib.jira.upstream import PROJECT, Jira
from lib.leaks import Ledger

_ISSUE = f"/rest/api/2/issue/{PROJECT}-1"


@dataclass
class Door:
    """A way to reach Jira."""

    url: str
    audit: Callable[..., dict[str, object]] | None


@pytest.fixture(params=["run by the hub", "beside the hub"])
def door(request: pytest.FixtureRequest, hub: Hub, jira_server: Jira) -> Iterator[Door]:
    """Both ways to run jira-proxy. Nothing that a test of this file does may reach Jira."""
    if request.param == "run by the hub":
        way = Door(f"{hub.public_url}/services/jira", None)
    else:
        proxy: JiraProxy = request.getfixturevalue("server_proxy")
        way = Door(proxy.url, proxy.audit)
    before = len(jira_server.tap.sent)
    yield way
    assert jira_server.tap.sent[before:] == b""


def _audited(door: Door, **wanted: object) -> None:
    if door.audit is not None:
        assert door.audit(**wanted)["decision"] != "allowed"


def test_a_second_user_without_the_scope_is_refused(door: Door, hub: Hub) -> None:
    answer = ask("GET", door.url + _ISSUE, hub.token(OUTSIDER))
    assert answer.status_code == 403
    assert problem(answer) == "insufficient_scope"
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    _audited(door, user=OUTSIDER, status=403)


def test_a_token_without_the_scope_is_refused_even_if_its_owner_has_it(door: Door, hub: Hub) -> None:
    answer = ask("GET", door.url + _ISSUE, hub.token(READER, scopes=["read:users:name!user"]))
    assert answer.status_code == 403
    assert problem(answer) == "insufficient_scope"


def test_no_token_is_refused_with_a_challenge(door: Door) -> None:
    answer = ask("GET", door.url + _ISSUE)
    assert answer.status_code == 401
    _assert_challenged(answer)
    _audited(door, status=401)


@pytest.mark.parametrize("token", ["0123456789abcdef0123456789abcdef", "of.no-form~that/a+hub=gives"])
def test_a_token_that_the_hub_does_not_know_is_refused(door: Door, ledger: Ledger, token: str) -> None:
    answer = ask("GET", door.url + _ISSUE, ledger.platform_token(token))
    assert answer.status_code == 401
    _assert_challenged(answer)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_write_is_refused(door: Door, reader: str) -> None:
    issue = {"fields": {"project": {"key": PROJECT}, "summary": "written through a read-only proxy"}}
    answer = ask("POST", f"{door.url}/rest/api/2/issue", reader, json=issue)
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert "POST" not in answer.headers["allow"]
    _audited(door, user=READER, status=405)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_change_of_an_issue_is_refused(door: Door, reader: str, method: str) -> None:
    assert ask(method, door.url + _ISSUE, reader).status_code == 405


@pytest.mark.parametrize("path", ["/secure/admin", "/rest/auth/1/session"])
def test_what_is_not_published_does_not_exist(door: Door, reader: str, path: str) -> None:
    assert ask("GET", door.url + path, reader).status_code == 404


def _assert_challenged(answer: httpx.Response) -> None:
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert problem(answer)
