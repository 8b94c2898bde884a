"""Many idle tunnels: what they cost, that they stay, and that they all end. The soak and the bench have 10 000."""

import time

import pytest

from lib.instance.frames import CLOSE, Refused, WebSocket
from lib.instance.people import GRACE
from lib.instance.proxy import InstanceProxy
from lib.instance.rogue import socket_that, stay
from lib.instance.site import Service, Site
from lib.poll import eventually

_MANY = 2000
_PEOPLE = 20
_KIB = 1024


def test_two_thousand_idle_tunnels_cost_little_and_stay(site: Site, ada: str) -> None:
    patient = site.proxy("idle", refresh_seconds=2, tunnels={"max_tunnels": 3000, "max_tunnels_per_user": 3000})
    quiet = Service(site, site.instance(), "quiet", site.ports.other, tapped=False)
    path = f"/other/{quiet.id}/socket"
    patient.socket(path, ada).close()
    patient.no_tunnel_is_left()
    before, descriptors = patient.process.memory_info().rss, patient.process.num_fds()
    sockets = [patient.socket(path, ada) for _ in range(_MANY)]
    assert patient.tunnels() == _MANY
    each = (patient.process.memory_info().rss - before) / _MANY / _KIB
    assert each <= 20, f"{each:.1f} KiB for each idle tunnel"
    spent = sum(patient.process.cpu_times()[:2])
    time.sleep(4)  # two turns of asking the API about all of them
    spent = sum(patient.process.cpu_times()[:2]) - spent
    assert spent < 0.4, f"{spent:.2f} s of processor time for four idle seconds"
    assert _all_live(sockets)
    for socket in sockets:
        socket.close()
    patient.no_tunnel_is_left()
    eventually("no descriptor is left", lambda: patient.process.num_fds() <= descriptors + 5, within=5)
    patient.stop()


def _all_live(sockets: list[WebSocket]) -> bool:
    for number, socket in enumerate(sockets):
        socket.text(f"{number}")
    return all(socket.message() == b"%d" % number for number, socket in enumerate(sockets))


def test_more_tunnels_than_are_allowed_are_refused_and_told_so(site: Site, ada: str, grace: str) -> None:
    narrow = site.proxy("narrow", tunnels={"max_tunnels": 5, "max_tunnels_per_user": 3})
    shared = site.instance(members={GRACE: "OWNER"})
    path = f"/jupyter/{shared.id}/api/events/subscribe"
    with site.rogue(shared, socket_that(does=stay)) as rogue:
        adas = [narrow.socket(path, ada) for _ in range(3)]
        assert _refusal(narrow, path, ada) == 429
        graces = [narrow.socket(path, grace) for _ in range(2)]
        assert _refusal(narrow, path, grace) == 503
        assert rogue.connections == 5
        adas.pop().close()
        eventually("there is room", lambda: narrow.tunnels() == 4, within=5)
        adas.append(narrow.socket(path, ada))
        for socket in adas + graces:
            socket.close()
    narrow.no_tunnel_is_left()
    narrow.stop()


def _refusal(proxy: InstanceProxy, path: str, token: str) -> int:
    with pytest.raises(Refused) as refused:
        proxy.socket(path, token)
    assert int(refused.value.head.get("retry-after") or 0) > 0
    return refused.value.status


def test_a_tunnel_on_which_nothing_moves_and_one_that_is_old_are_ended(site: Site, ada: str) -> None:
    bounded = site.proxy("bounded", tunnels={"idle_seconds": 2, "lifetime_seconds": 5})
    quiet = Service(site, site.instance(), "quiet", site.ports.other, tapped=False)
    silent, busy = (bounded.socket(f"/other/{quiet.id}/", ada) for _ in range(2))
    began = time.monotonic()
    while time.monotonic() - began < 3:
        busy.text("x")
        assert busy.message() == b"x"
        time.sleep(0.1)
    assert silent.closed().code == 1001
    busy.text("x")
    while (one := busy.frame()).opcode != CLOSE:
        busy.text("x")
        time.sleep(0.1)
    assert one.code == 1001
    assert 4.5 < time.monotonic() - began < 8
    silent.close()
    busy.close()
    bounded.stop()
