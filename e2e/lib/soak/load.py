"""Mixed load of many users, each answer checked byte for byte."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from lib.soak.bodies import Wanted
from lib.soak.client import Answer, Connection, Cut
from lib.soak.config import NEVER, OWN, SHARED

_PATH = "/rest/api/2/issue/SOAK-1"
_SEARCH = "/rest/api/2/search"


@dataclass(frozen=True)
class Plan:
    """One request, and what may become of it."""

    wanted: Wanted
    prefix: str = SHARED
    method: str = "GET"
    leaves: bool = False
    """The caller goes away in the middle."""

    def target(self) -> str:
        """As it is asked for."""
        path = _SEARCH if self.wanted.kind == "echo" else _PATH
        return f"{self.prefix}{path}?{self.wanted.query()}"

    def expected(self, port: int) -> bytes:
        """The body that is right."""
        if self.method == "HEAD":
            return b""
        if self.wanted.kind == "echo":
            return self.wanted.posted()
        return self.wanted.body(f"http://127.0.0.1:{port}{self.prefix}")


@dataclass
class Outcomes:
    """What became of a load."""

    counts: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def answers(self) -> int:
        """How many requests came to an end that was looked at."""
        return sum(self.counts.values())

    def judge(self, plan: Plan, port: int, answer: Answer | Cut) -> None:
        """Count what is right; complain of all else."""
        verdict = _verdict(plan, port, answer)
        self.counts[verdict.partition(":")[0]] += 1
        if verdict not in _RIGHT:
            self.complaints.append(f"{verdict} ({plan})")


_RIGHT = ("whole", "cut was seen", "502 for a reset", "own surplus")


def _verdict(plan: Plan, port: int, answer: Answer | Cut) -> str:
    fault = plan.wanted.fault
    if isinstance(answer, Cut):
        return "cut was seen" if fault == "cut" else f"cut without a cause: {answer}"
    if plan.prefix == OWN and _is_surplus_of(plan.wanted, answer.body):
        return "own surplus"
    if answer.status == 502 and fault == "reset":
        return "502 for a reset"
    if answer.status != 200:
        return f"wrong status: {answer.status} {answer.body[:200]!r}"
    if fault in ("cut", "reset"):
        return f"taken for whole: {answer.body[:80]!r}"
    if answer.body != plan.expected(port):
        return f"wrong bytes: {answer.body[:80]!r}"
    return "whole"


def _is_surplus_of(wanted: Wanted, body: bytes) -> bool:
    """An answer too many to a request of the *same* user's, all of it: it can be told from nothing (decision 1)."""
    first = body.partition(b" ")[0].decode("latin-1")
    user, _, number = first.partition("#")
    if user != wanted.user or not number.isdigit() or int(number) == wanted.number:
        return False
    return body == Wanted(user, int(number), len(body)).body("")


class Mix:
    """Chooses requests; the same seed, the same requests."""

    _FAULTS = ("none", "hints", "cut", "reset", "extra", "stale", "late")
    _WEIGHTS = (70, 5, 7, 3, 4, 6, 5)
    _SIZES = (300, 2_000, 2_000, 20_000, 100_000)

    def __init__(self, seed: int, prefixes: Sequence[str] = (SHARED,), faults: bool = False) -> None:
        self._random = random.Random(seed)
        self._prefixes = prefixes
        self._faults = faults
        self._number = 0

    def plan(self, user: str) -> Plan:
        """The next request of a user's."""
        self._number += 1
        choose = self._random
        fault = choose.choices(self._FAULTS, self._WEIGHTS)[0] if self._faults else "none"
        kind = choose.choice(("text", "text", "json", "json", "gzip"))
        prefix = choose.choice(self._prefixes)
        if fault == "late":
            # A shared connection would hand the answer too many to somebody else: what `reuse` is for.
            kind, prefix = "text", choose.choice([one for one in self._prefixes if one != SHARED])
        framing = "length" if fault in ("extra", "late") else choose.choice(("length", "chunked", "close"))
        # A second answer together with the first is one that fits into the same packet.
        size = 2_000 if fault == "extra" else choose.choice(self._SIZES)
        wanted = Wanted(user, self._number, size, kind, framing, fault)
        if fault != "none":
            return Plan(wanted, prefix)
        return self._whole(wanted, prefix)

    def _whole(self, wanted: Wanted, prefix: str) -> Plan:
        """Most ask and read; some ask by HEAD or POST, some leave early."""
        chance = self._random.random()
        if chance < 0.05:
            return Plan(wanted, prefix, method="HEAD")
        if chance < 0.15:
            # Not where a connection may end unannounced: a POST is not sent twice.
            posted = Wanted(wanted.user, wanted.number, wanted.size, "echo", wanted.framing)
            return Plan(posted, NEVER if NEVER in self._prefixes else prefix, method="POST")
        if chance < 0.19:
            large = Wanted(wanted.user, wanted.number, 2_000_000, "stream", wanted.framing)
            return Plan(large, prefix, leaves=True)
        return Plan(wanted, prefix)


class User:
    """One caller with one connection, opened anew whenever it ended."""

    def __init__(self, name: str, port: int, token: str) -> None:
        self.name = name
        self._port = port
        self._token = token
        self._connection: Connection | None = None

    async def ask(self, plan: Plan) -> Answer | Cut:
        """One request on the connection that there is."""
        try:
            if self._connection is None:
                self._connection = await Connection.open(self._port)
            body = plan.wanted.posted() if plan.method == "POST" else None
            if plan.leaves:
                return await self._leave(plan)
            answer = await self._connection.ask(plan.method, plan.target(), self._token, body)
        except Cut as cut:
            self.close()
            return cut
        if not answer.goes_on:
            self.close()
        return answer

    async def _leave(self, plan: Plan) -> Answer:
        """Go away after the first piece, which must be right."""
        assert self._connection is not None
        await self._connection.send(plan.method, plan.target(), self._token)
        status, headers, head = await self._connection.answer_head()
        piece = await anext(self._connection.pieces(plan.method, status, headers))
        self.close()
        right = plan.expected(self._port)
        return Answer(status, headers, right if right.startswith(piece) else piece, head)

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


async def keep_asking(user: User, mix: Mix, port: int, every: float, until: float, outcomes: Outcomes) -> None:
    """Ask about once in `every` seconds until the time `until`."""
    await asyncio.sleep(random.uniform(0, min(every, until - time.monotonic())))
    while time.monotonic() < until:
        plan = mix.plan(user.name)
        began = time.monotonic()
        answer = await user.ask(plan)
        outcomes.seconds.append(time.monotonic() - began)
        outcomes.judge(plan, port, answer)
        await asyncio.sleep(min(random.uniform(0, 2 * every), max(0.0, until - time.monotonic())))
    user.close()
