"""Keycloak's access tokens, however they were had, and what their owners may."""

from collections.abc import Callable

import pytest

from lib.ask import ask, problem
from lib.identity import forge
from lib.identity.browser import Attempt, Browser
from lib.identity.keycloak import Keycloak
from lib.identity.realm import Person, Realm
from lib.identity.start import StartProxy
from lib.jira.proxy import JiraProxy
from lib.jira.upstream import PROJECT, Jira

_ISSUE = f"/rest/api/2/issue/{PROJECT}-1"
_CALLBACK = "https://spt3g.example.org/account/callback"


def _by_password(realm: Realm, _: Browser) -> tuple[str, str]:
    return "ada", realm.sign_in(realm.person("ada")).access


def _by_client_credentials(realm: Realm, _: Browser) -> tuple[str, str]:
    return "service-account-pipeline", realm.service_token("pipeline")


def _by_code(realm: Realm, browser: Browser) -> tuple[str, str]:
    attempt = Attempt("portal", _CALLBACK)
    with browser.visit() as visit:
        visit.open(attempt.url(realm.authorization_endpoint))
        visit.sign_in(realm.person("ada"))
        code = visit.answer()["code"]
    return "ada", realm.kept(realm.exchange("portal", code, _CALLBACK, attempt.verifier)).access


@pytest.mark.parametrize("way", [_by_password, _by_client_credentials, _by_code], ids=lambda way: way.__name__)
@pytest.mark.parametrize("kind", ["keycloak_proxy", "asking_proxy"])
def test_a_token_is_good_however_it_was_had(
    request: pytest.FixtureRequest,
    realm: Realm,
    browser: Browser,
    jira_server: Jira,
    kind: str,
    way: Callable[[Realm, Browser], tuple[str, str]],
) -> None:
    proxy: JiraProxy = request.getfixturevalue(kind)
    user, token = way(realm, browser)
    before = len(jira_server.tap.requests)
    answer = proxy.get(_ISSUE, token)
    assert answer.status_code == 200, answer.text
    assert answer.json()["key"] == f"{PROJECT}-1"
    assert jira_server.tap.requests[before:] == [f"GET {_ISSUE}"]
    assert proxy.audit(user=user, status=200)["cache"] == "miss"


def test_the_token_may_come_as_a_password_too(realm: Realm, keycloak_proxy: JiraProxy) -> None:
    token = realm.sign_in(realm.person("ada")).access
    answer = ask("GET", keycloak_proxy.url + _ISSUE, auth=("anybody", token))
    assert answer.status_code == 200


def _attachment(proxy: JiraProxy, token: str, jira: Jira) -> str:
    """Where the issue says that its attachment is, below the proxy's prefix."""
    (attachment,) = proxy.get(f"/rest/api/2/issue/{jira.attached.issue}", token).json()["fields"]["attachment"]
    link = str(attachment["content"])
    assert link.startswith(proxy.url)
    return link.removeprefix(proxy.url)


def test_a_rule_for_a_group_lets_its_members_pass(realm: Realm, keycloak_proxy: JiraProxy, jira_server: Jira) -> None:
    token = realm.sign_in(realm.person("ada")).access
    answer = keycloak_proxy.get(_attachment(keycloak_proxy, token, jira_server), token)
    assert answer.status_code == 200
    assert answer.content == jira_server.attached.content
    assert keycloak_proxy.audit(user="ada", rule="attachments-for-developers")["decision"] == "allowed"


@pytest.mark.parametrize("name", ["bob", "ivy"])
def test_a_rule_for_a_group_keeps_others_out(
    realm: Realm, keycloak_proxy: JiraProxy, jira_server: Jira, name: str
) -> None:
    token = realm.sign_in(realm.person(name)).access
    path = _attachment(keycloak_proxy, token, jira_server)
    before = len(jira_server.tap.sent)
    answer = keycloak_proxy.get(path, token)
    assert (answer.status_code, problem(answer)) == (403, "policy_denied")
    assert jira_server.tap.sent[before:] == b""
    assert keycloak_proxy.audit(user=name, status=403)["decision"] == "denied"


@pytest.fixture(scope="module", params=["by_oidc", "by_introspection"])
def developers_only(request: pytest.FixtureRequest, start_proxy: StartProxy) -> JiraProxy:
    """A proxy for one group, of either kind."""
    identity = request.getfixturevalue(request.param) | {"required_groups": ["/spt3g/dev"]}
    return start_proxy("developers", identity)


def test_a_member_of_the_required_group_passes(realm: Realm, developers_only: JiraProxy) -> None:
    assert developers_only.get(_ISSUE, realm.sign_in(realm.person("ada")).access).status_code == 200
    assert developers_only.get(_ISSUE, realm.service_token("pipeline")).status_code == 200


@pytest.mark.parametrize(
    ("name", "why"), [("bob", "another group below the same"), ("ivy", "the parent, a child, and names alike")]
)
@pytest.mark.usefixtures("jira_hears_nothing")
def test_who_is_only_in_other_groups_is_refused(realm: Realm, developers_only: JiraProxy, name: str, why: str) -> None:
    answer = developers_only.get(_ISSUE, realm.sign_in(realm.person(name)).access)
    assert (answer.status_code, problem(answer)) == (403, "insufficient_scope"), why
    assert developers_only.audit(user=name, status=403)["decision"] == "denied"


@pytest.mark.usefixtures("jira_hears_nothing")
def test_without_full_paths_nobody_is_in_the_group(keycloak: Keycloak, start_proxy: StartProxy) -> None:
    realm = keycloak.copy_realm("short-names")
    realm.change_mapper("nbgate", "groups with their full paths", **{"full.path": "false"})
    identity = {"kind": "oidc", "issuer": realm.issuer, "audience": ["jira-proxy"]}
    proxy = start_proxy("short-names", identity | {"required_groups": ["/spt3g/dev"]})
    answer = proxy.get(_ISSUE, realm.sign_in(realm.person("ada")).access)
    assert (answer.status_code, problem(answer)) == (403, "insufficient_scope")


@pytest.fixture(scope="module")
def of_a_group_with_a_slash(realm: Realm) -> Person:
    """Somebody whose group is called as developers' path is, but for the first slash."""
    person = realm.new_person()
    realm.join_new_group(person, "spt3g/dev")
    return person


@pytest.mark.usefixtures("jira_hears_nothing")
def test_a_group_whose_name_holds_a_slash_is_told_from_a_path(
    realm: Realm, developers_only: JiraProxy, of_a_group_with_a_slash: Person
) -> None:
    token = realm.sign_in(of_a_group_with_a_slash).access
    assert forge.claims(token)["groups"] == ["/spt3g~/dev"]
    answer = developers_only.get(_ISSUE, token)
    assert (answer.status_code, problem(answer)) == (403, "insufficient_scope")


def test_a_lightweight_token_is_good_only_where_keycloak_is_asked(
    realm: Realm, keycloak_proxy: JiraProxy, asking_proxy: JiraProxy
) -> None:
    lightweight = {"client.use.lightweight.access.token.enabled": "true"}
    attributes = realm.client("notebook")["attributes"]
    realm.change_client("notebook", attributes=attributes | lightweight)
    try:
        token = realm.sign_in(realm.person("ada")).access
    finally:
        realm.change_client("notebook", attributes=attributes | dict.fromkeys(lightweight, "false"))
    answer = keycloak_proxy.get(_ISSUE, token)
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")
    assert "it does not say which service" in answer.json()["detail"]
    assert asking_proxy.get(_ISSUE, token).status_code == 200
