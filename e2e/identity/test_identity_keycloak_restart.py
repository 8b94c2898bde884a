"""Keycloak goes away and comes back: known keys stay good for a day, and who cannot be asked about is not let in."""

import threading
from collections.abc import Iterator

import pytest

from lib.ask import problem
from lib.identity import forge
from lib.identity.keycloak import Keycloak
from lib.identity.start import StartProxy
from lib.jira.proxy import JiraProxy
from lib.jira.upstream import PROJECT
from lib.leaks import Ledger
from lib.poll import eventually, observe

_ISSUE = f"/rest/api/2/issue/{PROJECT}-1"
_HOUR = 3600


@pytest.fixture(autouse=True)
def keycloak_is_back(keycloak: Keycloak) -> Iterator[None]:
    """Whatever fails here, the tests that follow have their Keycloak."""
    yield
    if not keycloak.running:
        keycloak.start()


def _undecided(proxy: JiraProxy, token: str) -> None:
    answer = proxy.get(_ISSUE, token)
    assert (answer.status_code, problem(answer)) == (503, "identity_unavailable")
    assert int(answer.headers["retry-after"]) > 0


def _good(proxy: JiraProxy, *tokens: str) -> None:
    assert [proxy.get(_ISSUE, token).status_code for token in tokens] == [200] * len(tokens)


def test_a_restart_of_keycloak_neither_admits_nor_rejects(
    keycloak: Keycloak, start_proxy: StartProxy, by_introspection: dict[str, object], ledger: Ledger
) -> None:
    realm = keycloak.copy_realm("lasting")
    realm.let_tokens_last(48 * _HOUR)
    identity = {"kind": "oidc", "issuer": realm.issuer, "audience": ["jira-proxy"]}
    checking = start_proxy("checking", identity, ahead=0)
    realm.use_secret_of(by_introspection)
    asking = start_proxy("asking", by_introspection | {"endpoint": realm.introspection_endpoint}, ahead=0)
    person = realm.person("ada")
    seen, unseen = realm.sign_in(person).access, realm.sign_in(person).access
    made_up = ledger.platform_token(forge.signed_anew(seen, kid="made-up"))
    _good(checking, seen)
    _good(asking, seen)

    keycloak.stop()
    _good(checking, seen, unseen)
    _undecided(checking, made_up)
    _good(asking, seen)
    _undecided(asking, unseen)
    assert asking.get(_ISSUE).status_code == 401, "no token needs nobody to be refused"
    asking.later(60)
    _undecided(asking, seen)

    checking.later(24 * _HOUR - 120)
    _good(checking, seen, unseen)
    eventually("its workers have ticked since", lambda: checking.live, within=10)
    assert checking.ready
    checking.later(120)
    _undecided(checking, seen)
    eventually("its workers have ticked since", lambda: checking.live, within=10)
    assert not checking.ready

    starting = threading.Thread(target=keycloak.start)
    starting.start()
    try:
        back = observe(
            lambda: asking.get(_ISSUE, unseen).status_code, until=lambda seen: seen[-1] == 200, within=120, every=0.25
        )
    finally:
        starting.join()
    assert back == [503] * (len(back) - 1) + [200]
    eventually("the keys are there again", lambda: checking.ready, within=20)
    _good(checking, seen, unseen)
    eventually("Keycloak is asked again", lambda: asking.get(_ISSUE, seen).status_code == 200, within=20)
