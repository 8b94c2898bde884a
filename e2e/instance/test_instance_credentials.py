"""Who is let in to which instance, by what, and that none of it ever reaches the instance."""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.ask import ask, problem
from lib.identity import forge
from lib.instance import faults
from lib.instance.frames import Refused, connect, read_head
from lib.instance.people import ADA, ALAN, GRACE
from lib.instance.proxy import InstanceProxy, cookie
from lib.instance.rogue import Rogue, answer, socket_that, stay
from lib.instance.site import Site
from lib.instance.visa import Instance, VisaApi
from lib.leaks import Ledger, find
from lib.poll import eventually


@pytest.fixture
def rogue(site: Site, instance: Instance) -> Iterator[Rogue]:
    """What runs on ada's instance: it keeps all that it is sent."""
    with site.rogue(instance, answer()) as rogue:
        yield rogue


# The token's ways


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_token_lets_its_owner_in(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str, scheme: str
) -> None:
    assert ask("GET", f"{proxy.site}/jupyter/{instance.id}/", headers={"Authorization": f"{scheme} {ada}"}).text == "ok"
    assert not find(ada, rogue.saw)
    assert b"authorization" not in rogue.saw.lower()


def test_the_cookie_lets_its_owner_in(proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str) -> None:
    assert ask("GET", f"{proxy.site}/jupyter/{instance.id}/", headers=dict([cookie(ada)])).text == "ok"
    assert not find(ada, rogue.saw)
    assert b"cookie" not in rogue.saw.lower()


def test_cookies_that_are_not_ours_pass_as_they_are(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    others = [
        '_xsrf=2|ab|"q"',
        "username-localhost-8888=2|1:0|10:17|x",
        "jupyterhub-session-id=7",
        "access_token_hint=1",
    ]
    headers = dict([cookie(ada, *others)])
    assert ask("GET", f"{proxy.site}/jupyter/{instance.id}/", headers=headers).text == "ok"
    line = next(line for line in rogue.heads[0].split(b"\r\n") if line.lower().startswith(b"cookie:"))
    assert line.split(b":", 1)[1].strip().decode() == "; ".join(others)


def test_a_bearer_token_goes_before_the_cookie(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str, grace: str
) -> None:
    headers = {"Authorization": f"Bearer {grace}"} | dict([cookie(ada)])
    assert ask("GET", f"{proxy.site}/jupyter/{instance.id}/", headers=headers).status_code == 404
    headers = {"Authorization": f"Bearer {ada}"} | dict([cookie(grace)])
    assert ask("GET", f"{proxy.site}/jupyter/{instance.id}/", headers=headers).status_code == 200
    assert rogue.connections == 1
    assert not find(grace, rogue.saw)


def test_another_scheme_passes_and_the_cookie_decides(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    for value in ("token jupyters-own", f"Basic {base64.b64encode(b'user:pass').decode()}"):
        headers = {"Authorization": value} | dict([cookie(ada)])
        assert ask("GET", f"{proxy.site}/jupyter/{instance.id}/", headers=headers).text == "ok"
        assert f"{value}\r\n".encode() in rogue.heads[-1]


def test_another_scheme_alone_lets_nobody_in(proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str) -> None:
    for value in (f"token {ada}", f"Basic {base64.b64encode(f'x:{ada}'.encode()).decode()}", ada, f"Bearer{ada}"):
        answered = ask("GET", f"{proxy.site}/jupyter/{instance.id}/", headers={"Authorization": value})
        assert answered.status_code == 401, value[:10]
    assert rogue.connections == 0


@pytest.mark.parametrize(
    "spelling", ["access_token={}; access_token={}", 'access_token="{}"', "Access_Token={}", "a=b;access_token={}"]
)
def test_no_spelling_of_the_cookie_takes_the_token_to_the_instance(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str, spelling: str
) -> None:
    headers = {"Cookie": spelling.replace("{}", ada), "Authorization": f"Bearer {ada}"}
    assert ask("GET", f"{proxy.site}/jupyter/{instance.id}/", headers=headers).status_code in (200, 400)
    assert not find(ada, rogue.saw)


def test_the_token_in_several_cookie_fields_does_not_reach_the_instance(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    with connect(proxy.port) as wire:
        lines = [
            f"GET /jupyter/{instance.id}/ HTTP/1.1",
            "Host: x",
            "Cookie: a=1",
            f"Cookie: access_token={ada}",
            "Cookie: b=2",
        ]
        wire.send("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        status = read_head(wire).status
    assert status in (200, 400)
    assert not find(ada, rogue.saw)


def test_no_part_of_the_token_reaches_an_instance_by_websocket(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    with site.rogue(instance, socket_that(does=stay)) as rogue:
        fields = [cookie(ada, "_xsrf=1"), ("Origin", f"http://127.0.0.1:{proxy.port}"), ("X-XSRFToken", "1")]
        proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", None, fields).close()
        proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada).close()
        assert not find(ada, rogue.saw)
        assert b"_xsrf=1" in rogue.heads[0]
        assert b"x-xsrftoken: 1" in rogue.heads[0].lower()


def test_identity_headers_of_a_gateway_do_not_pass(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    forged = {"X-Auth-Request-User": "root", "X-Auth-Request-Access-Token": ada, "X_Auth_Request_User": "root"}
    assert proxy.get(f"/jupyter/{instance.id}/", ada, headers=forged).status_code in (200, 400)
    assert b"auth-request" not in rogue.saw.lower().replace(b"_", b"-")


# Tokens that are none


_NONE = forge.encoded({"alg": "none", "typ": "JWT"})
_ES256 = forge.encoded({"alg": "ES256"})
_ADAS = forge.encoded({"employeeNumber": ADA.id, "preferred_username": ADA.name, "exp": 4_000_000_000})
_FORGERIES: dict[str, Callable[[str, str], str]] = {
    "unsigned, with the victim's number": lambda victim, own: f"{_NONE}.{_ADAS}.",
    "unsigned, and no dot at the end": lambda victim, own: f"{_NONE}.{_ADAS}",
    "with a signature of zeros": lambda victim, own: f"{_ES256}.{_ADAS}.{forge.encoded(bytes(64))}",
    "own token, the victim's number": lambda victim, own: forge.with_claims(own, employeeNumber=ADA.id),
    "the victim's, unsigned": lambda victim, own: forge.unsigned(victim),
    "the victim's, cut short": lambda victim, own: forge.cut_short(victim),
    "the victim's, signed anew": lambda victim, own: forge.signed_anew(victim, alg="RS256"),
    "the victim's in other case": lambda victim, own: victim.swapcase(),
    "the victim's without its signature": lambda victim, own: victim.rpartition(".")[0] + ".",
}
"""Made of a victim's token, or of what is known about the victim, and of one's own."""


@pytest.mark.parametrize("forged", _FORGERIES.values(), ids=_FORGERIES)
def test_a_forged_token_lets_nobody_in_while_its_victim_is_remembered(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str, grace: str, forged: Callable[[str, str], str]
) -> None:
    assert proxy.get(f"/jupyter/{instance.id}/", ada).status_code == 200
    before = len(rogue.saw)
    token = forged(ada, grace)
    for headers in ({"Authorization": f"Bearer {token}"}, dict([cookie(token)])):
        answered = ask("GET", f"{proxy.site}/jupyter/{instance.id}/", headers=headers)
        assert answered.status_code == 401
        assert answered.headers["www-authenticate"].startswith("Bearer")
    with pytest.raises(Refused) as refused:
        proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", token)
    assert refused.value.status == 401
    assert len(rogue.saw) == before


_MALFORMED = ["x", "a.b.c", "....", "e30.e30.", "ey.ey.ey", "%00", "\x7f", "a" * 9000, "ä"]


@pytest.mark.parametrize("token", _MALFORMED, ids=range(len(_MALFORMED)))
def test_a_token_that_is_none_is_refused_and_no_failure(proxy: InstanceProxy, instance: Instance, token: str) -> None:
    with connect(proxy.port) as wire:
        lines = [f"GET /jupyter/{instance.id}/ HTTP/1.1", "Host: x", f"Authorization: Bearer {token}"]
        wire.send("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        assert read_head(wire).status in (400, 401, 431)
    assert proxy.live


def test_tokens_without_the_claim_do_not_share_an_answer(site: Site, proxy: InstanceProxy, instance: Instance) -> None:
    """The old proxy remembered answers by `employeeNumber`, `undefined` if there was none."""
    with site.rogue(instance, answer()) as rogue:
        assert proxy.get(f"/jupyter/{instance.id}/", site.token(ADA)).status_code == 200
        nobody = f"{forge.encoded({'alg': 'ES256'})}.{forge.encoded({'sub': 'x'})}.{forge.encoded(b'0' * 64)}"
        other = f"{forge.encoded({'alg': 'ES256'})}.{forge.encoded({'sub': 'y'})}.{forge.encoded(b'1' * 64)}"
        for token in (nobody, other):
            assert proxy.get(f"/jupyter/{instance.id}/", token).status_code == 401
        assert rogue.connections == 1


def test_every_token_and_instance_is_asked_about_by_itself(site: Site, proxy: InstanceProxy, api: VisaApi) -> None:
    first, second = site.instance(ADA), site.instance(GRACE)
    ada, grace = site.token(ADA), site.token(GRACE)
    with site.rogue(first, answer(body=b"first")), site.rogue(second, answer(body=b"second")):
        answers = {
            (who, where.id): proxy.get(f"/jupyter/{where.id}/", token)
            for who, token in (("ada", ada), ("grace", grace))
            for where in (first, second)
        }
    assert answers["ada", first.id].text == "first"
    assert answers["grace", second.id].text == "second"
    assert {answers["ada", second.id].status_code, answers["grace", first.id].status_code} == {404}
    for who, where in (("ada", first), ("grace", second)):
        assert len(api.asked("look-up", where)) == 2, who


def test_a_token_out_of_its_time_is_refused(site: Site, proxy: InstanceProxy, instance: Instance, rogue: Rogue) -> None:
    assert proxy.get(f"/jupyter/{instance.id}/", site.token(ADA, lifetime=-1)).status_code == 401
    assert rogue.connections == 0


def test_an_answer_is_not_remembered_beyond_the_tokens_end(
    site: Site, api: VisaApi, instance: Instance, rogue: Rogue
) -> None:
    patient = site.proxy("patient", refresh_seconds=60)
    token = site.token(ADA, lifetime=3)
    path = f"/jupyter/{instance.id}/"
    assert [patient.get(path, token).status_code for _ in range(3)] == [200] * 3
    assert len(api.asked("look-up", instance)) == 1, "answers are not remembered at all"
    eventually("it is refused", lambda: patient.get(path, token).status_code == 401, within=8)
    patient.stop()


def test_many_first_requests_with_one_token_are_one_question(site: Site, api: VisaApi, instance: Instance) -> None:
    patient = site.proxy("single-flight", refresh_seconds=60)
    token = site.token(ADA)
    with site.rogue(instance, answer()), api.broken(faults.slow(0.5)), ThreadPoolExecutor(30) as crowd:
        ask_it = lambda _: patient.get(f"/jupyter/{instance.id}/", token).status_code  # noqa: E731
        assert set(crowd.map(ask_it, range(30))) == {200}
    assert len(api.asked("look-up", instance)) == 1
    patient.stop()


# Who may open a socket with a cookie

_FOREIGN = [
    "http://evil.example.org",
    "null",
    "http://127.0.0.1.evil.example.org",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "HTTP://127.0.0.1:{port}",
    "http://127.0.0.1:{port}/",
]


@pytest.mark.parametrize("origin", _FOREIGN)
def test_a_page_of_elsewhere_opens_no_socket_with_the_cookie(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str, origin: str
) -> None:
    fields = [cookie(ada), ("Origin", origin.format(port=proxy.port))]
    with pytest.raises(Refused) as refused:
        proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", None, fields)
    assert refused.value.status == 403
    assert rogue.connections == 0


def test_without_an_origin_the_cookie_opens_no_socket(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    with pytest.raises(Refused) as refused:
        proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", None, [cookie(ada)])
    assert refused.value.status == 403
    assert rogue.connections == 0


def test_two_origins_open_no_socket(proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str) -> None:
    own = f"http://127.0.0.1:{proxy.port}"
    for pair in ([own, "http://evil.example.org"], ["http://evil.example.org", own]):
        fields = [cookie(ada), *(("Origin", origin) for origin in pair)]
        with pytest.raises(Refused) as refused:
            proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", None, fields)
        assert refused.value.status in (400, 403)
    assert rogue.connections == 0


def test_the_same_origin_and_scripts_with_a_bearer_token_open_sockets(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    own = ("Origin", f"http://127.0.0.1:{proxy.port}")
    foreign = ("Origin", "http://evil.example.org")
    with site.rogue(instance, socket_that(does=stay)):
        path = f"/jupyter/{instance.id}/api/events/subscribe"
        proxy.socket(path, None, [cookie(ada), own]).close()
        proxy.socket(path, ada).close()
        proxy.socket(path, ada, [foreign]).close()


def test_an_allowed_origin_opens_a_socket(site: Site, instance: Instance, ada: str) -> None:
    open_minded = site.proxy("origins", tenant={"allowed_origins": ["https://visa.example.org"]})
    with site.rogue(instance, socket_that(does=stay)):
        path = f"/jupyter/{instance.id}/api/events/subscribe"
        open_minded.socket(path, None, [cookie(ada), ("Origin", "https://visa.example.org")]).close()
        with pytest.raises(Refused):
            open_minded.socket(path, None, [cookie(ada), ("Origin", "https://visa.example.org.evil.example.org")])
    open_minded.stop()


# Paths


@pytest.mark.parametrize(
    "path", ["/", "/favicon.ico", "/jupyter", "/jupyter/", "/jupyter/x/lab", "/jupyterx/1/", "/elsewhere/7/"]
)
def test_a_path_of_no_entry_is_404_whoever_asks(proxy: InstanceProxy, ada: str, path: str) -> None:
    if path != "/":  # what the service says of itself may be there
        for token in (None, ada):
            answered = proxy.get(path, token)
            assert answered.status_code == 404
            problem(answered)
    with pytest.raises(Refused) as refused:
        proxy.socket(path, ada)
    assert 400 <= refused.value.status < 500
    assert proxy.get("/", None).status_code in (200, 404)
    assert proxy.live, "asking for / ended the old one"


_ODD_IDS = ["{}abc", "0{}", "+{}", "{}e0", "{}.0", "%3{}", "9007199254740993", "-{}", "{}%20", "{}%2f", "{};x", "٣"]


@pytest.mark.parametrize("odd", _ODD_IDS)
def test_an_id_that_is_not_whole_reaches_nothing(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str, odd: str
) -> None:
    with connect(proxy.port) as wire:
        target = f"/jupyter/{odd.format(instance.id)}/lab"
        wire.send(
            f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ada}\r\nConnection: close\r\n\r\n".encode()
        )
        assert read_head(wire).status in (400, 404)
    assert rogue.connections == 0


@pytest.mark.parametrize("end", ["", "?x=1", "/", "/?x=1"])
def test_an_id_ends_with_a_slash_a_query_or_the_path(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str, end: str
) -> None:
    assert proxy.get(f"/jupyter/{instance.id}{end}", ada).status_code == 200
    assert rogue.heads[0].startswith(f"GET /jupyter/{instance.id}{end} HTTP/1.1".encode())


def test_an_instance_nobody_has_is_404(proxy: InstanceProxy, ada: str) -> None:
    answered = proxy.get("/jupyter/424242/lab", ada)
    assert answered.status_code == 404
    problem(answered)


def test_dot_segments_lead_nowhere(
    site: Site, proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    hers = site.instance(ALAN)
    targets = [
        f"/jupyter/{instance.id}/../{hers.id}/",
        f"/jupyter/{instance.id}/%2e%2e/{hers.id}/",
        f"//jupyter/{instance.id}/",
    ]
    for target in targets:
        with connect(proxy.port) as wire:
            wire.send(
                f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ada}\r\nConnection: close\r\n\r\n".encode()
            )
            assert read_head(wire).status in (400, 404), target
    assert rogue.connections == 0


# Errors say nothing of what is inside


def test_no_error_names_an_address(site: Site, proxy: InstanceProxy, instance: Instance, ada: str) -> None:
    assert instance.address
    answers = [
        proxy.get(f"/jupyter/{instance.id}/", ada),  # nobody listens there
        proxy.get(f"/jupyter/{instance.id}/", "nonsense"),
        proxy.get("/nowhere/", ada),
    ]
    with pytest.raises(Refused) as refused:
        proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada)
    assert refused.value.status == 502
    told = [json.dumps([dict(one.headers), one.text]) for one in answers] + [
        str(refused.value.head.fields),
        refused.value.body.decode(),
    ]
    for text in told:
        assert instance.address not in text
        assert str(site.ports.jupyter) not in text
        assert str(site.api.port) not in text
    assert [one.status_code for one in answers] == [502, 401, 404]


def test_the_apis_secret_in_its_answer_is_told_to_nobody(
    site: Site, proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    """The ledger looks for it in all that callers and logs are told; here, that it was there to be found."""
    assert proxy.get(f"/jupyter/{instance.id}/", ada).status_code == 200
    secret = instance.public_access_token
    assert (
        ask("GET", f"{site.api.url}/api/jupyter/instances/{instance.id}", ada).json()["data"]["publicAccessToken"]
        == secret
    )
    assert not find(secret, rogue.saw)
    assert not find(secret, proxy.metrics().encode())


def test_the_ledger_would_notice_the_token_on_an_instance(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    """Whoever forgets to take the token away is noticed: what callers sent is looked at as if it were what arrived."""
    assert proxy.get(f"/jupyter/{instance.id}/", ada).status_code == 200
    careless = Ledger()
    careless.platform_token(ada)
    careless.upstream_saw("the instance", lambda: [rogue.saw])
    assert careless.new_leaks() == []
    careless.upstream_saw("the proxy, as if it were the instance", proxy.tap.sent_parts)
    assert len(careless.new_leaks()) == 1
