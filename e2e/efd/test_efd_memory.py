"""Fifty thousand hand-outs leave the memory as it was."""

import http.client
import threading

import psutil
import pytest

from lib.efd.documents import efd_document
from lib.efd.influxdb import InfluxDB
from lib.efd.service import DISCOVERY, PREFIX, EfdToken
from lib.efd.site import Site, Starts

_HAND_OUTS = 50_000
_WARM = 5_000
_CALLERS = 4
_PAGES = [f"{PREFIX}/creds/usdf_efd", f"{DISCOVERY}/influxdb/usdf_efd"]
_MIB = 1024 * 1024
_GROWTH = 3 * _MIB


class HandOuts:
    """Callers who ask for leases as fast as they get them, on connections that they keep."""

    def __init__(self, service: EfdToken, site: Site, token: str) -> None:
        self._service = service
        self._context = site.authority.trusting()
        self._headers = {"Authorization": f"Bearer {token}"}
        self.wrong: list[str] = []

    def take(self, count: int) -> None:
        """So many, from all callers together."""
        threads = [threading.Thread(target=self._take, args=(count // _CALLERS,)) for _ in range(_CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _take(self, count: int) -> None:
        connection = http.client.HTTPSConnection("127.0.0.1", self._service.port, timeout=30, context=self._context)
        for number in range(count):
            connection.request("GET", _PAGES[number % len(_PAGES)], headers=self._headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                self.wrong.append(f"{answer.status}: {body[:100]!r}")
        connection.close()


@pytest.mark.parametrize("mode", ["lease", "shared"])
def test_fifty_thousand_hand_outs_leave_the_memory_flat(
    starts: Starts, site: Site, influxdb: InfluxDB, ada: str, mode: str
) -> None:
    key = {"name": "usdf_efd", "mode": mode} | ({"url": influxdb.url} if mode == "lease" else {})
    service = starts("memory", {"usdf_efd": efd_document(influxdb.reader)}, [key])
    process = psutil.Process(service.peer.process.pid)
    hand_outs = HandOuts(service, site, ada)
    hand_outs.take(_WARM)
    before = process.memory_info().rss
    hand_outs.take(_HAND_OUTS)
    after = process.memory_info().rss
    print(f"{before / _MIB:.1f} MiB before, {after / _MIB:.1f} MiB after")
    assert hand_outs.wrong == []
    assert after - before <= _GROWTH, f"{before / _MIB:.1f} MiB before, {after / _MIB:.1f} MiB after"
