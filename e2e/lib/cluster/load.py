"""Callers that go on while something is changed: real requests to all three services, and tunnels that are opened again."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import httpx

from lib.cluster.upstreams import Upstreams
from lib.instance.content import content
from lib.instance.frames import CLOSE, Ended, Refused, upgrade
from lib.jira.upstream import PROJECT

_PAUSE = 0.05
_SOCKETS = 6
Turn = Callable[[httpx.Client, int], str]
"""One request; what is wrong with its answer, or nothing."""


@dataclass(frozen=True)
class Callers:
    """Who asks, where, and with what."""

    port: int
    upstreams: Upstreams
    platform_token: str
    visa_token: str
    lease: tuple[str, str]

    def jira(self, client: httpx.Client, turn: int) -> str:
        """An issue."""
        key = f"{PROJECT}-{1 + turn % 5}"
        answer = client.get(f"/jira-data-proxy/rest/api/2/issue/{key}", headers=_bearer(self.platform_token))
        return _unless(answer, answer.status_code == 200 and answer.json()["key"] == key)

    def efd(self, client: httpx.Client, turn: int) -> str:
        """Rows, with a lease that any replica must know."""
        form = {"db": "efd", "q": f'SELECT "salIndex" FROM "lsst.sal.MTMount.azimuth" LIMIT {1 + turn % 20}'}
        answer = client.post("/segwarides/efd/usdf_efd/query", data=form, auth=self.lease)
        good = answer.status_code == 200 and len(answer.json()["results"][0]["series"][0]["values"]) == 1 + turn % 20
        return _unless(answer, good)

    def instance(self, client: httpx.Client, turn: int) -> str:
        """A small answer, a large one, and an upload, in turns."""
        base, headers = f"/visafs/{self.upstreams.instance.id}", _bearer(self.visa_token)
        match turn % 3:
            case 0:
                answer = client.get(f"{base}/a?{turn}", headers=headers)
                good = answer.status_code == 200 and answer.json()["target"] == f"/a?{turn}"
            case 1:
                answer = client.put(f"{base}/upload", headers=headers, content=content("load", 100_000))
                good = answer.status_code == 200 and answer.json()["length"] == 100_000
            case _:
                answer = client.get(f"{base}/download?seed=load&size=200000", headers=headers)
                good = answer.status_code == 200 and len(answer.content) == 200_000
        return _unless(answer, good)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _unless(answer: httpx.Response, good: bool) -> str:
    return "" if good else f"{answer.request.url.path}: {answer.status_code} {answer.text[:300]}"


@dataclass
class Load:
    """From entering to leaving; leaving says what went wrong, which is nothing."""

    callers: Callers
    answers: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    """How tunnels ended, while the load went on."""
    messages: int = 0
    _done: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        turns: list[Turn] = [self.callers.jira, self.callers.efd, self.callers.instance]
        jobs = [(self._ask, turn) for turn in turns] * 2 + [(self._talk, number) for number in range(_SOCKETS)]
        self._threads = [threading.Thread(target=job, args=(what,), daemon=True) for job, what in jobs]
        for thread in self._threads:
            thread.start()
        time.sleep(1)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            time.sleep(1)
        self._done.set()
        for thread in self._threads:
            thread.join(30)
        if kind is None:
            self._judge()

    def _judge(self) -> None:
        assert self.complaints == [], f"{len(self.complaints)} of {self.answers} failed: {self.complaints[:5]}"
        assert min(self.answers.values()) > 20, f"it was hardly a load: {self.answers}"
        assert self.messages > 0
        assert set(self.ends) <= {"1001"}, self.ends

    def _ask(self, turn: Turn) -> None:
        number = 0
        while not self._done.is_set():
            number += 1
            try:
                # A connection for each, so that what serves is chosen anew each time.
                with httpx.Client(base_url=f"http://127.0.0.1:{self.callers.port}", timeout=20, trust_env=False) as client:
                    complaint = turn(client, number)
            except httpx.HTTPError as error:
                complaint = f"{turn.__name__}: {error!r}"  # type: ignore[attr-defined]
            with self._lock:
                name = turn.__name__  # type: ignore[attr-defined]
                self.answers[name] = self.answers.get(name, 0) + 1
                if complaint:
                    self.complaints.append(complaint)
            time.sleep(_PAUSE)

    def _talk(self, number: int) -> None:
        path = f"/visafs/{self.callers.upstreams.instance.id}/socket"
        while not self._done.is_set():
            try:
                with upgrade(self.callers.port, path, [("Authorization", f"Bearer {self.callers.visa_token}")]) as socket:
                    while not self._done.is_set():
                        socket.text(f"{number}")
                        one = socket.frame()
                        if one.opcode == CLOSE:
                            self.ends.append(str(one.code))
                            break
                        self.messages += 1
                        time.sleep(_PAUSE)
            except (Ended, Refused, OSError) as end:
                self.ends.append(repr(end))
                time.sleep(0.2)
