"""Tokens that are checked before VISA is asked, and instances of sites that have no VISA."""

from collections.abc import Callable, Iterator

import pytest

from lib.identity import forge
from lib.instance.frames import Refused
from lib.instance.people import ADA, ALAN, AUDIENCE, GRACE
from lib.instance.proxy import InstanceProxy, cookie, fresh_id
from lib.instance.rogue import answer, socket_that, stay
from lib.instance.site import Site
from lib.instance.visa import Instance, VisaApi


def _oidc(api: VisaApi) -> dict[str, object]:
    return {
        "kind": "oidc",
        "issuer": api.issuer.url,
        "audience": [AUDIENCE],
        "algorithms": ["ES256"],
        "leeway_seconds": 0,
    }


@pytest.fixture(scope="module")
def checking(site: Site) -> Iterator[InstanceProxy]:
    """It looks at signatures itself, and then asks VISA."""
    checking = site.proxy("checking", identity=[_oidc(site.api)])
    yield checking
    checking.stop()


_BAD: dict[str, Callable[[Site, str], str]] = {
    "unsigned": lambda site, token: forge.unsigned(token),
    "cut short": lambda site, token: forge.cut_short(token),
    "signed anew": lambda site, token: forge.signed_anew(token, alg="RS256"),
    "of another's number": lambda site, token: forge.with_claims(token, employeeNumber=GRACE.id),
    "expired": lambda site, token: site.token(ADA, lifetime=-5),
    "without an end": lambda site, token: site.token(ADA, exp=None),
    "of another issuer": lambda site, token: site.token(ADA, iss="https://evil.example.org/"),
    "for another audience": lambda site, token: site.token(ADA, aud="another"),
    "opaque": lambda site, token: "opaque-and-of-no-meaning",
}


@pytest.mark.parametrize("bad", _BAD.values(), ids=_BAD)
def test_visa_is_not_even_asked_about_a_token_that_is_none(
    site: Site, checking: InstanceProxy, api: VisaApi, instance: Instance, ada: str, bad: Callable[[Site, str], str]
) -> None:
    token = bad(site, ada)
    with site.rogue(instance, answer()) as rogue:
        assert checking.get(f"/jupyter/{instance.id}/", token).status_code == 401
        with pytest.raises(Refused) as refused:
            checking.socket(f"/jupyter/{instance.id}/api/events/subscribe", token)
        assert refused.value.status == 401
        assert rogue.connections == 0
    assert api.asked("look-up", instance) == []


def test_visa_has_the_last_word_about_a_token_that_is_good(
    site: Site, checking: InstanceProxy, api: VisaApi, instance: Instance, ada: str, grace: str
) -> None:
    with site.rogue(instance, answer()):
        assert checking.get(f"/jupyter/{instance.id}/", ada).text == "ok"
        assert checking.get(f"/jupyter/{instance.id}/", grace).status_code == 404
        withdrawn = site.token()
        api.issuer.withdraw(withdrawn)
        assert checking.get(f"/jupyter/{instance.id}/", withdrawn).status_code == 401
    assert len(api.asked("look-up", instance)) == 3


# Without VISA


@pytest.fixture(scope="module")
def static(site: Site) -> Iterator[InstanceProxy]:
    """Instances are listed in the configuration."""
    listed = [
        {"id": "42", "address": "127.0.201.42", "users": [ADA.name]},
        {"id": "aB3", "address": "127.0.201.43", "users": [ADA.name, GRACE.name]},
        {"id": "7", "address": "127.0.201.7"},
        {"id": "9", "address": "127.0.201.9"},
    ]
    routes = [
        {
            "match": r"^/jupyter/(\w+).*",
            "type": "jupyter",
            "name": "Jupyter",
            "remotePort": site.ports.jupyter,
            "ws": True,
        }
    ]
    tenant = {"instances": {"kind": "static"}, "instance": listed}
    static = site.proxy("static", routes=routes, identity=[_oidc(site.api)], tenant=tenant)
    yield static
    static.stop()


@pytest.fixture(scope="module")
def machines(site: Site) -> Iterator[None]:
    """What answers there."""
    with (
        site.rogue(Instance(42, "127.0.201.42", {}), answer(body=b"42")),
        site.rogue(Instance(43, "127.0.201.43", {}), answer(body=b"aB3")),
        site.rogue(Instance(7, "127.0.201.7", {}), answer(body=b"7")),
    ):
        yield


@pytest.mark.parametrize(
    ("id", "who"), [("42", {ADA}), ("aB3", {ADA, GRACE}), ("7", {ADA, GRACE, ALAN}), ("43", set()), ("ab3", set())]
)
def test_a_listed_instance_is_for_its_users(
    site: Site, static: InstanceProxy, machines: None, id: str, who: set[object]
) -> None:
    for person in (ADA, GRACE, ALAN):
        answered = static.get(f"/jupyter/{id}/", site.token(person))
        assert answered.status_code == (200 if person in who else 404)
        assert answered.text == id or person not in who
    assert static.get(f"/jupyter/{id}/").status_code == 401


def test_visa_is_never_asked_and_no_session_told(
    site: Site, static: InstanceProxy, machines: None, api: VisaApi
) -> None:
    before = api.now()
    assert static.get("/jupyter/42/", site.token()).status_code == 200
    with pytest.raises(Refused) as refused:
        static.socket(f"/jupyter/42/api/kernels/{fresh_id()}/channels?session_id={fresh_id()}", site.token())
    assert refused.value.status == 200, "the machine's own answer"
    assert api.now() == before


def test_the_cookie_and_its_origin_hold_here_too(site: Site, static: InstanceProxy) -> None:
    own = ("Origin", f"http://127.0.0.1:{static.port}")
    with site.rogue(Instance(9, "127.0.201.9", {}), socket_that(does=stay)):
        static.socket("/jupyter/9/x", None, [cookie(site.token()), own]).close()
        with pytest.raises(Refused) as refused:
            static.socket("/jupyter/9/x", None, [cookie(site.token()), ("Origin", "http://evil.example.org")])
        assert refused.value.status == 403
