"""Gafaelfawr's tokens: where one may be, what an ingress makes of it, whose it is, and how often that is asked."""

import base64
from collections.abc import Callable

import httpx
import pytest

from lib.ask import problem
from lib.bench import Bench
from lib.gafaelfawr import INGRESS, TOKEN_INFO, USER_INFO, Gafaelfawr
from lib.identity.gafaelfawr import ingress
from lib.identity.gateway import send
from lib.identity.lookups import at_once, misses
from lib.identity.people import FOR_ALL, FOR_STAFF, RUBIN_GROUP
from lib.jira.proxy import PREFIX, JiraProxy
from lib.jira.upstream import Jira
from lib.leaks import Ledger
from lib.poll import eventually

pytest_plugins = ["identity.platforms"]
pytestmark = pytest.mark.usefixtures("nothing_of_the_platform_goes_on")

_SCOPES = ["exec:notebook", "read:tap"]
_DELEGATED = "X-Auth-Request-Token"


def _basic(user: str, password: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _bearer(token: str, scheme: str = "Bearer") -> tuple[str, str]:
    return "Authorization", f"{scheme} {token}"


_PLACES: dict[str, Callable[[str], tuple[str, str]]] = {
    "bearer": _bearer,
    "bearer in another case": lambda token: _bearer(token, "bEARER"),
    "basic password": lambda token: _basic("ada", token),
    "basic user": lambda token: _basic(token, "x-oauth-basic"),
    "basic user alone": lambda token: _basic(token, ""),
    "basic, both": lambda token: _basic(token, token),
    "from an ingress": lambda token: (_DELEGATED, token),
}


def _get(proxy: JiraProxy, path: str, *headers: tuple[str, str]) -> httpx.Response:
    return send(proxy.tap.port, PREFIX + path, headers)


@pytest.mark.parametrize("place", _PLACES.values(), ids=_PLACES)
def test_a_token_is_found_where_clients_can_put_it(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, guarded_jira: Jira, place: Callable[[str], tuple[str, str]]
) -> None:
    token = gafaelfawr.token("ada", _SCOPES)
    watch = guarded_jira.tap.from_now()
    assert _get(rubin_proxy, FOR_ALL, place(token)).status_code == 200
    assert watch.requests == [f"GET {FOR_ALL}"]
    assert gafaelfawr.presented[-1] == token
    me = _get(rubin_proxy, "/-/me", place(token)).json()
    assert (me["user"], me["kind"], me["scopes"]) == ("ada", "gafaelfawr", _SCOPES)
    assert gafaelfawr.presented.count(token) == 1


def test_all_places_in_authorization_are_one_question(gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy) -> None:
    token = gafaelfawr.token("ada", _SCOPES)
    for name, place in _PLACES.items():
        if name != "from an ingress":
            assert _get(rubin_proxy, FOR_ALL, place(token)).status_code == 200
    assert gafaelfawr.presented.count(token) == 1


def test_two_tokens_that_differ_are_ambiguous(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, guarded_jira: Jira
) -> None:
    ada, bob = gafaelfawr.token("ada", _SCOPES), gafaelfawr.token("bob", _SCOPES)
    watch, lookups = guarded_jira.tap.from_now(), gafaelfawr.lookups
    for headers in (
        [_bearer(ada), (_DELEGATED, bob)],
        [(_DELEGATED, ada), (_DELEGATED, bob)],
        [(_DELEGATED, ada), (_DELEGATED, ada)],
        [_bearer(ada), _bearer(bob)],
        [_bearer(ada), _bearer(ada)],
        [_basic(ada, bob)],
        [_basic("ada", ada), (_DELEGATED, bob)],
    ):
        answer = _get(rubin_proxy, FOR_ALL, *headers)
        assert (answer.status_code, problem(answer)) == (400, "bad_request"), headers
    assert (watch.sent, gafaelfawr.lookups) == (b"", lookups)
    both = [_bearer(ada), (_DELEGATED, ada)]
    assert _get(rubin_proxy, "/-/me", *both).json()["user"] == "ada", "one token, twice, is no contradiction"


def test_a_name_in_a_header_is_no_identity(gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, guarded_jira: Jira) -> None:
    named = [("X-Auth-Request-User", "root"), ("X-Auth-Request-Groups", RUBIN_GROUP), ("X-Auth-Request-Service", "tap")]
    watch = guarded_jira.tap.from_now()
    answer = _get(rubin_proxy, FOR_ALL, *named)
    assert (answer.status_code, problem(answer), watch.sent) == (401, "unauthenticated", b"")
    me = _get(rubin_proxy, "/-/me", _bearer(gafaelfawr.token("ada", _SCOPES)), *named).json()
    assert (me["user"], me["groups"]) == ("ada", [])


def test_an_ingress_takes_the_callers_token_away_and_sends_another(
    bench: Bench, ledger: Ledger, gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy
) -> None:
    platform = ingress(bench, ledger, gafaelfawr, rubin_proxy.port, delegated="exec:notebook")
    own, others = gafaelfawr.token("ada", _SCOPES), gafaelfawr.token("root", _SCOPES)
    for headers in ([], [(_DELEGATED, others)], [("X-Auth-Request-User", "root"), ("x_auth_request_token", others)]):
        me = send(platform.port, f"{PREFIX}/-/me", [_bearer(own), *headers]).json()
        assert (me["user"], me["scopes"]) == ("ada", ["exec:notebook"]), "what was delegated, and no more"
    assert not {own, others} & set(gafaelfawr.presented), "the service was given neither of them"
    assert send(platform.port, PREFIX + FOR_ALL, [_bearer(own)]).status_code == 200

    ingresses = gafaelfawr.asked[INGRESS]
    answer = send(platform.port, PREFIX + FOR_ALL, [(_DELEGATED, others)])
    assert (answer.status_code, gafaelfawr.asked[INGRESS]) == (401, ingresses + 1), "the ingress asks for its own"


def test_an_ingress_that_delegates_nothing_lets_nobody_in(
    bench: Bench, ledger: Ledger, gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, guarded_jira: Jira
) -> None:
    """The delegated token has the scopes that were asked for and that the caller has: here none, and still 200."""
    platform = ingress(bench, ledger, gafaelfawr, rubin_proxy.port, delegated="read:image")
    watch = guarded_jira.tap.from_now()
    answer = send(platform.port, PREFIX + FOR_ALL, [_bearer(gafaelfawr.token("ada", _SCOPES))])
    assert (answer.status_code, problem(answer)) == (403, "insufficient_scope")
    assert 'error="insufficient_scope", scope="exec:notebook"' in answer.headers["www-authenticate"]
    assert watch.sent == b""


def test_groups_are_asked_for_where_rules_need_them(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, rubin_groups_proxy: JiraProxy
) -> None:
    token = gafaelfawr.token("ada", _SCOPES, groups=["g_users", RUBIN_GROUP])
    before = gafaelfawr.asked.copy()
    assert _get(rubin_groups_proxy, FOR_STAFF, _bearer(token)).status_code == 200
    assert _get(rubin_groups_proxy, "/-/me", _bearer(token)).json()["groups"] == ["g_users", RUBIN_GROUP]
    assert gafaelfawr.asked - before == {TOKEN_INFO: 1, USER_INFO: 1}
    assert _get(rubin_proxy, "/-/me", _bearer(token)).json()["groups"] == []
    assert gafaelfawr.asked - before == {TOKEN_INFO: 2, USER_INFO: 1}


@pytest.mark.parametrize(
    "groups", [[], ["g_jira"], ["g_jira_staff2"], ["G_JIRA_STAFF"], ["g_jira_staf", "xg_jira_staff"]]
)
def test_a_group_is_that_group_exactly(
    gafaelfawr: Gafaelfawr, rubin_groups_proxy: JiraProxy, guarded_jira: Jira, groups: list[str]
) -> None:
    watch = guarded_jira.tap.from_now()
    answer = _get(rubin_groups_proxy, FOR_STAFF, _bearer(gafaelfawr.token("bob", _SCOPES, groups=groups)))
    assert (answer.status_code, problem(answer), watch.sent) == (403, "policy_denied", b"")


def test_a_service_account_is_its_bot(gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy) -> None:
    token = gafaelfawr.token("bot-mobu", ["exec:notebook"], kind="service", lifetime=None)
    assert _get(rubin_proxy, FOR_ALL, _bearer(token)).status_code == 200
    me = _get(rubin_proxy, "/-/me", _bearer(token)).json()
    assert (me["user"], me["expires"]) == ("bot-mobu", None), "no `expires` is no end"
    assert rubin_proxy.audit(user="bot-mobu", status=200)["identity"] == "gafaelfawr"


@pytest.mark.parametrize("scopes", [[], ["read:tap"], ["exec:notebooks", "exec:noteboo", "exec"], ["EXEC:NOTEBOOK"]])
def test_a_scope_is_that_scope_exactly(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, guarded_jira: Jira, scopes: list[str]
) -> None:
    watch = guarded_jira.tap.from_now()
    answer = _get(rubin_proxy, FOR_ALL, _bearer(gafaelfawr.token("bob", scopes)))
    assert (answer.status_code, problem(answer), watch.sent) == (403, "insufficient_scope", b"")
    assert 'scope="exec:notebook"' in answer.headers["www-authenticate"]


def test_an_answer_does_not_outlive_its_token(gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy) -> None:
    token = gafaelfawr.token("ada", _SCOPES, lifetime=3)
    assert _get(rubin_proxy, FOR_ALL, _bearer(token)).status_code == 200
    answer = eventually(
        "the token is over",
        lambda: answer if (answer := _get(rubin_proxy, FOR_ALL, _bearer(token))).status_code != 200 else None,
        within=5,
    )
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")


def test_many_first_requests_with_one_token_are_one_question(
    gafaelfawr: Gafaelfawr, rubin_groups_proxy: JiraProxy
) -> None:
    token = gafaelfawr.token("carol", _SCOPES, groups=[RUBIN_GROUP])
    asked, before = gafaelfawr.asked.copy(), misses(rubin_groups_proxy, "gafaelfawr")
    with gafaelfawr.silent():
        answers = at_once(30, lambda: _get(rubin_groups_proxy, "/-/me", _bearer(token)))
        eventually("all wait for one answer", lambda: misses(rubin_groups_proxy, "gafaelfawr") == before + 30, within=4)
    assert {future.result().json()["user"] for future in answers} == {"carol"}
    assert gafaelfawr.asked - asked == {TOKEN_INFO: 1, USER_INFO: 1}
