"""Tokens of Keycloak's that are not for this service, and tokens that are not Keycloak's: Jira hears of none."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib.ask import problem
from lib.identity import forge
from lib.identity.keycloak import Keycloak
from lib.identity.realm import Realm
from lib.identity.start import StartProxy
from lib.jira.proxy import JiraProxy
from lib.jira.upstream import PROJECT
from lib.leaks import Ledger

_ISSUE = f"/rest/api/2/issue/{PROJECT}-1"

Make = Callable[[Keycloak, Realm], str]
pytestmark = pytest.mark.usefixtures("jira_hears_nothing")


def _refused(proxy: JiraProxy, token: str, why: str) -> None:
    answer = proxy.get(_ISSUE, token)
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    event = proxy.audit(request_id=answer.headers["x-request-id"])
    assert why in str(event["error"])
    assert "user" not in event


def _undecided(proxy: JiraProxy, token: str) -> None:
    answer = proxy.get(_ISSUE, token)
    assert (answer.status_code, problem(answer)) == (503, "identity_unavailable")


def _of_the_administrator(keycloak: Keycloak, _: Realm) -> str:
    return keycloak.admin_token()


def _for_another_service(_: Keycloak, realm: Realm) -> str:
    return realm.sign_in(realm.person("ada"), "elsewhere").access


def _refresh_token(_: Keycloak, realm: Realm) -> str:
    return realm.sign_in(realm.person("ada")).refresh


def _id_token(_: Keycloak, realm: Realm) -> str:
    """One for the client that is the audience of access tokens here: only its type tells."""
    realm.change_client("jira-proxy", directAccessGrantsEnabled=True)
    try:
        token = realm.sign_in(realm.person("ada"), "jira-proxy").id
    finally:
        realm.change_client("jira-proxy", directAccessGrantsEnabled=False)
    assert forge.claims(token)["aud"] == "jira-proxy"
    return token


def _bound_to_a_key(_: Keycloak, realm: Realm) -> str:
    return realm.sign_in_with_proof(realm.person("ada")).access


_PROVIDERS_OWN = [
    (_of_the_administrator, "a key that its issuer does not publish", "Unknown"),
    (_for_another_service, "it does not say which service", "it does not say which service"),
    (_refresh_token, "an algorithm that is not accepted", "it is not an access token"),
    (_id_token, "it is not an access token", "it is not an access token"),
    (_bound_to_a_key, "it is bound to a key of its owner", "it is bound to a key of its owner"),
]


@pytest.mark.parametrize(("make", "why", "_why"), _PROVIDERS_OWN, ids=lambda value: getattr(value, "__name__", ""))
def test_another_token_of_keycloaks_is_refused_by_what_it_says(
    keycloak: Keycloak, realm: Realm, keycloak_proxy: JiraProxy, make: Make, why: str, _why: str
) -> None:
    _refused(keycloak_proxy, make(keycloak, realm), why)


@pytest.mark.parametrize(("make", "_why", "why"), _PROVIDERS_OWN, ids=lambda value: getattr(value, "__name__", ""))
def test_another_token_of_keycloaks_is_refused_by_what_keycloak_says(
    keycloak: Keycloak, realm: Realm, asking_proxy: JiraProxy, make: Make, _why: str, why: str
) -> None:
    _refused(asking_proxy, make(keycloak, realm), why)


@pytest.fixture(scope="module")
def lookalike(keycloak: Keycloak) -> Realm:
    """A realm of the same server with the same users, groups and clients."""
    return keycloak.copy_realm("lookalike")


def test_a_token_of_a_realm_that_looks_alike_is_refused(
    lookalike: Realm, realm: Realm, keycloak_proxy: JiraProxy, asking_proxy: JiraProxy, ledger: Ledger
) -> None:
    token = lookalike.sign_in(lookalike.person("ada")).access
    _refused(keycloak_proxy, token, "a key that its issuer does not publish")
    _refused(asking_proxy, token, "Unknown")
    renamed = ledger.platform_token(forge.with_claims(token, iss=realm.issuer))
    _refused(keycloak_proxy, renamed, "a key that its issuer does not publish")
    _refused(asking_proxy, renamed, "Unknown")


def _pem(public_key: str) -> bytes:
    lines = "\n".join(public_key[start : start + 64] for start in range(0, len(public_key), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n".encode()


def _forgeries(token: str, public_key: str) -> Iterator[tuple[str, str, str]]:
    wrong, algorithm = "its signature is wrong", "an algorithm that is not accepted"
    yield "other groups", forge.with_claims(token, groups=["/spt3g/dev"], preferred_username="ada"), wrong
    yield "a later end", forge.with_claims(token, exp=forge.claims(token)["exp"] + 3600), wrong
    yield "a signature cut short", forge.cut_short(token), wrong
    yield "no signature", f"{token.rpartition('.')[0]}.", wrong
    yield "a key of one's own", forge.signed_anew(token), wrong
    yield "a key that nobody knows", forge.signed_anew(token, kid="made-up"), "its issuer does not publish"
    yield "no algorithm", forge.unsigned(token), algorithm
    yield "the public key as a secret", forge.signed_with_the_public_key(token, _pem(public_key)), algorithm
    yield "its bytes as a secret", forge.signed_with_the_public_key(token, base64.b64decode(public_key)), algorithm
    yield "another algorithm", forge.with_header(token, alg="RS512"), algorithm
    yield "an algorithm of another family", forge.with_header(token, alg="ES256"), "not meant for its algorithm"
    yield "an encryption key", forge.with_header(token, kid="RSA-OAEP"), "its issuer does not publish"
    yield "an extension", forge.with_header(token, crit=["exp"]), "an extension that is not supported"


def test_a_forged_token_is_refused(
    realm: Realm, keycloak_proxy: JiraProxy, asking_proxy: JiraProxy, ledger: Ledger
) -> None:
    token = realm.sign_in(realm.person("bob")).access
    for what, forged, why in _forgeries(token, realm.signing_key()["publicKey"]):
        ledger.platform_token(forged)
        try:
            _refused(keycloak_proxy, forged, why)
            if what == "no algorithm":
                # Keycloak 26.5 answers this question with 400 instead of "not active": no answer, so no caller.
                _undecided(asking_proxy, forged)
            else:
                _refused(asking_proxy, forged, "Unknown")
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from error


def test_who_cannot_ask_keycloak_lets_nobody_in(
    realm: Realm, start_proxy: StartProxy, by_introspection: dict[str, object], tmp_path: Path
) -> None:
    file = tmp_path / "client-secret"
    file.write_text("not the one that Keycloak has made up")
    file.chmod(0o400)
    proxy = start_proxy("wrong-secret", by_introspection | {"client_secret_file": str(file)})
    _undecided(proxy, realm.sign_in(realm.person("ada")).access)
    assert "the endpoint answered 401" in proxy.log.read_text()
