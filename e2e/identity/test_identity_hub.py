"""JupyterHub: which of its tokens open the service, whose they are, and a hub that takes its time."""

import base64
from collections.abc import Callable

import httpx
import pytest

from lib.ask import problem
from lib.identity.gateway import send
from lib.identity.hub import (
    BY_ANY_SERVICE,
    BY_GROUP,
    BY_NOTHING,
    BY_OTHER_SERVICE,
    BY_ROLE,
    GROUP,
    OTHER_ROBOT,
    ROBOT,
    SCOPE,
    SERVICE,
    PeopledHub,
    Valve,
)
from lib.identity.lookups import at_once, misses
from lib.identity.people import FOR_ALL, FOR_STAFF
from lib.jira.proxy import PREFIX, JiraProxy
from lib.jira.upstream import Jira
from lib.leaks import Ledger
from lib.poll import eventually

pytest_plugins = ["identity.platforms"]
pytestmark = pytest.mark.usefixtures("nothing_of_the_platform_goes_on")


def _get(proxy: JiraProxy, path: str, token: str | None, scheme: str = "token") -> httpx.Response:
    return send(proxy.tap.port, PREFIX + path, [("Authorization", f"{scheme} {token}")] if token else [])


@pytest.mark.parametrize(
    ("user", "scopes"),
    [(BY_GROUP, None), (BY_ROLE, None), (BY_ANY_SERVICE, None), (BY_ROLE, [SCOPE]), (BY_ANY_SERVICE, [SCOPE])],
    ids=["by group", "by role", "by a role for every service", "by the token", "by a narrower token"],
)
def test_the_scope_opens_the_service_however_it_was_granted(
    peopled: PeopledHub, hub_proxy: JiraProxy, guarded_jira: Jira, user: str, scopes: list[str] | None
) -> None:
    token = peopled.hub.token(user, scopes)
    watch = guarded_jira.tap.from_now()
    assert _get(hub_proxy, FOR_ALL, token).status_code == 200
    assert watch.requests == [f"GET {FOR_ALL}"]
    me = _get(hub_proxy, "/-/me", token).json()
    assert (me["user"], me["kind"]) == (user, "jupyterhub")
    assert hub_proxy.audit(user=user, status=200)["identity"] == "jupyterhub"


@pytest.mark.parametrize(
    ("user", "scopes"),
    [
        (BY_NOTHING, None),
        (BY_OTHER_SERVICE, None),
        (BY_ROLE, ["read:users:name!user"]),
        (BY_ANY_SERVICE, [f"access:services!service={ROBOT}"]),
        (BY_GROUP, []),
    ],
    ids=[
        "no role",
        "another service",
        "a token for something else",
        "a token for another service",
        "a token for nothing",
    ],
)
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_without_the_scope_nobody_comes_in(
    peopled: PeopledHub, hub_proxy: JiraProxy, user: str, scopes: list[str] | None
) -> None:
    answer = _get(hub_proxy, FOR_ALL, peopled.hub.token(user, scopes))
    _assert_lacks_scope(answer)
    assert hub_proxy.audit(user=user, status=403)["decision"] == "denied"


def test_a_service_of_the_hub_is_told_from_a_user_of_its_name(
    peopled: PeopledHub, hub_proxy: JiraProxy, guarded_jira: Jira
) -> None:
    robot = peopled.accounts[ROBOT]
    assert _get(hub_proxy, FOR_ALL, robot).status_code == 200
    me = _get(hub_proxy, "/-/me", robot).json()
    assert (me["user"], me["groups"]) == (f"service:{ROBOT}", [])

    watch = guarded_jira.tap.from_now()
    for account in (OTHER_ROBOT, SERVICE):
        _assert_lacks_scope(_get(hub_proxy, FOR_ALL, peopled.accounts[account]))
    impostor = f"service:{ROBOT}"
    peopled.hub.join(impostor, GROUP)
    answer = _get(hub_proxy, FOR_ALL, peopled.hub.token(impostor))
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")
    assert watch.sent == b""


def test_groups_of_the_hub_are_groups_of_the_policy(
    peopled: PeopledHub, hub_proxy: JiraProxy, guarded_jira: Jira
) -> None:
    assert _get(hub_proxy, FOR_STAFF, peopled.hub.token(BY_GROUP)).status_code == 200
    watch = guarded_jira.tap.from_now()
    for outsider in (peopled.hub.token(BY_ROLE), peopled.accounts[ROBOT]):
        answer = _get(hub_proxy, FOR_STAFF, outsider)
        assert (answer.status_code, problem(answer)) == (403, "policy_denied")
    assert watch.sent == b""


def test_a_token_comes_by_three_schemes_and_is_asked_about_once(
    peopled: PeopledHub, hub_proxy: JiraProxy, valve: Valve
) -> None:
    token = peopled.hub.token(BY_ROLE)
    watch = valve.from_now()
    for scheme in ("token", "Token", "Bearer", "BEARER"):
        assert _get(hub_proxy, FOR_ALL, token, scheme).status_code == 200
    for pair in (f"{BY_ROLE}:{token}", f"{token}:x-oauth-basic"):
        assert _get(hub_proxy, FOR_ALL, base64.b64encode(pair.encode()).decode(), "Basic").status_code == 200
    assert watch.requests == ["GET /hub/api/user"]
    assert f"uthorization: token {token}\r\n".encode() in watch.sent


@pytest.mark.parametrize(
    "put",
    [
        lambda token: (f"{FOR_ALL}?token={token}", []),
        lambda token: (f"{FOR_ALL}?access_token={token}", []),
        lambda token: (FOR_ALL, [("Cookie", f"service-{SERVICE}={token}; jupyterhub-hub-login={token}")]),
        lambda token: (FOR_ALL, [("X-Auth-Request-Token", token)]),
        lambda token: (FOR_ALL, [("X-Jupyterhub-Token", token), ("X-Auth-Request-User", BY_ROLE)]),
    ],
    ids=["query", "query of OAuth", "cookie", "header of a gateway", "header of nobody's"],
)
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_elsewhere_a_token_is_none(
    peopled: PeopledHub, hub_proxy: JiraProxy, valve: Valve, put: Callable[[str], tuple[str, list[tuple[str, str]]]]
) -> None:
    path, headers = put(peopled.hub.token(BY_ROLE))
    visits = valve.visits
    answer = send(hub_proxy.tap.port, PREFIX + path, headers)
    assert (answer.status_code, problem(answer)) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="jira-proxy"'
    assert valve.visits == visits


def test_a_token_in_the_query_does_not_reach_jira(
    peopled: PeopledHub, hub_proxy: JiraProxy, guarded_jira: Jira
) -> None:
    token = peopled.hub.token(BY_ROLE)
    watch = guarded_jira.tap.from_now()
    path = f"{FOR_ALL}?token={token}&expand=names&access_token={token}"
    assert _get(hub_proxy, path, token).status_code == 200
    assert watch.requests == [f"GET {FOR_ALL}?expand=names"]


@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_a_token_that_the_hub_does_not_know_is_asked_about_once(
    hub_proxy: JiraProxy, valve: Valve, ledger: Ledger
) -> None:
    unknown = ledger.platform_token("0123456789abcdef0123456789abcdef")
    watch = valve.from_now()
    for _ in range(3):
        answer = _get(hub_proxy, FOR_ALL, unknown)
        assert (answer.status_code, problem(answer)) == (401, "invalid_token")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert watch.requests == ["GET /hub/api/user"]


def test_a_hub_that_answers_late_but_in_time_is_waited_for(
    peopled: PeopledHub, hub_proxy: JiraProxy, valve: Valve
) -> None:
    token, before, visits = peopled.hub.token(BY_GROUP), misses(hub_proxy, "jupyterhub"), valve.visits
    with valve.shut():
        answers = at_once(30, lambda: _get(hub_proxy, "/-/me", token))
        eventually("all wait", lambda: misses(hub_proxy, "jupyterhub") == before + 30, within=4)
    assert {future.result().json()["user"] for future in answers} == {BY_GROUP}
    assert valve.visits == visits + 1, "all of them were one question"


def test_a_hub_that_does_not_answer_in_time_rejects_nobody(
    peopled: PeopledHub, hub_proxy: JiraProxy, valve: Valve, guarded_jira: Jira
) -> None:
    known, fresh, eve = peopled.hub.token(BY_ROLE), peopled.hub.token(BY_ROLE), peopled.hub.token(BY_NOTHING)
    assert _get(hub_proxy, FOR_ALL, known).status_code == 200
    visits = valve.visits
    with valve.shut():
        watch = guarded_jira.tap.from_now()
        waiting = [
            *at_once(5, lambda: _get(hub_proxy, FOR_ALL, fresh)),
            *at_once(1, lambda: _get(hub_proxy, FOR_ALL, eve)),
        ]
        eventually("both tokens are asked about", lambda: valve.visits == visits + 2, within=4)
        assert problem(_get(hub_proxy, FOR_ALL, None)) == "unauthenticated"
        assert not any(future.done() for future in waiting)
        for answer in [future.result(timeout=8) for future in waiting]:
            assert (answer.status_code, problem(answer)) == (503, "identity_unavailable")
            assert answer.headers["retry-after"] == "5"
            assert "www-authenticate" not in answer.headers
        assert watch.sent == b""
        assert _get(hub_proxy, FOR_ALL, known).status_code == 200, "just checked, and good for a while"
    assert valve.visits == visits + 2
    assert _get(hub_proxy, FOR_ALL, fresh).status_code == 200, "nothing of it was remembered"
    _assert_lacks_scope(_get(hub_proxy, FOR_ALL, eve))


def _assert_lacks_scope(answer: httpx.Response) -> None:
    assert (answer.status_code, problem(answer)) == (403, "insufficient_scope")
    assert f'error="insufficient_scope", scope="{SCOPE}"' in answer.headers["www-authenticate"]
