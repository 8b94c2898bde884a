"""npm's oidc-provider: algorithms and kinds of tokens that Keycloak does not use by default."""

from pathlib import Path

import pytest

from lib.ask import problem
from lib.bench import Bench
from lib.identity import forge
from lib.identity.browser import Browser
from lib.identity.oidc_provider import AUDIENCE, TOKEN_SECONDS, OidcProvider, new_key
from lib.identity.start import StartProxy
from lib.jira.proxy import JiraProxy
from lib.jira.upstream import PROJECT
from lib.leaks import Ledger
from lib.poll import eventually

_ISSUE = f"/rest/api/2/issue/{PROJECT}-1"
_ALGORITHMS = ["ES256", "EdDSA", "RS512"]


@pytest.fixture(scope="module")
def provider(bench: Bench, ledger: Ledger) -> OidcProvider:
    """A provider with a key for each algorithm, and one for an algorithm that no proxy here takes."""
    return OidcProvider(bench, ledger, [new_key(name, f"key-{name}") for name in [*_ALGORITHMS, "PS256"]])


def _by_oidc(provider: OidcProvider, *algorithms: str) -> dict[str, object]:
    return {
        "kind": "oidc",
        "issuer": provider.issuer,
        "audience": [AUDIENCE],
        "user_claim": "sub",
        "algorithms": list(algorithms),
    }


@pytest.fixture(scope="module")
def checking(start_proxy: StartProxy, provider: OidcProvider) -> JiraProxy:
    """Takes these algorithms and no other."""
    return start_proxy("provider", _by_oidc(provider, *_ALGORITHMS))


def _by_introspection(bench: Bench, provider: OidcProvider) -> dict[str, object]:
    file = Path(bench.directory("introspection") / "provider-secret")
    if not file.exists():
        file.write_text(provider.introspection_secret)
        file.chmod(0o400)
    return {
        "kind": "introspection",
        "endpoint": provider.introspection_endpoint,
        "client_id": AUDIENCE,
        "client_secret_file": str(file),
        "audience": [AUDIENCE],
    }


@pytest.fixture(scope="module")
def asking(bench: Bench, start_proxy: StartProxy, provider: OidcProvider) -> JiraProxy:
    """Asks the provider about opaque tokens."""
    return start_proxy("provider-asking", _by_introspection(bench, provider) | {"required_scopes": ["read"]})


def _refused(proxy: JiraProxy, token: str, why: str) -> None:
    answer = proxy.get(_ISSUE, token)
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")
    assert why in str(proxy.audit(request_id=answer.headers["x-request-id"])["error"])


@pytest.mark.parametrize("algorithm", _ALGORITHMS)
def test_an_access_token_of_each_algorithm_is_good(provider: OidcProvider, checking: JiraProxy, algorithm: str) -> None:
    token = provider.service_token(algorithm)
    assert {"alg": algorithm, "typ": "at+jwt"}.items() <= forge.header(token).items()
    assert checking.get(_ISSUE, token).status_code == 200
    assert checking.audit(user="pipeline", status=200)["identity"] == "oidc"


def test_an_algorithm_that_is_not_listed_is_refused(
    provider: OidcProvider, checking: JiraProxy, jira_hears_nothing: None
) -> None:
    _refused(checking, provider.service_token("PS256"), "an algorithm that is not accepted")


@pytest.mark.parametrize("algorithm", _ALGORITHMS)
def test_a_token_that_was_changed_is_refused(
    provider: OidcProvider, checking: JiraProxy, ledger: Ledger, jira_hears_nothing: None, algorithm: str
) -> None:
    token = ledger.platform_token(forge.with_claims(provider.service_token(algorithm), sub="ada"))
    _refused(checking, token, "its signature is wrong")
    other = "RS512" if algorithm == "ES256" else "ES256"
    mixed = ledger.platform_token(forge.with_header(token, alg=other))
    _refused(checking, mixed, "its key is not meant for its algorithm")


def test_a_person_signs_in_and_a_group_is_required(
    provider: OidcProvider, start_proxy: StartProxy, browser: Browser
) -> None:
    proxy = start_proxy("provider-group", _by_oidc(provider, "ES256") | {"required_groups": ["/spt3g/dev"]})
    assert proxy.get(_ISSUE, provider.sign_in(browser, "ada", "ES256").access).status_code == 200
    answer = proxy.get(_ISSUE, provider.sign_in(browser, "bob", "ES256").access)
    assert (answer.status_code, problem(answer)) == (403, "insufficient_scope")
    assert proxy.audit(user="bob", status=403)["decision"] == "denied"


def test_an_opaque_token_is_asked_about(provider: OidcProvider, asking: JiraProxy, browser: Browser) -> None:
    token = provider.sign_in(browser, "ada", "opaque").access
    assert asking.get(_ISSUE, token).status_code == 200
    assert asking.audit(user="ada", status=200)["identity"] == "introspection"


def test_an_opaque_token_of_a_program_is_good_where_its_client_is_who_it_is(
    bench: Bench, provider: OidcProvider, asking: JiraProxy, start_proxy: StartProxy
) -> None:
    token = provider.service_token("opaque")
    _refused(asking, token, "it has no claim `sub`")
    proxy = start_proxy("provider-programs", _by_introspection(bench, provider) | {"user_claim": "client_id"})
    assert proxy.get(_ISSUE, token).status_code == 200
    assert proxy.audit(user="pipeline", status=200)["identity"] == "introspection"


def test_other_tokens_are_no_access_tokens(
    provider: OidcProvider, asking: JiraProxy, checking: JiraProxy, browser: Browser, jira_hears_nothing: None
) -> None:
    tokens = provider.sign_in(browser, "ada", "opaque")
    _refused(asking, tokens.refresh, "it does not say which service")
    _refused(checking, tokens.id, "it was issued for another service")
    # The provider answers 400 to a question about a JWT, whichever: no answer, so no caller.
    answer = asking.get(_ISSUE, tokens.id)
    assert (answer.status_code, problem(answer)) == (503, "identity_unavailable")
    for opaque in (tokens.access, tokens.refresh):
        answer = checking.get(_ISSUE, opaque)
        assert (answer.status_code, problem(answer)) == (401, "unauthenticated"), "not this kind's to look at"


def test_a_revoked_opaque_token_is_refused_within_a_minute(
    bench: Bench, provider: OidcProvider, start_proxy: StartProxy, browser: Browser
) -> None:
    proxy = start_proxy("provider-revoked", _by_introspection(bench, provider), ahead=0)
    token = provider.sign_in(browser, "ada", "opaque").access
    assert proxy.get(_ISSUE, token).status_code == 200
    provider.revoke(token)
    proxy.later(50)
    assert proxy.get(_ISSUE, token).status_code == 200
    proxy.later(10)
    _refused(proxy, token, "Unknown")


def test_an_opaque_token_is_not_believed_beyond_its_end(
    bench: Bench, provider: OidcProvider, start_proxy: StartProxy, browser: Browser
) -> None:
    proxy = start_proxy("provider-expired", _by_introspection(bench, provider), ahead=0)
    token = provider.sign_in(browser, "ada", "opaque").access
    # The last answer before its end is good until then and no longer, though it is cached for a minute.
    proxy.later(TOKEN_SECONDS - 10)
    assert proxy.get(_ISSUE, token).status_code == 200
    proxy.later(10 + 30)
    _refused(proxy, token, "Expired")


def test_keys_are_rotated(bench: Bench, ledger: Ledger, start_proxy: StartProxy) -> None:
    first, second = new_key("ES256", "first"), new_key("ES256", "second")
    provider = OidcProvider(bench, ledger, [first])
    proxy = start_proxy("provider-rotated", _by_oidc(provider, "ES256"), ahead=0)
    old = provider.service_token("ES256")
    assert proxy.get(_ISSUE, old).status_code == 200

    provider.stop()
    provider.start([second, first])
    new = provider.service_token("ES256")
    assert forge.header(new)["kid"] == "second"
    assert [proxy.get(_ISSUE, token).status_code for token in (new, old)] == [200, 200]

    provider.stop()
    provider.start([second])
    assert (proxy.get(_ISSUE, old).status_code, provider.keys_fetched) == (200, 2)
    proxy.later(9 * 60)
    eventually("the keys are read again", lambda: provider.keys_fetched == 3, within=5)
    proxy.later(60)
    _refused(proxy, old, "a key that its issuer does not publish")
    assert proxy.get(_ISSUE, new).status_code == 200
