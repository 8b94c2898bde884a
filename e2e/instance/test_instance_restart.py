"""Two replicas behind nginx, restarted in turns under load: no request fails, tunnels are told why they end."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from lib.balancer import Balancer
from lib.instance.content import content
from lib.instance.frames import BINARY, CLOSE, Ended, Refused, frame, upgrade
from lib.instance.people import ADA
from lib.instance.proxy import InstanceProxy, fresh_id
from lib.instance.rogue import socket_that, stay, without_end
from lib.instance.site import Service, Site
from lib.instance.visa import VisaApi
from lib.poll import eventually

_RESTARTS = 4
_CALLERS = 8
_SOCKETS = 20
_GRACE = 4
_DEADLINE = 10


@dataclass
class _Replica:
    proxy: InstanceProxy

    @property
    def port(self) -> int:
        return self.proxy.port

    def ready(self) -> bool:
        try:
            return self.proxy.ready
        except httpx.HTTPError:
            return False


@dataclass
class _Load:
    """Callers and sockets that go on until they are told to stop."""

    port: int
    token: str
    service: Service
    sockets_of: Service
    done: threading.Event = field(default_factory=threading.Event)
    answers: int = 0
    complaints: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    refused: int = 0
    """Upgrades that a replica which is about to stop has refused: it is right to in the second half of its grace."""
    messages: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, number: int) -> None:
        """Small and large answers, and uploads; each on a connection of its own, as nginx reloads."""
        body = content(f"load {number}", 300_000)
        base = f"http://127.0.0.1:{self.port}/visafs/{self.service.id}"
        headers = {"Authorization": f"Bearer {self.token}"}
        turn = 0
        while not self.done.is_set():
            turn += 1
            try:
                with httpx.Client(headers=headers, timeout=20, trust_env=False) as client:
                    match turn % 3:
                        case 0:
                            answer = client.get(f"{base}/a?{turn}")
                            good = answer.status_code == 200 and answer.json()["target"] == f"/a?{turn}"
                        case 1:
                            answer = client.put(f"{base}/upload", content=body)
                            good = answer.status_code == 200 and answer.json()["length"] == len(body)
                        case _:
                            answer = client.get(f"{base}/download?seed=load&size=400000")
                            good = answer.status_code == 200 and len(answer.content) == 400_000
                complaint = "" if good else f"{answer.status_code} {answer.text[:200]}"
            except httpx.HTTPError as error:
                complaint = repr(error)
            with self._lock:
                self.answers += 1
                if complaint:
                    self.complaints.append(complaint)
            time.sleep(0.05)

    def talk(self, number: int) -> None:
        """One socket, opened again whenever it was ended with a reason."""
        while not self.done.is_set():
            try:
                path = f"/ws/print/{self.sockets_of.id}/"
                with upgrade(self.port, path, [("Authorization", f"Bearer {self.token}")]) as socket:
                    while not self.done.is_set():
                        socket.text(f"{number}")
                        one = socket.frame()
                        if one.opcode == CLOSE:
                            self.ends.append(str(one.code))
                            break
                        self.messages += 1
                        time.sleep(0.05)
            except Refused as refused:
                if refused.status == 503 and b"about to stop" in refused.body:
                    self.refused += 1
                    time.sleep(0.2)
                else:
                    self.ends.append(repr(refused))
            except (Ended, OSError) as end:
                self.ends.append(repr(end))


@pytest.fixture
def replicas(site: Site) -> Iterator[list[_Replica]]:
    """Two, each with a journal of its own."""
    server = {"drain_grace_seconds": _GRACE, "drain_deadline_seconds": _DEADLINE}
    replicas = [_Replica(site.proxy(f"replica-{name}", refresh_seconds=5, server=server)) for name in "ab"]
    yield replicas
    for replica in replicas:
        replica.proxy.stop()


def test_a_rolling_restart_fails_no_request_and_tells_tunnels_1001(
    site: Site, replicas: list[_Replica], files: Service, printing: Service
) -> None:
    balancer = Balancer(site.bench, replicas)
    load = _Load(balancer.port, site.token(ADA), files, printing)
    threads = [threading.Thread(target=load.ask, args=(number,)) for number in range(_CALLERS)]
    threads += [threading.Thread(target=load.talk, args=(number,)) for number in range(_SOCKETS)]
    for thread in threads:
        thread.start()
    in_time = 0
    try:
        for turn in range(_RESTARTS):
            replica = replicas[turn % 2]
            eventually("it has tunnels", lambda: replica.proxy.tunnels() >= 1, within=20)  # noqa: B023
            in_time += _restart(replica, balancer, load)
    finally:
        load.done.set()
        for thread in threads:
            thread.join()
        balancer.close()
    assert load.complaints == []
    assert load.answers > _RESTARTS * 50, "there was no load"
    assert load.messages > _RESTARTS * 50, "nobody talked"
    assert load.ends, "no tunnel was ended"
    assert set(load.ends) == {"1001"}, load.ends
    assert in_time, "this machine is too busy to tell whether anybody is refused"


def _restart(replica: _Replica, balancer: Balancer, load: _Load) -> bool:
    """Whether nginx knew of it before tunnels were ended; who came again was not refused then."""
    refused, began = load.refused, time.monotonic()
    replica.proxy.terminate()
    eventually("nginx knows that it goes", lambda: not balancer.lists(replica), within=_GRACE + _DEADLINE, every=0.02)
    known = time.monotonic() - began < _GRACE / 2 - 1  # a second for its reload
    assert replica.proxy.peer.process.wait(began + _GRACE + _DEADLINE + 1 - time.monotonic()) == 0
    assert load.refused == refused or not known, "refused, though nginx knew in time"
    replica.proxy.start_again()
    eventually("nginx knows that it is back", lambda: balancer.lists(replica), within=10)
    return known


def test_tunnels_are_told_1001_at_half_of_the_grace_those_too_that_were_opened_within_it(site: Site, ada: str) -> None:
    leaving = site.proxy("leaving", server={"drain_grace_seconds": 4, "drain_deadline_seconds": 8})
    instance = site.instance()
    with site.rogue(instance, socket_that(does=stay)):
        sockets = [leaving.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada) for _ in range(200)]
        began = time.monotonic()
        leaving.terminate()
        eventually("it is not ready", lambda: not leaving.ready, within=1, every=0.02)
        sockets += [leaving.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada) for _ in range(5)]
        for socket in sockets:
            closed = socket.closed()
            assert closed.code == 1001
            assert closed.reason
            assert socket.rest() == b""
            socket.close()
        assert 2 <= time.monotonic() - began < 2 + 3
        assert leaving.peer.process.wait(10) == 0
        assert time.monotonic() - began < 4 + 4, "it waits for tunnels that have ended"


def test_a_caller_who_does_not_read_cannot_hold_up_a_stop(site: Site, ada: str) -> None:
    leaving = site.proxy("held-up", server={"drain_grace_seconds": 0, "drain_deadline_seconds": 3})
    instance = site.instance()
    with site.rogue(instance, socket_that(does=without_end(frame(BINARY, bytes(65_536), mask=None)))):
        socket = leaving.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada, receive_buffer=4096)
        socket.exactly(4096)
        began = time.monotonic()
        assert leaving.stop() == 0
        assert time.monotonic() - began < 3 + 2
        socket.close()


def test_sessions_are_closed_before_a_replica_has_gone(site: Site, api: VisaApi, ada: str) -> None:
    leaving = site.proxy("tidy", server={"drain_grace_seconds": 0, "drain_deadline_seconds": 8})
    instance = site.instance()
    with site.rogue(instance, socket_that(does=stay)):
        paths = [f"/jupyter/{instance.id}/api/kernels/{fresh_id()}/channels?session_id={fresh_id()}" for _ in range(50)]
        sockets = [leaving.socket(path, ada) for path in paths]
        assert len(api.open_sessions(instance)) == 50
        assert leaving.stop() == 0
        assert api.open_sessions(instance) == []
        for socket in sockets:
            socket.close()
