"""The stand-in for VISA's API server keeps to the contract: without this, the rest of the suite would show little."""

import pytest

from lib.ask import ask
from lib.instance.people import ADA, ALAN, GRACE, SUPPORT, Issuer
from lib.instance.site import Site
from lib.instance.visa import Instance, VisaApi
from lib.leaks import Ledger

_IDS = {"kernelId": "6f1c2d3e-0000-4000-8000-000000000001", "sessionId": "6f1c2d3e-0000-4000-8000-000000000002"}


@pytest.fixture
def shared(site: Site) -> Instance:
    """Ada's; grace may use it, and it is about to expire."""
    return site.instance(ADA, members={GRACE: "USER"}, expiring=True)


def _url(api: VisaApi, instance: Instance | str, rest: str = "") -> str:
    id = instance if isinstance(instance, str) else instance.id
    return f"{api.url}/api/jupyter/instances/{id}{rest}"


def test_the_owner_is_told_all_and_keeps_the_instance_alive(site: Site, api: VisaApi, shared: Instance) -> None:
    told = ask("GET", _url(api, shared), site.token(ADA)).json()["data"]
    assert (told["id"], told["ipAddress"], told["state"]) == (shared.id, shared.address, "ACTIVE")
    assert {member["role"] for member in told["members"]} == {"OWNER", "USER"}
    assert len(shared.last_seen) == 1
    assert not shared.expiring
    assert ask("GET", _url(api, shared.uid), site.token(ADA)).status_code == 200


@pytest.mark.parametrize("person", [GRACE, ALAN, SUPPORT])
def test_nobody_else_is_told_and_nothing_is_kept_alive(
    site: Site, api: VisaApi, shared: Instance, person: object
) -> None:
    answer = ask("GET", _url(api, shared), site.token(person))  # type: ignore[arg-type]
    assert answer.status_code == 404
    assert answer.json()["data"] is None
    assert shared.last_seen == []
    assert shared.expiring


def test_what_is_not_there_is_404_before_anybody_is_asked(api: VisaApi) -> None:
    for name in ("999999", "noSuchUid", "-1"):
        assert ask("GET", _url(api, name)).status_code == 404
    assert ask("GET", f"{api.url}/api/elsewhere").status_code == 404


def test_a_token_is_good_until_its_end_or_its_withdrawal(site: Site, api: VisaApi, shared: Instance) -> None:
    withdrawn = site.token(ADA)
    assert ask("GET", _url(api, shared), withdrawn).status_code == 200
    api.issuer.withdraw(withdrawn)
    for token in (withdrawn, site.token(ADA, lifetime=-0.1), site.token(ADA, azp="another"), "nonsense", None):
        answer = ask("GET", _url(api, shared), token)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    assert ask("GET", _url(api, shared), site.token(ADA, azp=None)).status_code == 200


def test_another_issuers_token_is_none(api: VisaApi, shared: Instance, ledger: Ledger) -> None:
    assert ask("GET", _url(api, shared), Issuer(ledger, api.issuer.url).token(ADA)).status_code == 401


@pytest.mark.parametrize("person", [ADA, GRACE, SUPPORT])
def test_members_and_support_open_sessions(site: Site, api: VisaApi, shared: Instance, person: object) -> None:
    api.support = {SUPPORT.id}
    assert ask("POST", _url(api, shared, "/notebook/open"), site.token(person), json=_IDS).json() == {"data": None}  # type: ignore[arg-type]
    assert len(api.open_sessions(shared)) == 1
    assert ask("POST", _url(api, shared, "/notebook/open"), site.token(ALAN), json=_IDS).status_code == 404
    assert ask("POST", _url(api, shared, "/notebook/open"), json=_IDS).status_code == 401


def test_opening_again_closes_what_was_open_and_anybody_may_close(site: Site, api: VisaApi, shared: Instance) -> None:
    for _ in range(3):
        assert ask("POST", _url(api, shared, "/notebook/open"), site.token(ADA), json=_IDS).status_code == 200
    assert len(api.open_sessions(shared)) == 1
    assert len([row for row in api.sessions if row.instance == shared.id]) == 3
    for _ in range(2):
        assert ask("POST", _url(api, shared, "/notebook/close"), json=_IDS).status_code == 200
    assert api.open_sessions(shared) == []


@pytest.mark.parametrize("body", [{}, {"kernelId": "a"}, {"kernelId": "a" * 151, "sessionId": "b"}, [], "x"])
def test_ids_that_are_none_are_refused(site: Site, api: VisaApi, shared: Instance, body: object) -> None:
    for way in ("open", "close"):
        assert ask("POST", _url(api, shared, f"/notebook/{way}"), site.token(ADA), json=body).status_code == 400


def test_every_call_is_remembered(site: Site, api: VisaApi, shared: Instance) -> None:
    before, token = api.now(), site.token(ADA)
    ask("GET", _url(api, shared), token)
    ask("POST", _url(api, shared, "/notebook/open"), token, json=_IDS)
    ask("POST", _url(api, shared, "/notebook/close"), json=_IDS)
    kinds = [(call.kind, call.token, call.body, call.status) for call in api.calls[before:]]
    assert kinds == [("look-up", token, None, 200), ("open", token, _IDS, 200), ("close", None, _IDS, 200)]
    assert [call.kind for call in api.asked("open", shared, before)] == ["open"]
