"""Tokens that live for seconds: who renews a login keeps a kernel's socket, who does not is told why it ends."""

import time
from collections.abc import Iterator

import pytest

from lib.instance import faults
from lib.instance.frames import CLOSE, PING, PONG, Ended, WebSocket, Wire, frame
from lib.instance.people import ADA, GRACE
from lib.instance.proxy import InstanceProxy, cookie, fresh_id
from lib.instance.rogue import Behaviour, Rogue, field, socket_that, switching
from lib.instance.site import Site
from lib.instance.visa import Instance, VisaApi
from lib.poll import eventually

_LIFETIME = 3.0
"""Of a token, in seconds; the proxy asks each second, as it does each minute where tokens live for minutes."""


def _kernel() -> Behaviour:
    """Agrees to a socket and echoes frames; answers plain requests."""

    def behave(wire: Wire, head: bytes) -> None:
        while True:
            if field(head, "upgrade"):
                wire.send(switching(head))
                while (one := wire.frame()).opcode != CLOSE:
                    wire.send(frame(PONG if one.opcode == PING else one.opcode, one.payload, mask=None))
                wire.send(frame(CLOSE, one.payload, mask=None))
                return
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            head = wire.until(b"\r\n\r\n")

    return behave


@pytest.fixture
def rogue(site: Site, instance: Instance) -> Iterator[Rogue]:
    """A kernel."""
    with site.rogue(instance, _kernel()) as rogue:
        yield rogue


def _open(proxy: InstanceProxy, instance: Instance, token: str) -> WebSocket:
    path = f"/jupyter/{instance.id}/api/kernels/{fresh_id()}/channels?session_id={fresh_id()}"
    return proxy.socket(path, token)


def _lives(socket: WebSocket) -> bool:
    socket.text("are you there")
    return socket.message() == b"are you there"


def _closed_with(socket: WebSocket, code: int, within: float) -> str:
    """Wait for the close frame; its reason."""
    began = time.monotonic()
    closed = socket.closed()
    assert closed.code == code, (closed.code, closed.reason)
    assert time.monotonic() - began < within
    assert socket.rest() == b""
    socket.close()
    return closed.reason


def test_a_socket_outlives_its_token_while_its_owner_renews(
    site: Site, proxy: InstanceProxy, instance: Instance, rogue: Rogue
) -> None:
    """The page asks for this and that with the new cookie; the socket still has the old one."""
    socket = _open(proxy, instance, site.token(lifetime=_LIFETIME))
    for _ in range(6):
        fresh = site.token(lifetime=_LIFETIME)
        for _ in range(4):
            headers = dict([cookie(fresh)])
            assert proxy.get(f"/jupyter/{instance.id}/api/status", headers=headers).status_code == 200
            assert _lives(socket)
            time.sleep(0.5)  # so much time has to pass: this is what is tried
    socket.end()


def test_a_socket_of_one_who_does_not_renew_is_closed_with_a_reason(
    site: Site, proxy: InstanceProxy, instance: Instance, rogue: Rogue, api: VisaApi
) -> None:
    token = site.token(lifetime=_LIFETIME)
    socket = _open(proxy, instance, token)
    began = time.monotonic()
    assert _lives(socket)
    assert _closed_with(socket, 1008, within=_LIFETIME + 4)
    assert time.monotonic() - began >= _LIFETIME - 0.5, "it was closed before its time"
    eventually("its session is closed", lambda: api.open_sessions(instance) == [], within=5)


def test_both_ends_are_told_of_the_end(site: Site, proxy: InstanceProxy, instance: Instance) -> None:
    ended: list[bytes] = []

    def listen(wire: Wire) -> None:
        try:
            while True:
                one = wire.frame()
                if one.opcode == CLOSE:
                    ended.append(one.payload)
                    assert one.masked, "a caller's frame is masked, and ours in its place too"
        except Ended:
            ended.append(b"end")

    with site.rogue(instance, socket_that(does=listen)):
        socket = _open(proxy, instance, site.token(lifetime=2))
        _closed_with(socket, 1008, within=7)
        eventually("the instance knows too", lambda: ended[-1:] == [b"end"], within=5)


def test_the_renewal_of_another_person_does_not_keep_a_socket(
    site: Site, proxy: InstanceProxy, rogue: Rogue, instance: Instance
) -> None:
    instance.members[GRACE] = "OWNER"
    socket = _open(proxy, instance, site.token(ADA, lifetime=_LIFETIME))
    others = site.token(GRACE)
    deadline = time.monotonic() + _LIFETIME + 5
    while time.monotonic() < deadline and not _has_close(socket):
        assert proxy.get(f"/jupyter/{instance.id}/api/status", others).status_code == 200
    assert _closed_with(socket, 1008, within=1)


def test_the_renewal_for_another_instance_does_not_keep_a_socket_whose_membership_ended(
    site: Site, proxy: InstanceProxy, rogue: Rogue, instance: Instance
) -> None:
    other = site.instance(ADA)
    token = site.token(ADA)
    with site.rogue(other, _kernel()):
        socket = _open(proxy, instance, token)
        del instance.members[ADA]
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline and not _has_close(socket):
            assert proxy.get(f"/jupyter/{other.id}/api/status", token).status_code == 200
        assert _closed_with(socket, 1008, within=1)


def _has_close(socket: WebSocket) -> bool:
    """Whether something has come that nobody has read yet."""
    socket.socket.settimeout(0.1)
    try:
        return bool(socket.socket.recv(1, 2))  # MSG_PEEK
    except TimeoutError:
        return False
    finally:
        socket.socket.settimeout(20)


def test_a_socket_ends_soon_after_its_owner_lost_the_instance(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    socket = _open(proxy, instance, ada)
    assert _lives(socket)
    instance.members = {ADA: "USER"}
    assert _closed_with(socket, 1008, within=5)
    assert proxy.get(f"/jupyter/{instance.id}/", ada).status_code == 404


def test_a_socket_ends_soon_after_its_instance_was_deleted(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    socket = _open(proxy, instance, ada)
    instance.deleted = True
    assert _closed_with(socket, 1008, within=5)


def test_a_socket_ends_soon_after_its_token_was_withdrawn(
    site: Site, proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    socket = _open(proxy, instance, ada)
    site.api.issuer.withdraw(ada)
    assert _closed_with(socket, 1008, within=5)


@pytest.mark.parametrize("way", ["down", "500", "slow", "lying"])
def test_an_api_in_trouble_ends_no_socket(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str, way: str
) -> None:
    broken = {
        "down": api.down(),
        "500": api.broken(faults.status(500)),
        "slow": api.broken(faults.slow(4)),
        "lying": api.broken(faults.LIES["html"]),
    }[way]
    socket = _open(proxy, instance, ada)
    with broken:
        for _ in range(10):
            assert _lives(socket)
            time.sleep(0.5)  # several times as long as the proxy waits before it asks again
    assert _lives(socket)
    before = api.now()
    eventually("it asks again", lambda: api.asked("look-up", instance, before), within=10)
    assert _lives(socket)
    socket.end()


def test_while_the_api_is_down_an_ended_token_ends_no_socket_that_it_could_not_ask_about(
    site: Site, proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue
) -> None:
    """Whether the login was renewed is not known while nobody can be asked: it ends when the API says so."""
    socket = _open(proxy, instance, site.token(lifetime=2))
    with api.down():
        for _ in range(8):
            assert _lives(socket)
            time.sleep(0.5)  # past the token's end
    assert _closed_with(socket, 1008, within=15)


def test_a_token_that_was_refused_does_not_take_the_place_of_a_good_one(
    site: Site, proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    socket = _open(proxy, instance, ada)
    bad = site.token(ADA, lifetime=-1)
    for _ in range(8):
        assert proxy.get(f"/jupyter/{instance.id}/", bad).status_code == 401
        assert _lives(socket)
        time.sleep(0.5)
    socket.end()


def test_the_freshest_good_token_is_what_the_api_is_asked_with(
    site: Site, proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue
) -> None:
    first, second = site.token(), site.token()
    socket = _open(proxy, instance, first)
    assert proxy.get(f"/jupyter/{instance.id}/", second).status_code == 200
    before = api.now()
    eventually("it asks again", lambda: len(api.asked("look-up", instance, before)) >= 2, within=10)
    assert api.asked("look-up", instance, before)[-1].token == second
    assert _lives(socket)
    socket.end()


def test_a_socket_with_a_frame_half_sent_is_closed_between_frames(
    site: Site, proxy: InstanceProxy, instance: Instance
) -> None:
    """A close frame in the middle of another frame would be part of that frame's payload."""
    halves = frame(2, b"x" * 100_000, mask=None)

    def slowly(wire: Wire) -> None:
        wire.send(halves[:60_000])
        time.sleep(3)  # longer than the token lives
        wire.send(halves[60_000:])
        wire.rest()

    with site.rogue(instance, socket_that(does=slowly)):
        socket = _open(proxy, instance, site.token(lifetime=1.5))
        frames = socket.frames(CLOSE)
        assert [len(one.payload) for one in frames[:-1]] == [100_000]
        assert frames[-1].code == 1008
        assert socket.rest() == b""
        socket.close()
