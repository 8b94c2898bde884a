"""The shared password changes while people query, and nobody notices; so does the certificate."""

import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from lib.ask import problem
from lib.efd.documents import efd_document
from lib.efd.influxdb import Account, InfluxDB
from lib.efd.seed import AZIMUTH, DATABASE, ROWS
from lib.efd.service import PREFIX, EfdToken, Lease
from lib.efd.site import Site, Starts
from lib.leaks import find
from lib.poll import eventually

_COUNT = f'SELECT COUNT("actualPosition") FROM "{AZIMUTH.name}"'
_CALLERS = 8
_NOTICED = 6.0
"""Seconds: the files are looked at every two of them, and the machine may be busy."""


class Callers:
    """Eight people who query without a pause, each on connections of their own."""

    def __init__(self, service: EfdToken, leases: list[Lease]) -> None:
        self.failures: list[str] = []
        self._answered = [0] * len(leases)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._query, args=(service, number, lease), daemon=True)
            for number, lease in enumerate(leases)
        ]

    def _query(self, service: EfdToken, number: int, lease: Lease) -> None:
        with service.client() as client:
            while not self._stop.is_set():
                try:
                    answer = client.post(
                        f"{PREFIX}/efd/usdf_efd/query", data={"q": _COUNT, "db": DATABASE}, auth=lease.auth
                    )
                    count = answer.json()["results"][0]["series"][0]["values"][0][1]
                    if count != ROWS:
                        self.failures.append(f"counted {count}")
                except (httpx.HTTPError, KeyError, ValueError) as error:
                    self.failures.append(f"{error!r}")
                self._answered[number] += 1

    @property
    def answered(self) -> int:
        """How many queries have been made."""
        return sum(self._answered)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """While they query."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(30)

    def go_on(self, queries: int = 200) -> None:
        """Wait until so many more queries were made."""
        goal = self.answered + queries
        eventually(f"{queries} more queries", lambda: self.answered >= goal, within=60)


@pytest.fixture
def rotated(starts: Starts, influxdb: InfluxDB) -> tuple[EfdToken, Account]:
    """An efd-token whose shared account is nobody else's."""
    account = influxdb.new_reader(f"rotated-{secrets.token_hex(3)}")
    key = {"name": "usdf_efd", "url": influxdb.url, "databases": [DATABASE]}
    return starts("rotation", {"usdf_efd": efd_document(account)}, [key]), account


def _used(influxdb: InfluxDB, account: Account) -> Callable[[], bool]:
    """Says whether InfluxDB is asked as this account, from now on."""
    watch = influxdb.tap.from_now()
    return lambda: bool(find(f"{account.name}:{account.password}", watch.sent))


def test_the_shared_password_rotates_under_load_without_a_failed_query(
    rotated: tuple[EfdToken, Account], influxdb: InfluxDB, site: Site
) -> None:
    service, old = rotated
    callers = Callers(service, [service.lease(site.token(f"caller{number}")) for number in range(_CALLERS)])
    with callers.calling():
        callers.go_on()
        for _ in range(2):
            new = influxdb.new_reader(f"rotated-{secrets.token_hex(3)}")
            taken_up = _used(influxdb, new)
            service.documents.change(usdf_efd=efd_document(new))
            eventually("the new account is used", taken_up, within=_NOTICED)
            # As the operators' page says: the old account goes when nothing asks as it any more.
            eventually("the old one is not", _silent(influxdb, old), within=_NOTICED)
            influxdb.do(f'DROP USER "{old.name}"')
            callers.go_on()
            old = new
    assert callers.failures == []
    assert callers.answered >= 600


def _silent(influxdb: InfluxDB, account: Account) -> Callable[[], bool]:
    """Says whether a third of a second went by without a question by this account."""

    def silent() -> bool:
        asked = _used(influxdb, account)
        end = time.monotonic() + 0.3
        eventually("a while has passed", lambda: asked() or time.monotonic() > end, within=5, every=0.05)
        return not asked()

    return silent


def test_a_lease_from_before_the_rotation_is_good_after_it(
    rotated: tuple[EfdToken, Account], influxdb: InfluxDB, ada: str
) -> None:
    service, old = rotated
    lease = service.lease(ada)
    new = influxdb.new_reader(f"rotated-{secrets.token_hex(3)}")
    influxdb.do(f'DROP USER "{old.name}"')
    service.documents.change(usdf_efd=efd_document(new))
    # No pause between: when InfluxDB refuses the old password, the file is looked at before the caller is told so.
    assert service.rows(_COUNT, lease)[0][1] == ROWS


def test_a_password_that_influxdb_does_not_take_is_told_honestly_and_recovers(
    rotated: tuple[EfdToken, Account], influxdb: InfluxDB, ada: str
) -> None:
    service, account = rotated
    lease = service.lease(ada)
    wrong = Account(account.name, influxdb.invent())
    service.documents.change(usdf_efd=efd_document(wrong))

    def refused() -> httpx.Response | None:
        answer = service.query(_COUNT, auth=lease.auth)
        return answer if answer.status_code != 200 else None

    answer = eventually("the wrong password is used", refused, within=_NOTICED)
    assert answer.status_code == 502
    assert problem(answer) == "upstream_credential_rejected"
    assert account.name not in answer.text
    service.documents.change(usdf_efd=efd_document(account))
    eventually("it is good again", lambda: service.query(_COUNT, auth=lease.auth).status_code == 200, within=_NOTICED)


def test_an_influxdb_that_is_away_is_told_honestly(starts: Starts, influxdb: InfluxDB, ada: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    key = {"name": "usdf_efd", "url": f"http://127.0.0.1:{port}/"}
    service = starts("away", {"usdf_efd": efd_document(influxdb.reader)}, [key])
    answer = service.query(_COUNT, auth=service.lease(ada).auth)
    assert answer.status_code == 502
    assert problem(answer) == "upstream_unreachable"
    assert str(port) not in answer.text
    assert service.get("/efd/usdf_efd/health").status_code == 200, "it says nothing of what is behind"


def test_a_renewed_certificate_is_shown_without_a_restart(
    rotated: tuple[EfdToken, Account], site: Site, ada: str
) -> None:
    service, _ = rotated
    before = _serial_number(service, site)
    with service.client() as client:
        headers = {"Authorization": f"Bearer {ada}"}
        assert client.get(f"{PREFIX}/list", headers=headers).status_code == 200
        service.renew_certificate()
        eventually("the new one is shown", lambda: _serial_number(service, site) != before, within=_NOTICED)
        assert client.get(f"{PREFIX}/list", headers=headers).status_code == 200, "an open connection goes on"


def _serial_number(service: EfdToken, site: Site) -> str:
    with (
        socket.create_connection(("127.0.0.1", service.port), timeout=5) as plain,
        site.authority.trusting().wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        certificate = connection.getpeercert()
    assert certificate is not None
    return str(certificate["serialNumber"])


def test_plain_http_is_not_served(efd: EfdToken) -> None:
    answer = httpx.get(f"http://127.0.0.1:{efd.port}{PREFIX}/", timeout=5, trust_env=False)
    assert answer.status_code == 400
    assert "https" in answer.text


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_that_are_good_are_served(efd: EfdToken, site: Site, version: ssl.TLSVersion) -> None:
    context = site.authority.trusting()
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", efd.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        assert connection.version() == version.name.replace("v1_", "v1.")
