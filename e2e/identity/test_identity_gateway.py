"""A real nginx names the caller after `auth_request`: what callers write themselves counts for nothing."""

import secrets

import httpx
import pytest

from lib.ask import problem
from lib.identity.gateway import ADDRESS, SECRET_HEADER, Gateway, SignIn, send
from lib.identity.people import FOR_ALL, FOR_STAFF, GROUP
from lib.jira.proxy import PREFIX, JiraProxy
from lib.jira.upstream import Jira

pytest_plugins = ["identity.platforms"]
pytestmark = pytest.mark.usefixtures("nothing_of_the_platform_goes_on")

_USER = "X-Auth-Request-User"
_STRANGER = "mallory"
_SITE = "evil.example"
_FORGED = {
    "a name": [(_USER, _STRANGER)],
    "a name, twice": [(_USER, _STRANGER), (_USER, _STRANGER)],
    "a name in another case": [("x-AUTH-request-uSER", _STRANGER)],
    "a name with underscores": [("X_Auth_Request_User", _STRANGER), ("X-Auth-Request_User", _STRANGER)],
    "a name beside its like": [("X-Auth-Request-Userx", _STRANGER), ("X-Auth-Request-Preferred-Username", _STRANGER)],
    "a name for another proxy": [("X-Forwarded-User", _STRANGER), ("Remote-User", _STRANGER)],
    "groups": [("X-Auth-Request-Groups", GROUP), ("X_Auth_Request_Groups", GROUP), ("X-Forwarded-Groups", GROUP)],
    "a name as Connection's": [("Connection", f"close, {_USER}, {SECRET_HEADER}"), (_USER, _STRANGER)],
    "a guess at the secret": [
        (SECRET_HEADER, "guessed-by-mallory"),
        (SECRET_HEADER.replace("-", "_"), "x"),
        (_USER, "m"),
    ],
    "an address": [("X-Forwarded-For", ADDRESS), ("X-Real-IP", ADDRESS), ("Forwarded", f"for={ADDRESS};host={_SITE}")],
    "a site": [("X-Forwarded-Host", _SITE), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "1")],
    "another target": [
        ("X-Original-URL", FOR_STAFF),
        ("X-Original-URI", "/livez"),
        ("X-Rewrite-URL", FOR_STAFF),
        ("X-Original-Method", "OPTIONS"),
        ("X-HTTP-Method-Override", "DELETE"),
    ],
    "a health check": [("User-Agent", "kube-probe/1.29")],
}


def _cookie() -> str:
    return secrets.token_urlsafe(18)


def _get(gateway: Gateway, path: str, *headers: tuple[str, str], **session: str) -> httpx.Response:
    return send(gateway.port, PREFIX + path, [*session.items(), *headers])


def test_the_caller_is_who_the_sign_in_service_says(
    gateway: Gateway, sign_in: SignIn, behind_gateway: JiraProxy, guarded_jira: Jira
) -> None:
    session = sign_in.session(_cookie(), "ada", f"users, {GROUP}")
    me = _get(gateway, "/-/me", **session).json()
    assert (me["user"], me["kind"], me["groups"]) == ("ada", "gateway", ["users", GROUP])
    watch = guarded_jira.tap.from_now()
    answer = _get(gateway, FOR_STAFF, ("X-Request-Id", "as-ada"), **session)
    assert answer.status_code == 200
    assert watch.requests == [f"GET {FOR_STAFF}"]
    event = behind_gateway.audit(request_id="as-ada")
    assert (event["user"], event["identity"], event["rule"]) == ("ada", "gateway", "staff")
    assert str(event["peer"]).startswith(f"{ADDRESS}:")


@pytest.mark.parametrize("forged", _FORGED.values(), ids=_FORGED)
def test_what_a_signed_in_caller_forges_changes_nothing(
    gateway: Gateway, sign_in: SignIn, guarded_jira: Jira, forged: list[tuple[str, str]]
) -> None:
    session = sign_in.session(_cookie(), "bob", "users")
    me = _get(gateway, "/-/me", *forged, **session).json()
    assert (me["user"], me["groups"]) == ("bob", ["users"])
    denied = _get(gateway, FOR_STAFF, *forged, **session)
    assert (denied.status_code, problem(denied)) == (403, "policy_denied")
    watch = guarded_jira.tap.from_now()
    allowed = _get(gateway, FOR_ALL, *forged, **session)
    assert allowed.status_code == 200
    assert _SITE not in allowed.text
    assert watch.requests == [f"GET {FOR_ALL}"]
    assert not [value for _, value in forged if len(value) > 1 and value.encode() in watch.sent]
    asked = [name.lower() for headers in sign_in.seen for name in headers]
    assert set(asked) <= {"host", "connection", "cookie", "authorization"}, "the sign-in service sees proofs alone"


@pytest.mark.parametrize("forged", _FORGED.values(), ids=_FORGED)
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_what_a_stranger_forges_is_no_sign_in(gateway: Gateway, forged: list[tuple[str, str]]) -> None:
    for path in ("/-/me", FOR_ALL):
        answer = _get(gateway, path, *forged)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Cookie realm="sign-in"', "nginx refuses; the service is not asked"


def test_forged_groups_do_not_stand_in_for_none(gateway: Gateway, sign_in: SignIn) -> None:
    """A header that the sign-in service does not send is empty to nginx, which then sends none: not the caller's."""
    session = sign_in.session(_cookie(), "eve")
    forged = [("X-Auth-Request-Groups", GROUP), ("X-Auth-Request-Email", "root@example.org")]
    assert _get(gateway, "/-/me", *forged, **session).json()["groups"] == []
    assert problem(_get(gateway, FOR_STAFF, *forged, **session)) == "policy_denied"


@pytest.mark.parametrize(
    "groups",
    ["/jira", "/jira/staff/sub", "/jira/staf", "/jira/staffx", "jira/staff", "/JIRA/STAFF", "/jira/*", "/jira staff"],
)
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_a_group_is_that_group_exactly(gateway: Gateway, sign_in: SignIn, groups: str) -> None:
    answer = _get(gateway, FOR_STAFF, **sign_in.session(_cookie(), "bob", f"users,{groups}"))
    assert (answer.status_code, problem(answer)) == (403, "policy_denied")
    assert "nobody-else" in answer.json()["detail"]
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_a_yes_without_a_name_is_nobody(gateway: Gateway, sign_in: SignIn) -> None:
    session = sign_in.session(_cookie(), "")
    for forged in ([], [(_USER, _STRANGER)]):
        answer = _get(gateway, FOR_ALL, *forged, **session)
        assert (answer.status_code, problem(answer)) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == 'Bearer realm="jira-proxy"'


@pytest.mark.parametrize("name", ["ad\xe9", "a" * 257, "a\tb"])
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_a_name_that_could_be_misread_is_refused(gateway: Gateway, sign_in: SignIn, name: str) -> None:
    answer = _get(gateway, FOR_ALL, **sign_in.session(_cookie(), name))
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")
    assert name not in answer.text


def test_signing_out_holds_with_the_next_request(gateway: Gateway, sign_in: SignIn) -> None:
    cookie = _cookie()
    session = sign_in.session(cookie, "ada")
    assert _get(gateway, FOR_ALL, **session).status_code == 200
    sign_in.sign_out(cookie)
    assert _get(gateway, FOR_ALL, **session).status_code == 401


@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_without_the_sign_in_service_nobody_comes_in(gateway: Gateway, sign_in: SignIn) -> None:
    session = sign_in.session(_cookie(), "ada", GROUP)
    sign_in.is_up = False
    try:
        assert _get(gateway, FOR_STAFF, (_USER, "ada"), **session).status_code == 500
    finally:
        sign_in.is_up = True
    assert _get(gateway, "/-/me", **session).status_code == 200


@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_who_may_not_come_in_does_not_get_as_far_as_the_service(gateway: Gateway, sign_in: SignIn) -> None:
    answer = _get(gateway, FOR_ALL, (_USER, "ada"), **sign_in.turned_away(_cookie()))
    assert answer.status_code == 403
    assert "problem" not in answer.headers["content-type"]
