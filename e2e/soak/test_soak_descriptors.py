"""More callers than the service may have descriptors: it waits without spinning, and is back when they have gone."""

import asyncio
import time

from lib.bench import Bench
from lib.leaks import Ledger
from lib.poll import eventually
from lib.soak.client import Connection
from lib.soak.config import SHARED, Shape
from lib.soak.crowd import SlowHeads, hang_up
from lib.soak.figures import Figures, Scenario
from lib.soak.load import Mix, User
from lib.soak.peers import Replica, World
from lib.soak.tokens import user_name

_DESCRIPTORS = 256
_CALLERS = 600
_WATCHED = 2
"""Seconds; less than a head may take."""


def test_without_descriptors_nothing_spins_and_all_is_well_afterwards(
    bench: Bench, ledger: Ledger, figures: Figures
) -> None:
    world = World(bench, ledger, "descriptors")
    replica = world.proxy(Shape(), descriptors=_DESCRIPTORS)
    with figures.scenario("descriptors") as report:
        before = replica.descriptors()
        asyncio.run(_too_many(world, replica, report))
        began = time.monotonic()
        eventually("it answers again", lambda: asyncio.run(_ask(world, replica)) == 200, within=10)
        report.at_most("until it answers again after they have gone", time.monotonic() - began, 2, "s")
        eventually("it is ready", replica.ready, within=5)
        replica.settle(world.jira.port)
        idle = replica.sockets(world.jira.port)["ESTABLISHED"]
        left = replica.descriptors() - before - idle
        report.at_most("descriptors left, but for idle connections to the upstream", left, 2)


async def _too_many(world: World, replica: Replica, report: Scenario) -> None:
    """All descriptors are taken by callers who say nothing more; one that came before them asks."""
    token = world.token(user_name(1))
    early = await Connection.open(replica.port)
    await early.ask("GET", f"{SHARED}/-/me", token)
    crowd = SlowHeads(replica.port)
    await crowd.come(_CALLERS)
    all_taken = lambda: replica.descriptors() >= _DESCRIPTORS  # noqa: E731 - read where it is used
    await asyncio.to_thread(eventually, "all descriptors are taken", all_taken, within=10)
    report.exactly("descriptors in use", replica.descriptors(), _DESCRIPTORS)
    spent = sum(replica.process.cpu_times()[:2])
    await asyncio.sleep(_WATCHED)
    share = (sum(replica.process.cpu_times()[:2]) - spent) / _WATCHED
    report.at_most("processor time while nobody can be accepted", share * 100, 20, "%")
    answer = await early.ask("GET", f"{SHARED}/-/me", token)
    report.exactly("status for a caller who was there before", answer.status, 200)
    early.close()
    hang_up(crowd)


async def _ask(world: World, replica: Replica) -> int:
    name = user_name(2)
    user = User(name, replica.port, world.token(name))
    answer = await user.ask(Mix(0).plan(name))
    user.close()
    return getattr(answer, "status", 0)
