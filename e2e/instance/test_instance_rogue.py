"""An instance in the hands of an enemy: whatever it answers, nobody but its own caller is the worse for it."""

import json
import time
from collections.abc import Callable

import pytest

from lib.ask import problem
from lib.instance.content import MEBI
from lib.instance.frames import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    Ended,
    Refused,
    Wire,
    body_of,
    connect,
    frame,
    handshake,
    read_head,
)
from lib.instance.people import GRACE
from lib.instance.proxy import InstanceProxy, fresh_id
from lib.instance.rogue import (
    Behaviour,
    answer,
    linger,
    raw,
    sends,
    socket_that,
    stay,
    switching,
    target,
    without_end,
)
from lib.instance.site import Site
from lib.instance.visa import Instance
from lib.poll import eventually

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def _still_well(site: Site, proxy: InstanceProxy) -> None:
    """Somebody else's instance is served at once, and no request of this one is left."""
    hers = site.instance(GRACE)
    with site.rogue(hers, answer(body=b"hers")):
        began = time.monotonic()
        assert proxy.get(f"/jupyter/{hers.id}/", site.token(GRACE)).text == "hers"
        assert time.monotonic() - began < 1
    assert proxy.live


# Heads that are none

_BAD_HEADS: dict[str, Behaviour] = {
    "no answer": lambda wire, _: None,
    "a reset": lambda wire, _: wire.reset(),
    "no http": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "http/0.9": raw(b"<html>hello</html>"),
    "a head without an end": raw(b"HTTP/1.1 200 OK\r\nX-Half: "),
    "a head of a megabyte": raw(b"HTTP/1.1 200 OK\r\nX-Large: " + b"x" * MEBI + b"\r\n\r\n"),
    "ten thousand fields": raw(b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 10_000 + b"\r\n"),
    "a head that never ends": raw(b"HTTP/1.1 200 OK\r\n", then=without_end(b"X-More: 1\r\n" * 100)),
    "two lengths": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk"),
    "a length that is none": raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    "a status of two digits": raw(b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok"),
    "a field with a line feed": raw(b"HTTP/1.1 200 OK\r\nX: a\nInjected: b\r\n: c\r\n\r\n"),
    "an upgrade that nobody asked for": raw(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    ),
}


@pytest.mark.parametrize("behaviour", _BAD_HEADS.values(), ids=_BAD_HEADS)
def test_a_head_that_is_none_is_502(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str, behaviour: Behaviour
) -> None:
    with site.rogue(instance, behaviour):
        began = time.monotonic()
        answered = proxy.get(f"/jupyter/{instance.id}/", ada)
        if answered.status_code != 200:
            assert answered.status_code == 502
            problem(answered)
            assert str(instance.address) not in answered.text
        assert "injected" not in {name.lower() for name in answered.headers}
        assert time.monotonic() - began < 10
    _still_well(site, proxy)


@pytest.mark.parametrize("behaviour", _BAD_HEADS.values(), ids=_BAD_HEADS)
def test_a_head_that_is_none_opens_no_tunnel(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str, behaviour: Behaviour
) -> None:
    with site.rogue(instance, behaviour), pytest.raises((Refused, AssertionError, Ended)) as refused:
        proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada)
    if isinstance(refused.value, Refused) and refused.value.status != 200:
        assert refused.value.status == 502
    proxy.no_tunnel_is_left()
    _still_well(site, proxy)


def test_an_instance_that_says_nothing_is_504(site: Site, instance: Instance, ada: str) -> None:
    hurried = site.proxy("hurried", upstream={"allow_loopback": True, "response_timeout_seconds": 2})
    with site.rogue(instance, raw(then=linger(20))):
        began = time.monotonic()
        assert hurried.get(f"/jupyter/{instance.id}/", ada).status_code == 504
        with pytest.raises(Refused) as refused:
            hurried.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada)
        assert refused.value.status == 504
        assert time.monotonic() - began < 8
    hurried.stop()


# 1xx


@pytest.mark.parametrize("interim", [_HINT, _CONTINUE], ids=["103", "100"])
def test_interim_answers_are_no_answers(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str, interim: bytes
) -> None:
    with site.rogue(instance, raw(interim * 3 + _OK)):
        assert proxy.get(f"/jupyter/{instance.id}/", ada).text == "ok"
        assert proxy.get(f"/jupyter/{instance.id}/", ada).text == "ok", "the next one got what was left"


@pytest.mark.parametrize("interim", [_HINT, _CONTINUE], ids=["103", "100"])
@pytest.mark.parametrize("upgrades", [False, True], ids=["http", "websocket"])
def test_a_storm_of_interim_answers_ends(
    site: Site, instance: Instance, ada: str, interim: bytes, upgrades: bool
) -> None:
    hurried = site.proxy("storm", upstream={"allow_loopback": True, "response_timeout_seconds": 3})
    with site.rogue(instance, raw(then=without_end(interim * 100))):
        began = time.monotonic()
        before = hurried.process.memory_info().rss
        if upgrades:
            with pytest.raises(Refused) as refused:
                hurried.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada)
            assert refused.value.status in (502, 504)
        else:
            assert hurried.get(f"/jupyter/{instance.id}/", ada).status_code in (502, 504)
        assert time.monotonic() - began < 8
        assert hurried.process.memory_info().rss - before < 8 * MEBI
    hurried.stop()


def test_interim_answers_before_a_101_are_passed_over(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    def behave(wire: Wire, head: bytes) -> None:
        wire.send(_HINT * 2 + switching(head) + frame(TEXT, b"hello", mask=None))
        wire.rest()

    with site.rogue(instance, behave):
        with proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada) as socket:
            assert socket.message() == b"hello"


# Bodies


def test_a_body_without_an_end_takes_no_memory_and_ends_with_its_reader(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    endless = raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        then=without_end(b"8000\r\n" + b"x" * 0x8000 + b"\r\n"),
    )
    with site.rogue(instance, endless) as rogue:
        before = proxy.process.memory_info().rss
        with connect(proxy.port) as wire:
            wire.send(
                f"GET /jupyter/{instance.id}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ada}\r\n\r\n".encode()
            )
            assert read_head(wire).status == 200
            for _ in range(200):
                wire.exactly(MEBI)
            assert proxy.process.memory_info().rss - before < 8 * MEBI
            time.sleep(1)  # not read any more: nothing may pile up
            assert proxy.process.memory_info().rss - before < 8 * MEBI
        eventually("the instance is let go", lambda: rogue.open == 0, within=3)


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n0\r\n\r\n",
    ],
    ids=["length", "chunks", "no chunk"],
)
def test_a_body_that_is_cut_is_seen_as_cut(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str, cut: bytes
) -> None:
    with site.rogue(instance, raw(cut)), connect(proxy.port) as wire:
        wire.send(f"GET /jupyter/{instance.id}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ada}\r\n\r\n".encode())
        try:
            head = read_head(wire)
            assert head.status in (200, 502)
            if head.status == 200:
                with pytest.raises(Ended):
                    body_of(wire, head)
        except Ended:
            pass  # cut before the head went out: seen too


def test_what_was_not_asked_for_reaches_nobody_else(site: Site, proxy: InstanceProxy, ada: str, grace: str) -> None:
    shared = site.instance(members={GRACE: "OWNER"})
    extra = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"
    with site.rogue(shared, raw(_OK + extra, then=linger(1))):
        for token in (ada, grace) * 20:
            assert proxy.get(f"/jupyter/{shared.id}/", token).text != "stolen"


def test_a_late_second_answer_reaches_nobody_else(site: Site, proxy: InstanceProxy, ada: str, grace: str) -> None:
    shared = site.instance(members={GRACE: "OWNER"})

    def late(wire: Wire, head: bytes) -> None:
        for _ in range(2):
            body = target(head).encode()
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            time.sleep(0.02)
        wire.rest()

    with site.rogue(shared, late):
        for _ in range(15):
            proxy.get(f"/jupyter/{shared.id}/ada", ada)
            assert not proxy.get(f"/jupyter/{shared.id}/grace", grace).text.endswith("ada")


# Where it would lead


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_its_own_address_leads_through_the_proxy(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str, status: int
) -> None:
    location = f"http://{instance.address}:{site.ports.jupyter}/jupyter/{instance.id}/lab?x=1"
    with site.rogue(instance, answer(f"Location: {location}", status=f"{status} Moved")):
        answered = proxy.get(f"/jupyter/{instance.id}/", ada)
    assert answered.status_code == status
    assert str(instance.address) not in answered.headers["location"]
    assert answered.headers["location"].endswith(f"/jupyter/{instance.id}/lab?x=1")


def test_a_rewritten_redirect_leads_below_the_prefix(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    with site.rogue(instance, answer("Location: /elsewhere/on/it", status="302 Found"), site.ports.files):
        answered = proxy.get(f"/visafs/{instance.id}/", ada)
    assert answered.headers["location"].endswith(f"/visafs/{instance.id}/elsewhere/on/it")


def test_a_redirect_elsewhere_is_never_followed(site: Site, proxy: InstanceProxy, instance: Instance, ada: str) -> None:
    hers = site.instance(GRACE)
    with site.rogue(hers, answer()) as sink:
        for location in (
            f"http://{hers.address}:{site.ports.jupyter}/jupyter/{hers.id}/",
            "http://evil.example.org/",
            "//evil.example.org/",
            "http://169.254.169.254/latest/meta-data/",
            "file:///etc/passwd",
        ):
            behaviour = answer(f"Location: {location}", status="302 Found")
            with site.rogue(instance, behaviour):
                answered = proxy.get(f"/jupyter/{instance.id}/", ada)
                assert answered.status_code in (302, 502), location
            with site.rogue(instance, behaviour), pytest.raises(Refused) as refused:
                proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada)
            assert refused.value.status in (302, 502)
        assert sink.connections == 0


_PLATFORM_COOKIES = [
    "access_token=stolen; Path=/",
    "ACCESS_TOKEN=stolen",
    "access_token=; Max-Age=0; Path=/",
    "mine=1; Domain=example.org; Path=/",
    "mine=1; Domain=.example.org",
    "mine=1; domain = visa.example.org ; Path=/",
    "mine=1; Path=/",
    "mine=1; Path=/jupyter/1/",
    "__Host-mine=1; Path=/; Secure",
    "mine=1",
]


@pytest.mark.parametrize("set_cookie", _PLATFORM_COOKIES)
def test_no_cookie_reaches_beyond_its_instance(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str, set_cookie: str
) -> None:
    with site.rogue(
        instance, answer(f"Set-Cookie: {set_cookie}", "Set-Cookie: own=1; Path=" + f"/jupyter/{instance.id}/")
    ):
        answered = proxy.get(f"/jupyter/{instance.id}/", ada)
    kept = answered.headers.get_list("set-cookie")
    assert any(one.startswith("own=1") for one in kept), "Jupyter could not sign anybody in"
    for one in kept:
        name = one.split("=")[0].strip().lower()
        attributes = [part.strip().lower() for part in one.split(";")[1:]]
        assert name != "access_token"
        assert not any(part.replace(" ", "").startswith("domain=") for part in attributes)
        paths = [part.split("=", 1)[1].strip() for part in attributes if part.startswith("path")]
        assert all(path.startswith(f"/jupyter/{instance.id}") for path in paths), one
        assert paths, f"without a path it holds for all of the last folder: {one}"


def test_a_101_sets_no_cookie_of_the_platforms(site: Site, proxy: InstanceProxy, instance: Instance, ada: str) -> None:
    fields = ["Set-Cookie: access_token=stolen; Path=/", "X-Anything: 1", "Clear-Site-Data: *"]
    with site.rogue(instance, socket_that(*fields, does=stay)):
        with proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada) as socket:
            names = {name.lower() for name, _ in socket.head.fields}
    assert not {"set-cookie", "clear-site-data"} & names


@pytest.mark.parametrize(
    "field",
    [
        'Clear-Site-Data: "*"',
        "Strict-Transport-Security: max-age=1; includeSubDomains",
        "Service-Worker-Allowed: /",
        'NEL: {"report_to":"x"}',
        "Public-Key-Pins: x",
    ],
)
def test_a_field_that_speaks_for_the_whole_host_does_not_pass(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str, field: str
) -> None:
    with site.rogue(instance, answer(field)):
        answered = proxy.get(f"/jupyter/{instance.id}/", ada)
    assert field.split(":")[0].lower() not in {name.lower() for name in answered.headers}


# Upgrades that are none


@pytest.mark.parametrize(
    "status",
    ["200 OK", "302 Found", "400 Bad Request", "403 Forbidden", "404 Not Found", "426 Upgrade Required", "503 Busy"],
)
def test_a_refusal_to_upgrade_is_passed_on_and_the_connection_ends(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str, status: str
) -> None:
    with site.rogue(instance, answer("X-Own: 1", status=status, body=b"its own words")) as rogue:
        with connect(proxy.port) as wire:
            ask_it = handshake(f"/jupyter/{instance.id}/api/events/subscribe", [("Authorization", f"Bearer {ada}")])
            smuggled = f"GET /jupyter/{instance.id}/smuggled HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            wire.send(ask_it + smuggled)
            head = read_head(wire)
            assert head.status == int(status[:3])
            assert head.get("x-own") == "1"
            assert body_of(wire, head) == b"its own words"
            assert wire.rest() == b"", "what was sent behind the upgrade was answered"
        assert b"smuggled" not in rogue.saw


def test_bytes_behind_an_upgrade_wait_for_the_101(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    early: list[bytes] = []

    def behave(wire: Wire, head: bytes) -> None:
        wire.socket.settimeout(0.5)
        try:
            early.append(wire.exactly(1))
        except TimeoutError:
            pass
        wire.socket.settimeout(20)
        wire.send(switching(head))
        got = wire.frame()
        wire.send(frame(got.opcode, got.payload, mask=None))
        wire.rest()

    with site.rogue(instance, behave), connect(proxy.port) as wire:
        ask_it = handshake(f"/jupyter/{instance.id}/api/events/subscribe", [("Authorization", f"Bearer {ada}")])
        wire.send(ask_it + frame(TEXT, b"ahead"))
        assert read_head(wire).status == 101
        assert wire.frame().payload == b"ahead"
    assert early == []


def test_a_caller_who_sends_much_ahead_of_the_101_takes_no_memory(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    with site.rogue(instance, raw(then=linger(6))), connect(proxy.port) as wire:
        ask_it = handshake(f"/jupyter/{instance.id}/api/events/subscribe", [("Authorization", f"Bearer {ada}")])
        before = proxy.process.memory_info().rss
        wire.socket.settimeout(2)
        wire.send(ask_it)
        with pytest.raises((TimeoutError, ConnectionError)):
            for _ in range(100):
                wire.send(frame(BINARY, bytes(MEBI)))
        assert proxy.process.memory_info().rss - before < 8 * MEBI


def test_an_agreement_to_another_protocol_is_none(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    for said in (b"Connection: upgrade\r\nUpgrade: h2c", b"Connection: close\r\nUpgrade: websocket", b"X: y"):
        with site.rogue(instance, raw(b"HTTP/1.1 101 Switching Protocols\r\n" + said + b"\r\n\r\n", then=linger(1))):
            with pytest.raises(Refused) as refused:
                proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada)
            assert refused.value.status == 502


def test_http_after_an_upgrade_stays_in_its_tunnel(
    site: Site,
    proxy: InstanceProxy,
    instance: Instance,
    ada: str,
) -> None:
    shared = site.instance(members={GRACE: "OWNER"})
    poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"
    with site.rogue(shared, socket_that(does=sends(poison))):
        with proxy.socket(f"/jupyter/{shared.id}/api/events/subscribe", ada) as socket:
            assert socket.exactly(len(poison)) == poison, "a tunnel is a tunnel"
            with site.rogue(instance, answer(body=b"own")):
                assert proxy.get(f"/jupyter/{instance.id}/", ada).text == "own"
        proxy.no_tunnel_is_left()


# Tunnels


_PAYLOAD = 64 * MEBI


@pytest.mark.parametrize("pieces", [1, 65_536], ids=["one frame", "65536 fragments"])
def test_a_huge_message_takes_no_memory(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str, pieces: int
) -> None:
    part = frame(BINARY, bytes(_PAYLOAD // pieces), fin=pieces == 1, mask=None)
    more = frame(0, bytes(_PAYLOAD // pieces), fin=False, mask=None)

    def pour(wire: Wire) -> None:
        wire.send(part, *[more * 64] * (pieces // 64))
        wire.rest()

    with site.rogue(instance, socket_that(does=pour)):
        with proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada) as socket:
            before = proxy.process.memory_info().rss
            for _ in range(60):
                socket.exactly(MEBI)
            assert proxy.process.memory_info().rss - before < 4 * MEBI


@pytest.mark.parametrize("who", ["caller", "instance"])
def test_a_slow_reader_holds_back_the_other_side(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str, who: str
) -> None:
    sent = [0]

    def pour(send: Callable[[bytes], object]) -> None:
        piece = frame(BINARY, bytes(65_536))
        while sent[0] < 512 * MEBI:
            send(piece)
            sent[0] += len(piece)

    def behave(wire: Wire) -> None:
        if who == "instance":
            time.sleep(4)  # it reads nothing
        else:
            wire.socket.settimeout(4)
            try:
                pour(wire.send)
            except (TimeoutError, ConnectionError):
                pass

    with site.rogue(instance, socket_that(does=behave)):
        before = proxy.process.memory_info().rss
        with proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada, receive_buffer=65_536) as socket:
            if who == "instance":
                socket.socket.settimeout(2)
                with pytest.raises(TimeoutError):
                    pour(socket.send)
            else:
                eventually("it is held back", lambda: _stands_still(sent), within=10)
            assert sent[0] < 64 * MEBI
            assert proxy.process.memory_info().rss - before < 4 * MEBI


def _stands_still(sent: list[int]) -> bool:
    before = sent[0]
    time.sleep(0.3)
    return before > 0 and sent[0] == before


@pytest.mark.parametrize("way", ["end", "reset"])
def test_an_instance_that_goes_away_ends_the_socket_at_once(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str, way: str
) -> None:
    def leave(wire: Wire) -> None:
        wire.frame()
        if way == "reset":
            wire.reset()

    with site.rogue(instance, socket_that(does=leave)):
        with proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada) as socket:
            socket.text("go")
            began = time.monotonic()
            left = socket.rest()
            assert time.monotonic() - began < 2
            assert left == b"" or left[0] & 0x0F == CLOSE
    proxy.no_tunnel_is_left()


@pytest.mark.parametrize("way", ["end", "reset", "half"])
def test_a_caller_who_goes_away_ends_the_instances_side_at_once(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str, way: str
) -> None:
    with site.rogue(instance, socket_that(does=stay)) as rogue:
        socket = proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada)
        if way == "half":
            socket.socket.shutdown(1)
        elif way == "reset":
            socket.reset()
        else:
            socket.close()
        eventually("the instance is let go", lambda: rogue.open == 0, within=2)
        socket.close()
    proxy.no_tunnel_is_left()


def test_a_frame_that_breaks_the_rules_harms_nobody_else(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    """A length beyond all bounds, a frame without an end: the tunnel is told to end, and does."""
    endless = b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff" + b"x" * 1000
    with site.rogue(instance, socket_that(does=sends(endless))):
        socket = proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada)
        assert socket.exactly(len(endless)) == endless
        instance.deleted = True
        assert socket.rest() == b"", "a close frame in the middle of a frame would be part of its payload"
        socket.close()
    proxy.no_tunnel_is_left()
    _still_well(site, proxy)


def test_pings_of_an_instance_reach_the_caller(site: Site, proxy: InstanceProxy, instance: Instance, ada: str) -> None:
    pings = b"".join(frame(PING, b"%d" % number, mask=None) for number in range(1000))
    with site.rogue(instance, socket_that(does=sends(pings))):
        with proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada) as socket:
            assert [socket.frame().payload for _ in range(1000)] == [b"%d" % number for number in range(1000)]


def test_many_stalled_answers_of_one_instance_do_not_hold_up_another(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    stalled = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", then=linger(20))
    with site.rogue(instance, stalled):
        wires = []
        for _ in range(40):
            wire = connect(proxy.port)
            wire.send(
                f"GET /jupyter/{instance.id}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ada}\r\n\r\n".encode()
            )
            wires.append(wire)
        for wire in wires:
            assert read_head(wire).status == 200
        _still_well(site, proxy)
        for wire in wires:
            wire.close()


def test_opening_and_closing_leaves_nothing_behind(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    with site.rogue(instance, socket_that(does=stay)):
        path = f"/jupyter/{instance.id}/api/events/subscribe"
        proxy.socket(path, ada).close()
        proxy.no_tunnel_is_left()
        before = proxy.process.num_fds()
        for _ in range(1000):
            proxy.socket(path, ada).close()
        proxy.no_tunnel_is_left()
        eventually("no descriptor is left", lambda: proxy.process.num_fds() <= before + 3, within=5)


def test_a_tunnel_is_told_of_when_it_begins_and_when_it_ends(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    request_id = fresh_id()
    with site.rogue(instance, socket_that(does=sends(frame(TEXT, b"x" * 1000, mask=None)))):
        with proxy.socket(
            f"/jupyter/{instance.id}/api/events/subscribe", ada, [("X-Request-Id", request_id)]
        ) as socket:
            socket.message()
            socket.text("y" * 100)
    events = eventually("both", lambda: _tunnel_events(proxy, request_id), within=5)
    told = json.dumps(events)
    assert "1004" in told or "1000" in told, f"its bytes are not told: {told}"


def _tunnel_events(proxy: InstanceProxy, request_id: str) -> list[dict[str, object]] | None:
    found = [event for event in proxy.events() if event.get("request_id") == request_id]
    return found if len(found) >= 2 else None
