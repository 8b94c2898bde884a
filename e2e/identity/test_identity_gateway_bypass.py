"""Round the gateway nobody is known: the connection's address and the secret count, and no header replaces them."""

import secrets
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from lib.ask import problem
from lib.bench import Bench
from lib.gafaelfawr import Gafaelfawr
from lib.identity.gateway import ADDRESS, ELSEWHERE, SECRET_HEADER, Gateway, SignIn, published_locations, send
from lib.identity.people import FOR_ALL, FOR_STAFF, GROUP
from lib.jira.proxy import PREFIX, JiraProxy
from lib.jira.upstream import Jira
from lib.leaks import Ledger
from lib.poll import eventually

pytest_plugins = ["identity.platforms"]
pytestmark = pytest.mark.usefixtures("nothing_of_the_platform_goes_on")

_ADA = ("X-Auth-Request-User", "ada")
_STAFF = ("X-Auth-Request-Groups", GROUP)


@pytest.fixture(scope="session")
def secret(gateway_secret: str) -> tuple[str, str]:
    """The header that proves the gateway."""
    return SECRET_HEADER, gateway_secret


_SPELLINGS = [f"{ADDRESS}/32", f"::ffff:{ADDRESS}/128", f"::ffff:{ADDRESS}"]


@pytest.fixture(scope="session", params=_SPELLINGS)
def dual_stack(request: pytest.FixtureRequest, bench: Bench, ledger: Ledger, guarded_jira: Jira) -> JiraProxy:
    """jira-proxy on a listener for IPv6 that takes IPv4 too: there an IPv4 peer is `::ffff:127.0.0.3`."""
    gateway = {"kind": "gateway", "trusted_peers": [request.param]}
    name = f"jira-proxy-dual-stack-{_SPELLINGS.index(request.param)}"
    return JiraProxy(bench, ledger, name, guarded_jira, gateway, host="::")


def _direct(
    proxy: JiraProxy, path: str, *headers: tuple[str, str], source: str, host: str = "127.0.0.1"
) -> httpx.Response:
    return send(proxy.port, PREFIX + path, headers, source=source, host=host)


def _assert_nobody(answer: httpx.Response) -> None:
    assert (answer.status_code, problem(answer)) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="jira-proxy"'


def test_the_gateways_address_and_secret_together_are_believed(
    behind_gateway: JiraProxy, secret: tuple[str, str]
) -> None:
    answer = _direct(behind_gateway, FOR_STAFF, _ADA, _STAFF, secret, source=ADDRESS)
    assert answer.status_code == 200


@pytest.mark.parametrize("source", [ELSEWHERE, "127.0.0.1", "127.0.0.30", "127.3.0.0"])
@pytest.mark.parametrize(
    "pretence",
    [
        [],
        [("X-Forwarded-For", ADDRESS)],
        [("X-Real-IP", ADDRESS), ("X-Client-IP", ADDRESS), ("True-Client-IP", ADDRESS)],
        [("Forwarded", f"for={ADDRESS}"), ("Forwarded", f'for="[::ffff:{ADDRESS}]"')],
        [("Via", "1.1 gateway"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", ADDRESS)],
    ],
    ids=["plain", "x-forwarded-for", "x-real-ip", "forwarded", "via"],
)
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_from_another_address_even_the_secret_proves_nothing(
    behind_gateway: JiraProxy, secret: tuple[str, str], source: str, pretence: list[tuple[str, str]]
) -> None:
    _assert_nobody(_direct(behind_gateway, FOR_ALL, _ADA, secret, *pretence, source=source))
    _assert_nobody(_direct(behind_gateway, "/-/me", _ADA, secret, *pretence, source=source))


_Instead = Callable[[str, str], list[tuple[str, str]]]
_INSTEAD_OF_THE_SECRET: dict[str, _Instead] = {
    "nothing": lambda name, value: [],
    "an empty one": lambda name, value: [(name, "")],
    "a wrong one": lambda name, value: [(name, "wrong-and-wrong-and-wrong")],
    "less of it": lambda name, value: [(name, value[:-1])],
    "more than it": lambda name, value: [(name, value + "x")],
    "another case": lambda name, value: [(name, value.swapcase())],
    "quotes round it": lambda name, value: [(name, f'"{value}"')],
    "underscores": lambda name, value: [(name.replace("-", "_"), value)],
    "a longer name": lambda name, value: [(f"{name}-", value)],
    "a token": lambda name, value: [("Authorization", f"Bearer {value}")],
    "a cookie": lambda name, value: [("Cookie", f"{name}={value}")],
}


@pytest.mark.parametrize("instead", _INSTEAD_OF_THE_SECRET.values(), ids=_INSTEAD_OF_THE_SECRET)
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_from_the_right_address_nothing_but_the_secret_will_do(
    behind_gateway: JiraProxy, secret: tuple[str, str], instead: _Instead
) -> None:
    _assert_nobody(_direct(behind_gateway, FOR_ALL, _ADA, _STAFF, *instead(*secret), source=ADDRESS))


def test_a_gateway_with_a_wrong_secret_is_in_the_log_and_the_secret_is_not(
    behind_gateway: JiraProxy, secret: tuple[str, str]
) -> None:
    def warnings() -> int:
        return behind_gateway.log.read_text().count("without the gateway's secret")

    before = warnings()
    _assert_nobody(_direct(behind_gateway, FOR_ALL, _ADA, (secret[0], "yesterdays-secret"), source=ADDRESS))
    eventually("a warning", lambda: warnings() == before + 1, within=5)
    assert "yesterdays-secret" not in behind_gateway.log.read_text()


@pytest.mark.parametrize("name", [_ADA[0], "X-Auth-Request-Email", _STAFF[0], SECRET_HEADER])
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_what_is_there_twice_is_ambiguous(behind_gateway: JiraProxy, secret: tuple[str, str], name: str) -> None:
    once = dict([_ADA, ("X-Auth-Request-Email", "ada@example.org"), _STAFF, secret])
    answer = _direct(behind_gateway, FOR_STAFF, *once.items(), (name, once[name]), source=ADDRESS)
    assert (answer.status_code, problem(answer)) == (400, "bad_request")


def test_connection_takes_nothing_away(behind_gateway: JiraProxy, secret: tuple[str, str]) -> None:
    """Fields that `Connection` names are not passed on; who calls is decided before that, by all of the head."""
    named = ("Connection", f"close, {_ADA[0]}, {_STAFF[0]}, {secret[0]}, Authorization")
    answer = _direct(behind_gateway, FOR_STAFF, named, _ADA, _STAFF, secret, source=ADDRESS)
    assert answer.status_code == 200
    _assert_nobody(_direct(behind_gateway, FOR_STAFF, named, _ADA, _STAFF, source=ADDRESS))


@pytest.mark.parametrize("name", ["", "a" * 257, "ad\xe9", "a\tb"])
@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_a_name_that_is_none_is_refused(behind_gateway: JiraProxy, secret: tuple[str, str], name: str) -> None:
    answer = _direct(behind_gateway, FOR_ALL, (_ADA[0], name), secret, source=ADDRESS)
    assert (answer.status_code, problem(answer)) == (401, "invalid_token")


@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_a_blank_before_the_colon_is_refused(behind_gateway: JiraProxy, secret: tuple[str, str]) -> None:
    answer = _direct(behind_gateway, FOR_ALL, (f"{_ADA[0]} ", "ada"), secret, source=ADDRESS)
    assert answer.status_code == 400


def test_a_peer_in_its_mapped_form_is_the_same_peer(dual_stack: JiraProxy) -> None:
    assert _direct(dual_stack, FOR_ALL, _ADA, source=ADDRESS).status_code == 200
    _assert_nobody(_direct(dual_stack, FOR_ALL, _ADA, source=ELSEWHERE))
    _assert_nobody(_direct(dual_stack, FOR_ALL, _ADA, source="::1", host="::1"))


def test_a_token_of_the_callers_own_counts_and_not_the_name_beside_it(
    behind_gateway: JiraProxy, gafaelfawr: Gafaelfawr, guarded_jira: Jira
) -> None:
    token = ("Authorization", f"Bearer {gafaelfawr.token('eve', ['exec:notebook'])}")
    for source in (ELSEWHERE, ADDRESS):
        me = _direct(behind_gateway, "/-/me", token, _ADA, _STAFF, source=source).json()
        assert (me["user"], me["kind"], me["groups"]) == ("eve", "gafaelfawr", [])
        watch = guarded_jira.tap.from_now()
        assert problem(_direct(behind_gateway, FOR_STAFF, token, _ADA, _STAFF, source=source)) == "policy_denied"
        assert watch.sent == b""


def test_from_the_gateway_a_name_goes_before_a_token(
    behind_gateway: JiraProxy, gafaelfawr: Gafaelfawr, secret: tuple[str, str]
) -> None:
    """The first entry that finds its kind of credential decides; the second is not even asked."""
    token = ("Authorization", f"Bearer {gafaelfawr.token('eve', ['exec:notebook'])}")
    lookups = gafaelfawr.lookups
    assert _direct(behind_gateway, "/-/me", token, _ADA, secret, source=ADDRESS).json()["user"] == "ada"
    assert gafaelfawr.lookups == lookups


_CARELESS = """
location = /jira-data-proxy/rest/api/2/field {
    proxy_pass http://jira-proxy.example.org:8080;
    proxy_set_header X-Forwarded-Proto $scheme;
}
"""


@pytest.mark.usefixtures("guarded_jira_hears_nothing")
def test_a_location_that_is_not_guarded_names_nobody_without_the_secret(
    bench: Bench, ledger: Ledger, behind_gateway: JiraProxy
) -> None:
    careless = Gateway(bench, ledger, "careless-gateway", _CARELESS, behind_gateway.port)
    for guess in ([], [(SECRET_HEADER, "guessed-by-mallory")]):
        _assert_nobody(send(careless.port, PREFIX + FOR_ALL, [_ADA, *guess]))


def test_what_the_page_says_of_locations_without_a_secret_is_so(
    bench: Bench, ledger: Ledger, guarded_jira: Jira
) -> None:
    trusting = {"kind": "gateway", "trusted_peers": [ADDRESS]}
    proxy = JiraProxy(bench, ledger, "jira-proxy-trusting", guarded_jira, trusting)
    careless = Gateway(bench, ledger, "careless-gateway-without-secret", _CARELESS, proxy.port)
    assert send(careless.port, PREFIX + FOR_ALL, [_ADA]).status_code == 200, "mend the page: this is safe by now"


@pytest.fixture
def published(sign_in: SignIn, gateway_include: Path) -> str:
    """The configuration of the page."""
    return published_locations(sign_in, gateway_include)


def _changed(published: str, line: str, replacement: str) -> str:
    assert line in published
    return published.replace(line, replacement)


def test_what_the_page_says_of_groups_left_out_is_so(
    bench: Bench, ledger: Ledger, sign_in: SignIn, behind_gateway: JiraProxy, published: str
) -> None:
    locations = _changed(published, "proxy_set_header X-Auth-Request-Groups $groups;", "")
    forgetful = Gateway(bench, ledger, "forgetful-gateway", locations, behind_gateway.port)
    session = sign_in.session(secrets.token_urlsafe(18), "eve")
    answer = send(forgetful.port, PREFIX + FOR_STAFF, [*session.items(), _STAFF])
    assert answer.status_code == 200, "mend the page: this is safe by now"


def test_groups_that_the_gateway_is_not_said_to_set_are_not_read(dual_stack: JiraProxy) -> None:
    me = _direct(dual_stack, "/-/me", _ADA, _STAFF, source=ADDRESS).json()
    assert (me["user"], me["groups"]) == ("ada", [])
    twice = _direct(dual_stack, "/-/me", _ADA, _STAFF, _STAFF, source=ADDRESS).json()
    assert twice["groups"] == []


_DISGUISED = f"{PREFIX}/rest/api/3/%2e%2e/2/field"


def test_the_target_is_judged_as_the_caller_wrote_it(gateway: Gateway, sign_in: SignIn, guarded_jira: Jira) -> None:
    watch = guarded_jira.tap.from_now()
    answer = send(gateway.port, _DISGUISED, sign_in.session(secrets.token_urlsafe(18), "ada").items())
    assert (answer.status_code, problem(answer), watch.sent) == (404, "not_found", b"")


def test_what_the_page_says_of_proxy_pass_with_a_path_is_so(
    bench: Bench, ledger: Ledger, sign_in: SignIn, behind_gateway: JiraProxy, guarded_jira: Jira, published: str
) -> None:
    line = "proxy_pass http://jira-proxy.example.org:8080;"
    locations = _changed(published, line, line.replace(";", f"{PREFIX}/;"))
    normalising = Gateway(bench, ledger, "normalising-gateway", locations, behind_gateway.port)
    watch = guarded_jira.tap.from_now()
    answer = send(normalising.port, _DISGUISED, sign_in.session(secrets.token_urlsafe(18), "ada").items())
    assert (answer.status_code, watch.requests) == (200, [f"GET {FOR_ALL}"])
