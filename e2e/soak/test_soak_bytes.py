"""Mixed load of many users, and faults: no wrong byte, no cut body that looks whole, no memory that grows."""

import asyncio
import time

from lib.poll import eventually
from lib.soak.bodies import Wanted
from lib.soak.client import Connection
from lib.soak.config import ALL_REUSE, SHARED
from lib.soak.figures import KIB, MIB, Figures, Scenario, percentile
from lib.soak.load import Mix, Outcomes, Plan, User, keep_asking
from lib.soak.peers import Replica, World
from lib.soak.samples import Samples, lag, sampled
from lib.soak.tokens import user_name
from lib.soak.run import Scale, Steady

_USERS = 100
_PER_SECOND = 100


def test_no_user_gets_a_wrong_byte_and_no_cut_body_looks_whole(steady: Steady, figures: Figures, scale: Scale) -> None:
    world, replica = steady.world, steady.replica
    with figures.scenario("bytes") as report:
        outcomes, samples, late = asyncio.run(_load(world, replica, scale.seconds))
        replica.settle(world.jira.port)
        report.at_least("answers that were checked", outcomes.answers, scale.seconds * _PER_SECOND * 0.6)
        for what, count in sorted(outcomes.counts.items()):
            report.note(f".. {what}", count)
        report.none("wrong bytes, cut bodies taken for whole, wrong statuses", outcomes.complaints)
        report.none("what the upstream should not have seen", world.jira.report()["violations"])
        report.note("p99 as the caller sees it", percentile(outcomes.seconds, 0.99) * 1000, "ms")
        report.note("latest that the generator itself was", max(late) * 1000, "ms")
        _memory(report, samples, scale)
        report.exactly("connections in CLOSE-WAIT", replica.sockets()["CLOSE_WAIT"], 0)
        report.exactly("panics", replica.metric("nbgate_panics_total"), 0)
        report.exactly("lines that the log lost", replica.metric("nbgate_audit_lost_total"), 0)


async def _load(world: World, replica: Replica, seconds: int) -> tuple[Outcomes, Samples, list[float]]:
    outcomes, port, until = Outcomes(), replica.port, time.monotonic() + seconds
    names = [user_name(number) for number in range(_USERS)]
    users = [User(name, port, world.token(name)) for name in names]
    async with sampled(replica) as samples, lag() as late, asyncio.TaskGroup() as group:
        for seed, user in enumerate(users):
            mix = Mix(seed, list(ALL_REUSE), faults=True)
            group.create_task(keep_asking(user, mix, port, _USERS / _PER_SECOND, until, outcomes))
    return outcomes, samples, late


def _memory(report: Scenario, samples: Samples, scale: Scale) -> None:
    report.note("resident memory at first", samples.rss[0] / MIB, "MiB")
    # 64 MiB and 192 KiB for each stream in progress; there are never more streams than users.
    report.at_most("resident memory at most", samples.peak / MIB, 64 + _USERS * 192 * KIB / MIB, "MiB")
    growth = "growth of its median from the second to the last third of the time"
    if scale.full:
        report.at_most(growth, samples.growth() / MIB, 1, "MiB")
    else:
        report.note(growth, samples.growth() / MIB, "MiB")  # everything is still being used for the first time


def test_a_caller_who_goes_away_frees_the_upstream_within_a_second(steady: Steady, figures: Figures) -> None:
    world, replica = steady.world, steady.replica
    with figures.scenario("gone") as report:
        asyncio.run(_ask_and_leave(world, replica))
        began = time.monotonic()
        eventually("the upstream is free", lambda: world.jira.report()["busy"] == 0, within=10, every=0.05)
        report.at_most("until the upstream knows that 100 callers have gone", time.monotonic() - began, 1, "s")
        report.exactly("connections in CLOSE-WAIT", replica.sockets()["CLOSE_WAIT"], 0)


async def _ask_and_leave(world: World, replica: Replica) -> None:
    """Half of them wait for a head, half are in the middle of a body."""
    connections = []
    for number in range(100):
        name = user_name(number)
        wanted = Wanted(name, number, 50_000_000, "stream", delay=60.0 * (number % 2))
        connection = await Connection.open(replica.port, receive_buffer=4096)
        await connection.send("GET", Plan(wanted, SHARED).target(), world.token(name))
        connections.append(connection)
    reached = lambda: world.jira.report()["busy"] == 100  # noqa: E731 - read where it is used
    await asyncio.to_thread(eventually, "all have reached the upstream", reached, within=20)
    for connection in connections:
        connection.close()
