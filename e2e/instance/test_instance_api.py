"""The API server down, slow, lying; instances in every state, at every address; addresses that move to others."""

import time
from collections.abc import Iterator

import pytest

from lib.ask import problem
from lib.instance import faults
from lib.instance.frames import Refused
from lib.instance.people import ADA, GRACE
from lib.instance.proxy import InstanceProxy, fresh_id
from lib.instance.rogue import Rogue, answer, socket_that, stay
from lib.instance.site import Site
from lib.instance.visa import Fault, Instance, VisaApi
from lib.poll import eventually
from lib.standin import Answer


@pytest.fixture
def rogue(site: Site, instance: Instance) -> Iterator[Rogue]:
    """What answers on ada's instance."""
    with site.rogue(instance, answer()) as rogue:
        yield rogue


def _nobody_comes_in(proxy: InstanceProxy, instance: Instance, token: str, statuses: set[int]) -> None:
    answered = proxy.get(f"/jupyter/{instance.id}/", token)
    assert answered.status_code in statuses
    problem(answered)
    with pytest.raises(Refused) as refused:
        proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", token)
    assert refused.value.status in statuses


# Down, slow, lying


def test_while_the_api_is_down_nobody_comes_in_and_nobody_is_called_unknown(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str
) -> None:
    with api.down():
        _nobody_comes_in(proxy, instance, ada, {503})
        assert int(proxy.get(f"/jupyter/{instance.id}/", ada).headers["retry-after"]) > 0
    assert rogue.connections == 0
    eventually("all is well", lambda: proxy.get(f"/jupyter/{instance.id}/", ada).status_code == 200, within=10)


@pytest.mark.parametrize("fault", faults.ERRORS.values(), ids=faults.ERRORS)
def test_an_api_in_trouble_lets_nobody_in(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str, fault: Fault
) -> None:
    with api.broken(fault):
        _nobody_comes_in(proxy, instance, ada, {503})
    assert rogue.connections == 0
    eventually("all is well", lambda: proxy.get(f"/jupyter/{instance.id}/", ada).status_code == 200, within=10)


@pytest.mark.parametrize("fault", faults.LIES.values(), ids=faults.LIES)
def test_an_answer_that_is_none_lets_nobody_in(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str, fault: Fault
) -> None:
    with api.broken(fault):
        _nobody_comes_in(proxy, instance, ada, {502, 503})
    assert rogue.connections == 0
    eventually("all is well", lambda: proxy.get(f"/jupyter/{instance.id}/", ada).status_code == 200, within=10)


def test_an_api_that_is_slow_is_waited_for_and_one_that_is_silent_is_not(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, site: Site
) -> None:
    with api.broken(faults.slow(1)):
        assert proxy.get(f"/jupyter/{instance.id}/", site.token()).status_code == 200
    began = time.monotonic()
    with api.broken(faults.slow(40)):
        assert proxy.get(f"/jupyter/{instance.id}/", site.token()).status_code == 503
    assert time.monotonic() - began < 12


def test_a_redirect_of_the_apis_is_not_followed(
    site: Site, proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str
) -> None:
    elsewhere = site.instance(GRACE)
    with site.rogue(elsewhere, answer()) as sink:
        location = f"http://{elsewhere.address}:{site.ports.jupyter}/api/jupyter/instances/{instance.id}"
        with api.broken(lambda _: Answer(302, b"", {"Location": location})):
            _nobody_comes_in(proxy, instance, ada, {502, 503})
        assert sink.connections == 0


@pytest.mark.parametrize(("said", "told"), [(401, 401), (403, {403, 404}), (404, 404)])
def test_a_refusal_of_the_apis_is_passed_on(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str, said: int, told: int | set[int]
) -> None:
    with api.broken(faults.status(said, {"data": None, "errors": ["no"]})):
        _nobody_comes_in(proxy, instance, ada, told if isinstance(told, set) else {told})
    assert rogue.connections == 0


def test_a_refusal_is_forgotten_soon(site: Site, instance: Instance, rogue: Rogue) -> None:
    patient = site.proxy("refusals", refresh_seconds=60)
    token, path = site.token(GRACE), f"/jupyter/{instance.id}/"
    assert patient.get(path, token).status_code == 404
    instance.members[GRACE] = "OWNER"
    eventually("she is let in", lambda: patient.get(path, token).status_code == 200, within=8)
    patient.stop()


def test_refusals_are_remembered_for_a_moment(site: Site, api: VisaApi, instance: Instance) -> None:
    patient = site.proxy("floods", refresh_seconds=60)
    nonsense = site.token(GRACE)
    for _ in range(20):
        assert patient.get(f"/jupyter/{instance.id}/", nonsense).status_code == 404
    assert len(api.asked("look-up", instance)) <= 3
    patient.stop()


def test_one_who_cannot_be_asked_about_is_not_remembered_as_such(
    site: Site, api: VisaApi, instance: Instance, rogue: Rogue, ada: str
) -> None:
    patient = site.proxy("troubles", refresh_seconds=60)
    with api.broken(faults.status(500)):
        assert patient.get(f"/jupyter/{instance.id}/", ada).status_code == 503
    assert patient.get(f"/jupyter/{instance.id}/", ada).status_code == 200
    patient.stop()


# States and addresses

_RUNNING = ["ACTIVE", "PARTIALLY_ACTIVE", "ACTIVE_MIGRATING"]
_NOT_RUNNING = [
    "BUILDING",
    "STARTING",
    "REBOOTING",
    "STOPPING",
    "STOPPED",
    "UNAVAILABLE",
    "ERROR",
    "UNKNOWN",
    "MIGRATING",
    "DELETING",
    "DELETED",
]


@pytest.mark.parametrize("state", _RUNNING)
def test_an_instance_that_is_running_is_connected_to(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str, state: str
) -> None:
    instance.state = state
    assert proxy.get(f"/jupyter/{instance.id}/", ada).text == "ok"


@pytest.mark.parametrize("state", _NOT_RUNNING)
def test_an_instance_that_is_not_running_is_not_connected_to(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str, state: str
) -> None:
    instance.state = state
    _nobody_comes_in(proxy, instance, ada, {409, 503})
    assert rogue.connections == 0


@pytest.mark.parametrize(
    "address", [None, "", "null", "not an address", "10.0.0.256", "127.0.0.1:80", "127.0.0.1/8", 7, ["127.0.0.1"]]
)
def test_an_instance_without_an_address_is_not_connected_to(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, rogue: Rogue, ada: str, address: object
) -> None:
    with api.broken(faults.address(address)):
        _nobody_comes_in(proxy, instance, ada, {409, 502, 503})
    assert rogue.connections == 0


_FORBIDDEN = {
    "metadata": "169.254.169.254",
    "link-local": "fe80::1",
    "metadata, mapped": "::ffff:169.254.169.254",
    "nowhere": "0.0.0.0",
    "nowhere, v6": "::",
    "multicast": "224.0.0.1",
    "broadcast": "255.255.255.255",
    "the internet": "93.184.216.34",
    "the internet, v6": "2606:2800:220:1::1",
    "a name": "localhost",
    "octal": "0177.0.0.1",
    "one number": "2130706433",
    "hexadecimal": "0x7f000001",
    "short": "127.1",
}


@pytest.mark.parametrize("address", _FORBIDDEN.values(), ids=_FORBIDDEN)
def test_an_address_outside_the_networks_is_not_connected_to(
    proxy: InstanceProxy, api: VisaApi, instance: Instance, ada: str, address: str
) -> None:
    began = time.monotonic()
    with api.broken(faults.address(address)):
        _nobody_comes_in(proxy, instance, ada, {409, 502, 503})
    assert time.monotonic() - began < 2, "it tried"


_LOOPBACK = ["127.0.0.1", "127.0.1.200", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "0.0.0.0", "::"]


@pytest.mark.parametrize("address", _LOOPBACK)
def test_as_delivered_nothing_on_this_machine_is_connected_to(
    site: Site, api: VisaApi, instance: Instance, ada: str, strict: InstanceProxy, address: str
) -> None:
    host = "127.0.0.1" if address in ("0.0.0.0", "::", "::1", "::ffff:127.0.0.1", "::127.0.0.1") else address
    with site.rogue(site.instance(address=host), answer()) as rogue, api.broken(faults.address(address)):
        _nobody_comes_in(strict, instance, ada, {409, 502, 503})
        assert rogue.connections == 0


@pytest.fixture(scope="module")
def strict(site: Site) -> Iterator[InstanceProxy]:
    """As delivered: loopback is not allowed."""
    strict = site.proxy("strict", upstream={"allow_loopback": False})
    yield strict
    strict.stop()


def test_only_configured_networks_are_connected_to(site: Site, api: VisaApi, instance: Instance) -> None:
    """That others are is what all tests show, whose networks are loopback's."""
    narrow = site.proxy("networks", upstream={"allow_networks": ["10.77.0.0/16"]})
    for address in ("10.76.255.255", "10.78.0.0", "192.168.1.1", "172.16.0.1"):
        with api.broken(faults.address(address)):
            began = time.monotonic()
            assert narrow.get(f"/jupyter/{instance.id}/", site.token()).status_code == 502
            assert time.monotonic() - began < 1, "it tried"
        narrow.audit(address=address, level="WARN")
    narrow.stop()


# Addresses that move


def test_an_address_that_moves_to_another_person_is_not_reached_by_the_one_before(
    site: Site, ada: str, grace: str
) -> None:
    """Within the time that answers are remembered: ada's instance is deleted, and grace's is built at its address."""
    remembering = site.proxy("moving", refresh_seconds=2)
    hers = site.instance(ADA)
    with site.rogue(hers, answer(body=b"ada's")) as machine:
        assert remembering.get(f"/jupyter/{hers.id}/", ada).text == "ada's"
        hers.deleted = True
        now_graces = site.instance(GRACE, address=hers.address)
        machine.behaviour = answer(body=b"grace's")
        moved = time.monotonic()
        assert remembering.get(f"/jupyter/{now_graces.id}/", grace).text == "grace's"
        last_seen = 0.0
        while time.monotonic() - moved < 4:
            answered = remembering.get(f"/jupyter/{hers.id}/", ada)
            assert answered.status_code in (200, 404, 409, 502, 503)
            if answered.text == "grace's":
                last_seen = time.monotonic() - moved
            time.sleep(0.05)
        assert last_seen < 0.5, f"ada saw grace's machine for {last_seen:.1f} s after the proxy knew that it is grace's"
    remembering.stop()


def test_a_tunnel_to_an_address_that_moved_is_closed(site: Site, ada: str) -> None:
    remembering = site.proxy("moving-tunnel", refresh_seconds=1)
    hers = site.instance(ADA)
    with site.rogue(hers, socket_that(does=stay)):
        socket = remembering.socket(f"/jupyter/{hers.id}/api/events/subscribe", ada)
        hers.address = "127.0.240.1"
        assert socket.closed().code in (1001, 1008, 1012)
        socket.close()
    remembering.stop()


def test_a_kept_connection_is_not_used_for_another_person(
    site: Site, proxy: InstanceProxy, ada: str, grace: str
) -> None:
    shared = site.instance(ADA, members={GRACE: "OWNER"})
    with site.rogue(shared, answer()) as rogue:
        for token in (ada, grace, ada, grace):
            assert proxy.get(f"/jupyter/{shared.id}/", token).status_code == 200
        assert rogue.connections >= 2
        per_connection = [bytes(record).count(b"GET ") for record in rogue._records]  # noqa: SLF001
        assert sum(per_connection) == 4


# The look-up is what keeps an instance alive


def test_a_look_up_takes_an_instance_from_the_expiration_list(
    proxy: InstanceProxy, instance: Instance, rogue: Rogue, ada: str
) -> None:
    instance.expiring = True
    assert proxy.get(f"/jupyter/{instance.id}/", ada).status_code == 200
    assert not instance.expiring


def test_an_open_tunnel_keeps_its_instance_alive(
    site: Site, proxy: InstanceProxy, instance: Instance, ada: str
) -> None:
    with site.rogue(instance, socket_that(does=stay)):
        path = f"/jupyter/{instance.id}/api/kernels/{fresh_id()}/channels?session_id={fresh_id()}"
        with proxy.socket(path, ada) as socket:
            before = len(instance.last_seen)
            eventually("it is seen again and again", lambda: len(instance.last_seen) >= before + 3, within=8)
            socket.text("still there")
        proxy.no_tunnel_is_left()
        eventually("it is let alone", lambda: _quiet_for(instance, 3), within=15)


def _quiet_for(instance: Instance, seconds: float) -> bool:
    return time.monotonic() - instance.last_seen[-1] > seconds


def test_many_tunnels_of_one_person_are_one_question_at_a_time(
    site: Site, proxy: InstanceProxy, api: VisaApi, instance: Instance, ada: str
) -> None:
    with site.rogue(instance, socket_that(does=stay)):
        sockets = [proxy.socket(f"/jupyter/{instance.id}/api/events/subscribe", ada) for _ in range(20)]
        before, began = api.now(), time.monotonic()
        eventually("some are asked", lambda: len(api.asked("look-up", instance, before)) >= 3, within=10)
        seconds = time.monotonic() - began
        asked = len(api.asked("look-up", instance, before))
        assert asked <= 2 * seconds + 4, f"{asked} questions in {seconds:.1f} s for one person and one instance"
        for socket in sockets:
            socket.close()
