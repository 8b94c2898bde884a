"""What changes at Keycloak, and how soon it is noticed: by introspection within a minute, else when the token ends."""

from collections.abc import Callable

import pytest

from lib.ask import problem
from lib.identity import forge
from lib.identity.keycloak import Keycloak
from lib.identity.realm import Person, Realm
from lib.identity.start import StartProxy
from lib.jira.proxy import JiraProxy
from lib.jira.upstream import PROJECT
from lib.leaks import Ledger
from lib.poll import eventually

_ISSUE = f"/rest/api/2/issue/{PROJECT}-1"
_MINUTE = 60
_TOKEN_SECONDS = 300  # as in the realm file
_LEEWAY = 30


def _disable(realm: Realm, person: Person) -> None:
    realm.disable(person)


def _end_session(realm: Realm, person: Person) -> None:
    realm.end_sessions(person)


def _leave_group(realm: Realm, person: Person) -> None:
    realm.leave(person, "/spt3g/dev")


_CHANGES = pytest.mark.parametrize(
    ("change", "status", "name"),
    [
        (_disable, 401, "invalid_token"),
        (_end_session, 401, "invalid_token"),
        (_leave_group, 403, "insufficient_scope"),
    ],
    ids=["a user is disabled", "a session is ended", "a user leaves the group"],
)


def _cached(proxy: JiraProxy, token: str) -> str:
    """Ask; the token is good, and this is where the proxy knows it from."""
    answer = proxy.get(_ISSUE, token)
    assert answer.status_code == 200, answer.text
    return str(proxy.audit(request_id=answer.headers["x-request-id"])["cache"])


@_CHANGES
def test_by_introspection_it_is_noticed_within_a_minute(
    realm: Realm,
    start_proxy: StartProxy,
    by_introspection: dict[str, object],
    change: Callable[[Realm, Person], None],
    status: int,
    name: str,
) -> None:
    proxy = start_proxy("introspection", by_introspection | {"required_groups": ["/spt3g/dev"]}, ahead=0)
    person = realm.new_person(groups=["/spt3g/dev"])
    token = realm.sign_in(person).access
    assert _cached(proxy, token) == "miss"
    change(realm, person)
    proxy.later(_MINUTE - 10)
    assert _cached(proxy, token) == "hit"
    proxy.later(10)
    answer = proxy.get(_ISSUE, token)
    assert (answer.status_code, problem(answer)) == (status, name)


@_CHANGES
def test_by_oidc_it_is_noticed_when_the_token_ends(
    realm: Realm,
    start_proxy: StartProxy,
    by_oidc: dict[str, object],
    change: Callable[[Realm, Person], None],
    status: int,
    name: str,
) -> None:
    proxy = start_proxy("oidc", by_oidc | {"required_groups": ["/spt3g/dev"]}, ahead=0)
    person = realm.new_person(groups=["/spt3g/dev"])
    tokens = realm.sign_in(person)
    assert _cached(proxy, tokens.access) == "miss"
    change(realm, person)
    # Nobody is asked about a token that is not over, and none of the next ones helps.
    proxy.later(_TOKEN_SECONDS - 10)
    assert _cached(proxy, tokens.access) == "miss"
    refreshed = realm.refresh(tokens)
    if status == 401:
        assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")
    else:
        answer = proxy.get(_ISSUE, realm.kept(refreshed).access)
        assert (answer.status_code, problem(answer)) == (status, name)
    proxy.later(10 + _LEEWAY)
    answer = proxy.get(_ISSUE, tokens.access)
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")
    assert "Expired" in str(proxy.audit(request_id=answer.headers["x-request-id"])["error"])


def test_who_is_disabled_gets_no_new_token(realm: Realm) -> None:
    person = realm.new_person()
    assert realm.try_to_sign_in(person).status_code == 200
    realm.disable(person)
    assert realm.try_to_sign_in(person).status_code == 400


def test_tokens_that_are_made_for_longer_than_is_accepted_are_refused(
    realm: Realm, start_proxy: StartProxy, by_oidc: dict[str, object], jira_hears_nothing: None
) -> None:
    proxy = start_proxy("strict", by_oidc | {"max_token_lifetime_seconds": _TOKEN_SECONDS - 1})
    answer = proxy.get(_ISSUE, realm.sign_in(realm.person("ada")).access)
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")


@pytest.mark.parametrize("kind", ["by_oidc", "by_introspection"])
@pytest.mark.parametrize(
    ("ahead", "why"),
    [
        (-300, "its time has not begun"),
        (-_LEEWAY + 10, ""),
        (_TOKEN_SECONDS + _LEEWAY - 10, ""),
        (_TOKEN_SECONDS + _LEEWAY, "Expired"),
    ],
    ids=["minutes behind", "seconds behind", "seconds after its end", "minutes after its end"],
)
def test_clocks_may_differ_by_half_a_minute_and_no_more(
    request: pytest.FixtureRequest, realm: Realm, start_proxy: StartProxy, kind: str, ahead: int, why: str
) -> None:
    proxy = start_proxy("other-clock", request.getfixturevalue(kind), ahead=ahead)
    answer = proxy.get(_ISSUE, realm.sign_in(realm.person("ada")).access)
    if why:
        assert (answer.status_code, problem(answer)) == (401, "invalid_token")
        assert why in str(proxy.audit(request_id=answer.headers["x-request-id"])["error"])
    else:
        assert answer.status_code == 200, answer.text


class Rotation:
    """A realm whose keys may change, with tokens that last, and a proxy whose clock can be moved."""

    def __init__(self, keycloak: Keycloak, start_proxy: StartProxy) -> None:
        self._keycloak = keycloak
        self.realm = keycloak.copy_realm("rotating")
        self.realm.let_tokens_last(3600)
        self.person = self.realm.person("ada")
        identity = {"kind": "oidc", "issuer": self.realm.issuer, "audience": ["jira-proxy"]}
        self.proxy = start_proxy("rotating", identity, ahead=0)

    def token(self) -> str:
        """A token signed with whatever key signs now."""
        return self.realm.sign_in(self.person).access

    @property
    def fetched(self) -> int:
        """How often the proxy has asked for the keys."""
        return self._keycloak.tap.requests.count(f"GET {self.realm.keys_path}")

    def status(self, token: str) -> int:
        """What a caller with this token gets."""
        return self.proxy.get(_ISSUE, token).status_code


@pytest.fixture(scope="module")
def rotation(keycloak: Keycloak, start_proxy: StartProxy) -> Rotation:
    """Of no other test of another file."""
    return Rotation(keycloak, start_proxy)


def test_a_new_key_is_known_at_once_and_a_removed_one_is_refused_within_ten_minutes(
    rotation: Rotation, ledger: Ledger
) -> None:
    old, provider = rotation.token(), rotation.realm.signing_key()["providerId"]
    assert (rotation.status(old), rotation.fetched) == (200, 1)

    rotation.realm.add_key(priority=200)
    new = rotation.token()
    assert forge.header(new)["kid"] != forge.header(old)["kid"]
    assert (rotation.status(new), rotation.fetched) == (200, 2)

    # Tokens with keys that nobody knows cannot make it ask more than once a minute, however many there are.
    made_up = [ledger.platform_token(forge.signed_anew(new, kid=f"made-up-{number}")) for number in range(5)]
    assert [rotation.status(token) for token in made_up] == [401] * 5
    assert rotation.fetched == 2
    rotation.proxy.later(_MINUTE + 1)
    assert [rotation.status(token) for token in made_up] == [401] * 5
    assert rotation.fetched == 3

    # As bad as it gets: removed just after the keys were read, and the token looked at shortly before they are again.
    rotation.realm.remove_key(provider)
    rotation.proxy.later(9 * _MINUTE - 20)
    assert (_cached(rotation.proxy, old), rotation.fetched) == ("miss", 3)
    rotation.proxy.later(20)
    eventually("the keys are read again", lambda: rotation.fetched == 4, within=5)
    assert _cached(rotation.proxy, old) == "hit"
    rotation.proxy.later(_MINUTE - 20)
    answer = rotation.proxy.get(_ISSUE, old)
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")
    assert rotation.status(new) == 200


@pytest.fixture
def asking(rotation: Rotation, start_proxy: StartProxy, by_introspection: dict[str, object]) -> JiraProxy:
    """A proxy that asks about tokens of the realm whose keys change."""
    rotation.realm.use_secret_of(by_introspection)
    return start_proxy("asking", by_introspection | {"endpoint": rotation.realm.introspection_endpoint}, ahead=0)


def test_a_removed_key_is_refused_at_once_where_a_new_one_is_heard_of(rotation: Rotation, asking: JiraProxy) -> None:
    old, provider = rotation.token(), rotation.realm.signing_key()["providerId"]
    assert (rotation.status(old), asking.get(_ISSUE, old).status_code) == (200, 200)
    rotation.proxy.later(_MINUTE + 1)
    rotation.realm.add_key(priority=300)
    rotation.realm.remove_key(provider)
    assert rotation.status(rotation.token()) == 200
    assert rotation.status(old) == 401
    asking.later(_MINUTE)
    assert asking.get(_ISSUE, old).status_code == 401, "Keycloak itself no longer believes it"


def test_a_key_that_was_published_before_it_signs_raises_no_question(rotation: Rotation) -> None:
    provider = rotation.realm.add_key(priority=400, active=False)
    before = rotation.fetched
    rotation.proxy.later(9 * _MINUTE)
    eventually("the keys are read again", lambda: rotation.fetched == before + 1, within=5)
    rotation.realm.activate_key(provider)
    assert rotation.realm.signing_key()["providerId"] == provider
    assert (rotation.status(rotation.token()), rotation.fetched) == (200, before + 1)
