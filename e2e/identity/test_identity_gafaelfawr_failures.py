"""Gafaelfawr says no, says nothing, or says something else: what callers are told, and that only a no is remembered."""

import base64

import httpx
import pytest

from lib.ask import problem
from lib.bench import Bench
from lib.gafaelfawr import TOKEN_INFO, USER_INFO, Gafaelfawr, Oddity, Outage
from lib.identity.gateway import send
from lib.identity.lookups import at_once
from lib.identity.people import FOR_ALL, FOR_STAFF, RUBIN_GROUP
from lib.jira.proxy import PREFIX, JiraProxy
from lib.jira.upstream import Jira
from lib.leaks import Ledger
from lib.poll import eventually
from lib.ports import free_port
from lib.standin import Answer

pytest_plugins = ["identity.platforms"]

_SCOPES = ["exec:notebook"]
_GOOD = Gafaelfawr.information("gt-2T1RHkIi4b14JzswnXfCsQ.8t5XdPSYTrteD0pDB15zqQ", "ada", _SCOPES)
_JSON = {"Content-Type": "application/json"}
_HTML = {"Content-Type": "text/html"}
_LOGIN = "/login-page-that-knows-everybody"


def _without(member: str) -> dict[str, object]:
    return {name: value for name, value in _GOOD.items() if name != member}


_UNDECIDED = {
    "internal error": Answer(500, b"Internal Server Error", {"Content-Type": "text/plain; charset=utf-8"}),
    "bad gateway of nginx": Answer(502, b"<html><h1>502 Bad Gateway</h1></html>", _HTML),
    "service unavailable": Answer(503, b"", {"Retry-After": "3600"}),
    "not found": Answer(404, {"detail": "Not Found"}),
    "unprocessable": Answer(422, {"detail": [{"loc": ["header", "x"], "msg": "field required", "type": "missing"}]}),
    "too many requests": Answer(429, {"detail": "slow down"}, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
    "no content": Answer(204),
    "created": Answer(201, _GOOD),
    "redirect to itself": Answer(307, _GOOD, {"Location": TOKEN_INFO}),
    "redirect to a login page": Answer(302, b"", {"Location": _LOGIN}),
    "login page": Answer(200, b"<!doctype html><title>Log in</title>", _HTML),
    "empty": Answer(200, b"", _JSON),
    "half of the JSON": Answer(200, b'{"username": "ada", "scopes": ["exec:notebook"', _JSON),
    "cut short": Answer(200, _GOOD, {"Content-Length": "4096"}),
    "JSON, and more": Answer(200, b'{"username":"ada","scopes":["exec:notebook"]}{"username":"root"}', _JSON),
    "a list": Answer(200, [_GOOD]),
    "null": Answer(200, None),
    "no username": Answer(200, _without("username")),
    "username null": Answer(200, _GOOD | {"username": None}),
    "username a number": Answer(200, _GOOD | {"username": 7}),
    "no scopes": Answer(200, _without("scopes")),
    "scopes as one string": Answer(200, _GOOD | {"scopes": "exec:notebook"}),
    "expires as text": Answer(200, _GOOD | {"expires": "2030-01-01T00:00:00Z"}),
    "huge": Answer(200, _GOOD | {"token_name": "x" * 2_000_000}),
}
_REJECTED = {
    "unknown, revoked": Oddity.REVOKED,
    "malformed, 403 for 400": Oddity.MALFORMED,
    "not in the database, 403": Oddity.NOT_IN_DATABASE,
    "no header, 401": Answer(401, {"detail": {"msg": "Authentication required", "type": "no_authorization"}}),
    "over, and still known": Answer(200, _GOOD | {"expires": 1_756_000_000}),
    "a name for two": Answer(200, _GOOD | {"username": "ada\nroot"}),
    "no name": Answer(200, _GOOD | {"username": ""}),
}
_KEY = "2T1RHkIi4b14JzswnXfCsQ"
_ILL_FORMED = {
    "prefix alone": "gt-",
    "no secret": f"gt-{_KEY}",
    "secret too short": f"gt-{_KEY}.{_KEY[:-1]}",
    "secret too long": f"gt-{_KEY}.{_KEY}A",
    "key too short": f"gt-{_KEY[:-1]}.{_KEY}",
    "three parts": f"gt-{_KEY}.{_KEY}.{_KEY}",
    "of another alphabet": f"gt-{_KEY}.{_KEY[:-1]}+",
    "padded": f"gt-{_KEY}.{_KEY}=",
}


def _get(proxy: JiraProxy, path: str, token: str) -> httpx.Response:
    return send(proxy.tap.port, PREFIX + path, [("Authorization", f"Bearer {token}")])


def _assert_undecided(answer: httpx.Response) -> None:
    assert (answer.status_code, problem(answer)) == (503, "identity_unavailable")
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["retry_after"] == 5
    assert "www-authenticate" not in answer.headers, "nobody is asked for another token"
    assert answer.headers["cache-control"] == "no-store"


def _assert_rejected(answer: httpx.Response) -> None:
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")
    assert answer.headers["www-authenticate"].startswith(
        'Bearer realm="jira-proxy", error="invalid_token", error_description='
    )
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("says", _UNDECIDED.values(), ids=_UNDECIDED)
def test_an_answer_that_is_none_is_told_as_such_and_forgotten(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, guarded_jira: Jira, says: Answer
) -> None:
    token = gafaelfawr.odd_token(says)
    watch = guarded_jira.tap.from_now()
    for _ in range(2):
        _assert_undecided(_get(rubin_proxy, FOR_ALL, token))
    assert gafaelfawr.presented.count(token) == 2, "asked anew each time, and not over and over for one request"
    assert gafaelfawr.asked[_LOGIN] == 0, "redirects are not followed"
    assert watch.sent == b""
    gafaelfawr.mend(token, "ada", _SCOPES)
    assert _get(rubin_proxy, FOR_ALL, token).status_code == 200


@pytest.mark.parametrize("says", _REJECTED.values(), ids=_REJECTED)
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_a_no_is_a_no_and_is_asked_for_once(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, says: Oddity | Answer
) -> None:
    token = gafaelfawr.odd_token(says)
    for _ in range(3):
        _assert_rejected(_get(rubin_proxy, FOR_ALL, token))
    assert gafaelfawr.presented.count(token) == 1


@pytest.mark.parametrize("token", _ILL_FORMED.values(), ids=_ILL_FORMED)
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_what_has_not_the_form_is_refused_unasked(gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, token: str) -> None:
    lookups = gafaelfawr.lookups
    _assert_rejected(_get(rubin_proxy, FOR_ALL, token))
    _assert_rejected(send(rubin_proxy.tap.port, PREFIX + FOR_ALL, [("X-Auth-Request-Token", token)]))
    assert gafaelfawr.lookups == lookups


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Basic", "Basic !", "Basic " + base64.b64encode(b"a:b:c").decode()]
)
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_a_header_without_a_token_is_refused_unasked(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, value: str
) -> None:
    lookups = gafaelfawr.lookups
    _assert_rejected(send(rubin_proxy.tap.port, PREFIX + FOR_ALL, [("Authorization", value)]))
    assert gafaelfawr.lookups == lookups


_OF_ANOTHER_KIND = {
    "nothing": [],
    "a password": [("Authorization", "Basic YWRhOnBhc3N3b3Jk")],
    "another scheme": [("Authorization", "token x")],
    "another kind of token": [("Authorization", "Bearer abc")],
    "the cookie": [("Cookie", f"gafaelfawr=gt-{_KEY}.{_KEY}")],
}


@pytest.mark.parametrize("headers", _OF_ANOTHER_KIND.values(), ids=_OF_ANOTHER_KIND)
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_who_has_no_token_of_gafaelfawrs_is_asked_for_one(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, headers: list[tuple[str, str]]
) -> None:
    lookups = gafaelfawr.lookups
    answer = send(rubin_proxy.tap.port, PREFIX + FOR_ALL, headers)
    assert (answer.status_code, problem(answer)) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="jira-proxy"'
    assert gafaelfawr.lookups == lookups


@pytest.mark.parametrize("outage", list(Outage), ids=lambda outage: outage.name.lower())
def test_an_outage_takes_with_it_what_depends_on_it(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy, rubin_groups_proxy: JiraProxy, guarded_jira: Jira, outage: Outage
) -> None:
    known = gafaelfawr.token("ada", _SCOPES, groups=[RUBIN_GROUP])
    fresh = gafaelfawr.token("ada", _SCOPES, groups=[RUBIN_GROUP])
    assert _get(rubin_groups_proxy, FOR_STAFF, known).status_code == 200
    with gafaelfawr.without(outage):
        # While the database is down, user-info still says whose a token is: that alone is not enough.
        watch = guarded_jira.tap.from_now()
        for path in (FOR_STAFF, FOR_ALL, "/-/me"):
            _assert_undecided(_get(rubin_groups_proxy, path, fresh))
        assert watch.sent == b""
        if outage is Outage.LDAP:
            assert _get(rubin_proxy, FOR_ALL, fresh).status_code == 200, "no groups are needed here"
        else:
            _assert_undecided(_get(rubin_proxy, FOR_ALL, fresh))
        assert _get(rubin_groups_proxy, FOR_STAFF, known).status_code == 200, "just checked, and good for a while"
    assert _get(rubin_groups_proxy, FOR_STAFF, fresh).status_code == 200


def test_silence_is_waited_for_5_seconds_and_by_nobody_else_and_so_long_a_no_is_believed(
    gafaelfawr: Gafaelfawr, rubin_proxy: JiraProxy
) -> None:
    known, fresh = gafaelfawr.token("ada", _SCOPES), gafaelfawr.token("bob", _SCOPES)
    assert _get(rubin_proxy, FOR_ALL, known).status_code == 200
    refused = gafaelfawr.odd_token(Oddity.REVOKED)
    _assert_rejected(_get(rubin_proxy, FOR_ALL, refused))
    gafaelfawr.mend(refused, "carol", _SCOPES)
    _assert_rejected(_get(rubin_proxy, FOR_ALL, refused))
    lookups = gafaelfawr.lookups
    with gafaelfawr.silent():
        waiting = at_once(8, lambda: _get(rubin_proxy, FOR_ALL, fresh))
        eventually("it was asked", lambda: gafaelfawr.lookups > lookups, within=4)
        assert _get(rubin_proxy, FOR_ALL, known).status_code == 200
        assert problem(send(rubin_proxy.tap.port, PREFIX + FOR_ALL)) == "unauthenticated"
        assert not any(future.done() for future in waiting)
        for future in waiting:
            _assert_undecided(future.result(timeout=8))
    assert gafaelfawr.lookups == lookups + 1
    assert _get(rubin_proxy, FOR_ALL, fresh).status_code == 200
    eventually("the no is forgotten", lambda: _get(rubin_proxy, FOR_ALL, refused).status_code == 200, within=2)


@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_without_a_gafaelfawr_nobody_is_known(
    bench: Bench, ledger: Ledger, gafaelfawr: Gafaelfawr, guarded_jira: Jira
) -> None:
    nobody = {"kind": "gafaelfawr", "base_url": f"http://127.0.0.1:{free_port()}"}
    proxy = JiraProxy(bench, ledger, "jira-proxy-rubin-alone", guarded_jira, nobody)
    _assert_undecided(_get(proxy, FOR_ALL, gafaelfawr.token("ada", _SCOPES)))
