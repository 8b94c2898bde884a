"""Notebook sessions: VISA is told of each before it begins and after it has ended, whatever happens in between."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.instance import faults
from lib.instance.frames import Refused, WebSocket, Wire
from lib.instance.people import ADA, ALAN, GRACE
from lib.instance.proxy import InstanceProxy, fresh_id
from lib.instance.rogue import Rogue, answer, socket_that, stay, switching, target
from lib.instance.site import Site
from lib.instance.visa import Instance, VisaApi
from lib.poll import eventually

_MANY = 50


@pytest.fixture
def rogue(site: Site, instance: Instance) -> Iterator[Rogue]:
    """A kernel that agrees and says nothing."""
    with site.rogue(instance, socket_that(does=stay)) as rogue:
        yield rogue


@pytest.fixture
def own(site: Site) -> Iterator[InstanceProxy]:
    """A proxy that a test may kill."""
    proxy = site.proxy("sessions")
    yield proxy
    proxy.peer.stop()


def _kernel(instance: Instance, kernel: str, session: str, prefix: str = "/jupyter") -> str:
    return f"{prefix}/{instance.id}/api/kernels/{kernel}/channels?session_id={session}"


def _open(proxy: InstanceProxy, instance: Instance, token: str, count: int) -> list[WebSocket]:
    """So many kernels' sockets, each in a session of its own."""
    return [proxy.socket(_kernel(instance, fresh_id(), fresh_id()), token) for _ in range(count)]


def _all_closed(api: VisaApi, instance: Instance, within: float = 15) -> None:
    eventually("no session is open", lambda: api.open_sessions(instance) == [], within=within)


def test_a_session_is_open_before_the_kernel_hears_of_it(
    site: Site, proxy: InstanceProxy, api: VisaApi, instance: Instance, ada: str
) -> None:
    seen: list[list[str]] = []

    def look(wire: Wire, head: bytes) -> None:
        seen.append([row.session for row in api.open_sessions(instance)])
        wire.send(switching(head))
        stay(wire)

    kernel, session = fresh_id(), fresh_id()
    with site.rogue(instance, look):
        proxy.socket(_kernel(instance, kernel, session), ada).close()
    assert seen == [[session]]
    (opened,) = api.asked("open", instance)
    assert opened.body == {"kernelId": kernel, "sessionId": session}
    assert opened.token == ada


@pytest.mark.parametrize("way", ["politely", "without a word", "by reset"])
def test_a_session_is_closed_however_its_socket_ends(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str, way: str
) -> None:
    kernel, session = fresh_id(), fresh_id()
    socket = proxy.socket(_kernel(instance, kernel, session), ada)
    assert len(api.open_sessions(instance)) == 1
    if way == "by reset":
        socket.reset()
    else:
        socket.close()
    _all_closed(api, instance, within=5)
    closes = api.asked("close", instance)
    assert [(call.body, call.token) for call in closes] == [({"kernelId": kernel, "sessionId": session}, None)]


def test_a_session_is_closed_when_the_instance_hangs_up(
    site: Site, proxy: InstanceProxy, api: VisaApi, instance: Instance, ada: str
) -> None:
    with site.rogue(instance, socket_that(does=lambda wire: wire.reset())):
        socket = proxy.socket(_kernel(instance, fresh_id(), fresh_id()), ada)
        socket.rest()
        socket.close()
    _all_closed(api, instance, within=5)
    assert len(api.asked("close", instance)) == 1


def test_a_session_is_closed_when_the_instance_does_not_agree(
    site: Site, proxy: InstanceProxy, api: VisaApi, instance: Instance, ada: str
) -> None:
    with site.rogue(instance, answer(status="403 Forbidden")), pytest.raises(Refused) as refused:
        proxy.socket(_kernel(instance, fresh_id(), fresh_id()), ada)
    assert refused.value.status == 403
    _all_closed(api, instance, within=5)


@pytest.mark.parametrize("prefix", ["/jupyter", "/notebooks"])
def test_a_session_is_known_below_any_prefix(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str, prefix: str
) -> None:
    kernel, session = fresh_id(), fresh_id()
    with proxy.socket(_kernel(instance, kernel, session, prefix), ada):
        assert [(row.kernel, row.session) for row in api.open_sessions(instance)] == [(kernel, session)]
        assert target(rogue.heads[0]).startswith(f"/jupyter/{instance.id}/api/kernels/")
    _all_closed(api, instance, within=5)


@pytest.mark.parametrize(
    "rest",
    [
        "api/kernels/{kernel}/channels",
        "api/kernels/not-hexadecimal/channels?session_id={session}",
        "api/events/subscribe?session_id={session}",
        "terminals/websocket/1?session_id={session}",
        "lsp/ws/pylsp",
    ],
)
def test_what_is_no_kernels_socket_is_proxied_without_a_session(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str, rest: str
) -> None:
    path = f"/jupyter/{instance.id}/{rest.format(kernel=fresh_id(), session=fresh_id())}"
    proxy.socket(path, ada).close()
    proxy.no_tunnel_is_left()
    assert api.asked("open", instance) == []
    assert api.asked("close", instance) == []


def test_http_below_a_kernel_is_no_session(
    site: Site, proxy: InstanceProxy, api: VisaApi, instance: Instance, ada: str
) -> None:
    with site.rogue(instance, answer()):
        assert proxy.get(_kernel(instance, fresh_id(), fresh_id()), ada).status_code == 200
    assert api.asked("open", instance) == []


# What the API may say to it


@pytest.mark.parametrize("code", [401, 403, 404])
def test_who_may_not_open_a_session_gets_no_kernel(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str, code: int
) -> None:
    with api.broken(faults.only("open", faults.status(code))), pytest.raises(Refused) as refused:
        proxy.socket(_kernel(instance, fresh_id(), fresh_id()), ada)
    assert refused.value.status == code
    assert rogue.connections == 0
    proxy.no_tunnel_is_left()
    assert api.asked("close", instance) == [], "it would close what somebody else has opened with these ids"


_TROUBLES = {
    "500": faults.status(500),
    "503": faults.status(503),
    "late": faults.slow(30),
}


@pytest.mark.parametrize("name", _TROUBLES)
def test_when_the_api_is_in_trouble_the_kernel_is_reached_all_the_same(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str, name: str
) -> None:
    with api.broken(faults.only("open", _TROUBLES[name])):
        socket = proxy.socket(_kernel(instance, fresh_id(), fresh_id()), ada)
    assert rogue.connections == 1
    socket.close()
    eventually(
        "it is told of the end, as it may have kept the beginning", lambda: api.asked("close", instance), within=10
    )


def test_an_end_that_the_api_does_not_hear_is_told_again(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str
) -> None:
    socket = proxy.socket(_kernel(instance, fresh_id(), fresh_id()), ada)
    with api.broken(faults.only("close", faults.status(500))):
        socket.close()
        eventually("it was told twice", lambda: len(api.asked("close", instance)) >= 2, within=20)
        assert len(api.open_sessions(instance)) == 1
    _all_closed(api, instance, within=30)
    told = [call.at for call in api.asked("close", instance)]
    gaps = [after - before for before, after in itertools.pairwise(told)]
    assert min(gaps) > 0.2, f"no pause between attempts: {gaps}"


def test_an_end_while_the_api_is_down_is_told_when_it_is_back(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str
) -> None:
    socket = proxy.socket(_kernel(instance, fresh_id(), fresh_id()), ada)
    with api.down():
        socket.close()
        proxy.no_tunnel_is_left()
    assert len(api.open_sessions(instance)) == 1
    _all_closed(api, instance, within=40)


def test_the_same_session_again_stays_open_when_the_earlier_socket_ends(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str
) -> None:
    """JupyterLab connects anew with the ids it had; the old socket may end after the new one has begun."""
    path = _kernel(instance, fresh_id(), fresh_id())
    first = proxy.socket(path, ada)
    with proxy.socket(path, ada) as second:
        first.close()
        eventually("the first has ended", lambda: rogue.open == 1, within=5)
        assert len(api.open_sessions(instance)) == 1
        second.text("x")
    _all_closed(api, instance, within=5)


# Kill and restart


def test_after_kill_9_every_session_is_closed(
    own: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str
) -> None:
    sockets = _open(own, instance, ada, _MANY)
    assert len(api.open_sessions(instance)) == _MANY
    own.kill()
    for socket in sockets:
        socket.rest()
        socket.close()
    assert len(api.open_sessions(instance)) == _MANY, "nothing could have told the API"
    own.start_again()
    _all_closed(api, instance)
    told = [call.body["sessionId"] for call in api.asked("close", instance)]
    assert set(told) == {row.session for row in api.sessions if row.instance == instance.id}
    assert len(told) < 2 * _MANY


def test_after_kill_9_while_the_api_is_down_nothing_is_forgotten(
    own: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str
) -> None:
    for socket in _open(own, instance, ada, 5):
        socket.close()
    _all_closed(api, instance)
    sockets = _open(own, instance, ada, 5)
    own.kill()
    with api.broken(faults.only("close", faults.status(503))):
        before = api.now()
        own.start_again()
        eventually("all were tried", lambda: len(_sessions(api, instance, before)) == 5, within=20)
        own.kill()  # in the middle of trying
    assert len(api.open_sessions(instance)) == 5
    before = api.now()
    own.start_again()
    _all_closed(api, instance)
    assert len(_sessions(api, instance, before)) == 5, "sessions that were closed long ago are told again"
    for socket in sockets:
        socket.close()


def _sessions(api: VisaApi, instance: Instance, since: int) -> set[str]:
    return {call.body["sessionId"] for call in api.asked("close", instance, since)}


def test_a_stop_closes_sessions_and_a_start_after_it_tells_nothing(
    own: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str
) -> None:
    sockets = _open(own, instance, ada, 10)
    assert own.stop() == 0
    assert api.open_sessions(instance) == []
    for socket in sockets:
        assert socket.closed().code == 1001
        socket.close()
    before = api.now()
    own.start_again()
    with own.socket(_kernel(instance, fresh_id(), fresh_id()), ada):
        pass
    _all_closed(api, instance)
    assert len(api.asked("close", instance, before)) == 1


def test_a_journal_that_was_cut_in_the_middle_of_a_line_is_read(
    own: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str
) -> None:
    sockets = _open(own, instance, ada, 3)
    own.kill()
    (file,) = [path for path in own.journal.rglob("*") if path.is_file() and path.stat().st_size]
    with file.open("ab") as journal:
        journal.write(file.read_bytes()[:20] + b"\xff\x00 half a li")
    own.start_again()
    _all_closed(api, instance)
    for socket in sockets:
        socket.close()
    with own.socket(_kernel(instance, fresh_id(), fresh_id()), ada):
        pass
    _all_closed(api, instance)


def test_the_journal_does_not_grow_with_what_has_ended(
    own: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str
) -> None:
    def size() -> int:
        return sum(path.stat().st_size for path in own.journal.rglob("*") if path.is_file())

    for _ in range(300):
        own.socket(_kernel(instance, fresh_id(), fresh_id()), ada).close()
    _all_closed(api, instance, within=20)
    own.stop()
    own.start_again()
    eventually("what has ended is gone from it", lambda: size() < 20_000, within=10)


def test_the_journal_holds_no_token(own: InstanceProxy, instance: Instance, rogue: Rogue, ada: str) -> None:
    with own.socket(_kernel(instance, fresh_id(), fresh_id()), ada):
        kept = b"".join(path.read_bytes() for path in own.journal.rglob("*") if path.is_file())
        assert kept
        assert ada.encode() not in kept
        assert ada.rpartition(".")[2].encode() not in kept
        modes = {oct(path.stat().st_mode & 0o077) for path in own.journal.rglob("*") if path.is_file()}
        assert modes == {"0o0"}, "others on the machine can read it"


# Disk full

_TINY = 'mount -t tmpfs -o size=64k none "$0" && exec "$@"'


def test_on_a_full_disk_work_goes_on_and_is_counted(
    site: Site, api: VisaApi, instance: Instance, rogue: Rogue, ada: str
) -> None:
    """In a mount namespace of its own, so that no root is needed; its files are seen by way of /proc."""
    disk = site.bench.directory("tiny-disk")
    tiny = site.proxy(
        "disk-full",
        tenant={"sessions": {"directory": str(disk)}},
        prefix=["unshare", "--map-root-user", "--mount", "sh", "-c", _TINY, str(disk)],
    )
    inside = Path(f"/proc/{tiny.process.pid}/root{disk}")
    ballast = inside / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(512))
    before = _failed_writes(tiny)
    sockets = _open(tiny, instance, ada, 300)
    assert len(api.open_sessions(instance)) == 300
    sockets[0].text("it works")
    for socket in sockets:
        socket.close()
    _all_closed(api, instance, within=20)
    assert _failed_writes(tiny) > before, "nothing was counted"
    assert any("journal" in str(event).lower() for event in tiny.events() if event.get("level") in ("ERROR", "WARN"))
    ballast.unlink()
    counted, written = _failed_writes(tiny), tiny.metric("nbgate_journal_writes_total")
    left = _open(tiny, instance, ada, 3)
    assert _failed_writes(tiny) == counted
    assert tiny.metric("nbgate_journal_writes_total") > written, "it does not write again"
    for socket in left:
        socket.close()
    _all_closed(api, instance)
    tiny.stop()


def _failed_writes(proxy: InstanceProxy) -> float:
    return proxy.metric("nbgate_journal_writes_total", outcome="failed")


def test_two_people_in_one_kernel_have_a_session_each(site: Site, proxy: InstanceProxy, api: VisaApi) -> None:
    shared = site.instance(ADA, members={GRACE: "OWNER"})
    kernel = fresh_id()
    with site.rogue(shared, socket_that(does=stay)):
        with proxy.socket(_kernel(shared, kernel, fresh_id()), site.token(ADA)):
            with proxy.socket(_kernel(shared, kernel, fresh_id()), site.token(GRACE)):
                assert {row.user for row in api.open_sessions(shared)} == {ADA.id, GRACE.id}
            eventually("one is left", lambda: [row.user for row in api.open_sessions(shared)] == [ADA.id], within=5)
        with pytest.raises(Refused):
            proxy.socket(_kernel(shared, kernel, fresh_id()), site.token(ALAN))
    _all_closed(api, shared)
