"""Nine tenths of all connections are slow or idle: the others are served, and memory stays within its bounds."""

import asyncio
import time
from dataclasses import dataclass

from lib.bench import Bench
from lib.leaks import Ledger
from lib.poll import eventually
from lib.soak.config import SHARED, Shape
from lib.soak.crowd import Idle, SlowHeads, SlowReaders, hang_up
from lib.soak.figures import KIB, MIB, Figures, Scenario, percentile
from lib.soak.load import Mix, Outcomes, User, keep_asking
from lib.soak.peers import Replica, World
from lib.soak.run import Scale
from lib.soak.samples import Samples, lag, sampled
from lib.soak.tokens import user_name

_USERS = 500
_PER_IDLE, _PER_STREAM, _BASE = 16 * KIB, 192 * KIB, 64 * MIB
"""What a connection, and an answer in progress, may take of memory; and the service itself."""
_HEAD_TIMEOUT = 10
_MOST = 0.95
_THINK = 5
"""Seconds between two requests of an active caller."""


@dataclass(frozen=True)
class Numbers:
    """How many of each."""

    idle: int
    slow_heads: int
    slow_readers: int
    active: int
    seconds: float

    @property
    def slow_and_idle(self) -> int:
        """Nine tenths of all."""
        return self.idle + self.slow_heads + self.slow_readers


def test_the_active_are_served_beside_nine_times_as_many_slow_and_idle_ones(
    bench: Bench, ledger: Ledger, figures: Figures, scale: Scale
) -> None:
    numbers = Numbers(5_000, 2_000, 2_000, 1_000, 62) if scale.full else Numbers(1_000, 400, 400, 200, 10)
    world = World(bench, ledger, "crowd")
    # Slow readers have a request in progress each: room for them and for the active ones.
    replica = world.proxy(Shape(max_in_flight=4_096, keep_alive_seconds=300))
    with figures.scenario("crowd") as report:
        descriptors = replica.descriptors()
        asyncio.run(_crowd(world, replica, numbers, report))
        replica.settle(world.jira.port)
        idle = replica.sockets(world.jira.port)["ESTABLISHED"]
        left = replica.descriptors() - descriptors - idle
        report.at_most("descriptors left, but for idle connections to the upstream", left, 2)
        report.exactly("connections in CLOSE-WAIT", replica.sockets()["CLOSE_WAIT"], 0)
        report.note("resident memory after all have gone", replica.rss() / MIB, "MiB")


async def _crowd(world: World, replica: Replica, numbers: Numbers, report: Scenario) -> None:
    port = replica.port
    tokens = [world.token(user_name(number)) for number in range(_USERS)]
    idle = Idle(port, f"{SHARED}/-/me", tokens)
    heads, readers = SlowHeads(port), SlowReaders(port, tokens)
    await _active(world, port, Numbers(0, 0, 0, 100, 2))  # so that what is used for the first time is not counted
    start = replica.rss()
    await idle.come(numbers.idle)
    idlers = await _settled(replica)
    report.at_most("memory for an idle connection", (idlers - start) / numbers.idle / KIB, _PER_IDLE / KIB, "KiB")
    await heads.come(numbers.slow_heads)
    turning = asyncio.create_task(_turns(heads, readers))
    await readers.come(numbers.slow_readers)
    rest = await _settled(replica) - idlers - numbers.slow_heads * _PER_IDLE
    report.note("memory for a slow reader's answer", rest / numbers.slow_readers / KIB, "KiB")
    async with sampled(replica) as samples, lag() as late:
        outcomes = await _active(world, port, numbers)
        connected = await asyncio.to_thread(_all_but_the_active, world, replica, numbers)
    assert not turning.done(), turning.exception()
    turning.cancel()
    _judge(report, numbers, outcomes, samples)
    report.at_least("slow and idle callers who are connected at the end", connected, _MOST * numbers.slow_and_idle)
    report.note("latest that the generator itself was", max(late) * 1000, "ms")
    report.at_most("the longest that a slow head was waited for", max(heads.lifetimes), _HEAD_TIMEOUT + 3, "s")
    report.exactly("idle callers that were hung up on", idle.ended(), 0)
    report.none("wrong bytes to slow readers", readers.wrong())
    ended = replica.metric("nbgate_connections_closed_total", reason="write")
    report.exactly("slow readers that were hung up on", ended, 0)
    hang_up(idle, heads, readers)


def _all_but_the_active(world: World, replica: Replica, numbers: Numbers) -> int:
    """How many are connected; those whose slow head was too slow come again within seconds."""

    def connected() -> int:
        found = replica.sockets()["ESTABLISHED"] - replica.sockets(world.jira.port)["ESTABLISHED"]
        return found if found >= _MOST * numbers.slow_and_idle else 0

    return eventually("the slow and idle are connected", connected, within=10, every=1)


async def _settled(replica: Replica) -> int:
    """Resident memory once the buffers on the way are full."""
    deadline, last = time.monotonic() + 10, 0
    while time.monotonic() < deadline and replica.rss() > last + MIB // 4:
        last = replica.rss()
        await asyncio.sleep(0.7)
    return replica.rss()


async def _turns(heads: SlowHeads, readers: SlowReaders) -> None:
    while True:
        began = time.monotonic()
        await heads.turn()
        await readers.turn()
        await asyncio.sleep(max(0.1, 2 - (time.monotonic() - began)))


async def _active(world: World, port: int, numbers: Numbers) -> Outcomes:
    """One request every few seconds from each."""
    outcomes, until = Outcomes(), time.monotonic() + numbers.seconds
    names = [user_name(number % _USERS) for number in range(numbers.active)]
    users = [User(name, port, world.token(name, number)) for number, name in enumerate(names)]
    async with asyncio.TaskGroup() as group:
        for seed, user in enumerate(users):
            group.create_task(keep_asking(user, Mix(seed), port, _THINK, until, outcomes))
    return outcomes


def _judge(report: Scenario, numbers: Numbers, outcomes: Outcomes, samples: Samples) -> None:
    report.at_least("answers to the active ones", outcomes.answers, numbers.active * numbers.seconds / _THINK * 0.5)
    report.none("wrong bytes and wrong statuses to them", outcomes.complaints)
    report.at_most("p99 of theirs", percentile(outcomes.seconds, 0.99), 1, "s")
    others = numbers.idle + numbers.slow_heads + numbers.active
    bound = _BASE + numbers.slow_readers * _PER_STREAM + others * _PER_IDLE
    report.at_most("resident memory at most", samples.peak / MIB, bound / MIB, "MiB")
