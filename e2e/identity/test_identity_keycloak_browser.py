"""The authorization code flow with PKCE, in a browser: where it may lead to, and what ends it."""

from urllib.parse import urlencode

import pytest

from lib.ask import problem
from lib.identity.browser import Attempt, Browser
from lib.identity.realm import Realm
from lib.jira.proxy import JiraProxy
from lib.jira.upstream import PROJECT

_ISSUE = f"/rest/api/2/issue/{PROJECT}-1"
_HOSTS = ["spt3g.example.org", "dev1.spt3g.example.org", "dev2.spt3g.example.org"]
_PATH = "/account/callback"


def _callback(host: str = _HOSTS[0]) -> str:
    return f"https://{host}{_PATH}"


@pytest.mark.parametrize("client", ["notebook", "portal"])
@pytest.mark.parametrize("host", _HOSTS)
def test_a_registered_host_is_called_back(
    realm: Realm, browser: Browser, keycloak_proxy: JiraProxy, client: str, host: str
) -> None:
    attempt = Attempt(client, _callback(host))
    with browser.visit() as visit:
        assert visit.open(attempt.url(realm.authorization_endpoint)) == 200
        visit.sign_in(realm.person("ada"))
        assert visit.called_back[0].startswith(f"{_callback(host)}?")
        answer = visit.answer()
    assert (answer["state"], answer["iss"]) == (attempt.state, realm.issuer)
    tokens = realm.kept(realm.exchange(client, answer["code"], attempt.redirect_uri, attempt.verifier))
    assert keycloak_proxy.get(_ISSUE, tokens.access).status_code == 200


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://dev3.spt3g.example.org/account/callback",
        "https://spt3g.example.org.evil.example.org/account/callback",
        "https://spt3g.example.org/account/callback/../../elsewhere",
        "https://spt3g.example.org/account/callback2",
        "http://spt3g.example.org/account/callback",
        "https://spt3g.example.org:8443/account/callback",
        "https://spt3g.example.org@evil.example.org/account/callback",
    ],
)
@pytest.mark.parametrize("client", ["notebook", "portal"])
def test_an_address_that_is_not_registered_is_never_called_back(
    realm: Realm, browser: Browser, client: str, redirect_uri: str
) -> None:
    with browser.visit() as visit:
        assert visit.open(Attempt(client, redirect_uri).url(realm.authorization_endpoint)) == 400
        assert "Invalid parameter: redirect_uri" in visit.text
        assert visit.called_back == []


@pytest.mark.parametrize("client", ["notebook", "portal"])
def test_without_a_challenge_nobody_is_asked_for_a_password(realm: Realm, browser: Browser, client: str) -> None:
    with browser.visit() as visit:
        visit.open(Attempt(client, _callback()).url(realm.authorization_endpoint, pkce=False))
        answer = visit.answer()
    assert answer["error"] == "invalid_request"
    assert "code" not in answer


def test_a_wrong_password_gives_no_code(realm: Realm, browser: Browser) -> None:
    attempt = Attempt("portal", _callback())
    with browser.visit() as visit:
        visit.open(attempt.url(realm.authorization_endpoint))
        visit.sign_in(realm.impostor("ada"))
        assert "Invalid username or password" in visit.text
        assert visit.called_back == []


def _code(realm: Realm, browser: Browser, attempt: Attempt) -> str:
    with browser.visit() as visit:
        visit.open(attempt.url(realm.authorization_endpoint))
        visit.sign_in(realm.person("ada"))
        return visit.answer()["code"]


@pytest.mark.parametrize("verifier", ["a-verifier-that-somebody-else-has-made-up-for-this", None])
def test_a_stolen_code_is_worth_nothing_without_its_verifier(
    realm: Realm, browser: Browser, verifier: str | None
) -> None:
    attempt = Attempt("notebook", _callback())
    answer = realm.exchange("notebook", _code(realm, browser, attempt), attempt.redirect_uri, verifier)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_code_used_twice_ends_what_it_gave(
    realm: Realm, browser: Browser, asking_proxy: JiraProxy, jira_hears_nothing: None
) -> None:
    attempt = Attempt("portal", _callback())
    code = _code(realm, browser, attempt)
    tokens = realm.kept(realm.exchange("portal", code, attempt.redirect_uri, attempt.verifier))
    again = realm.exchange("portal", code, attempt.redirect_uri, attempt.verifier)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    answer = asking_proxy.get(_ISSUE, tokens.access)
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")


def test_signing_out_in_the_browser_ends_the_session(
    realm: Realm, browser: Browser, asking_proxy: JiraProxy, jira_hears_nothing: None
) -> None:
    attempt = Attempt("portal", _callback())
    home = "https://spt3g.example.org/account/"
    with browser.visit() as visit:
        visit.open(attempt.url(realm.authorization_endpoint))
        visit.sign_in(realm.person("ada"))
        code = visit.answer()["code"]
        tokens = realm.kept(realm.exchange("portal", code, attempt.redirect_uri, attempt.verifier))
        query = {"id_token_hint": tokens.id, "client_id": "portal", "post_logout_redirect_uri": home}
        visit.open(f"{realm.end_session_endpoint}?{urlencode(query)}")
        assert visit.called_back[1:] == [home]
    assert realm.refresh(tokens, "portal").status_code == 400
    answer = asking_proxy.get(_ISSUE, tokens.access)
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")
