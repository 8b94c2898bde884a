"""Two replicas behind nginx, restarted one after the other under load: no request fails, and each stop is bounded."""

import asyncio
import time
from dataclasses import dataclass, field

from lib.balancer import Balancer
from lib.bench import Bench
from lib.leaks import Ledger
from lib.poll import eventually
from lib.soak.bodies import Wanted
from lib.soak.client import Connection, Cut
from lib.soak.config import Shape
from lib.soak.figures import Figures, Scenario, percentile
from lib.soak.load import Mix, Outcomes, Plan, User
from lib.soak.peers import Replica, World
from lib.soak.run import Scale
from lib.soak.tokens import user_name

_CALLERS = 50
_PER_SECOND = 100
_DEADLINE = 25
_BEYOND = 2.0
"""Seconds by which some answers take longer than the grace: they are under way when nothing new is accepted."""


def test_no_request_fails_while_replicas_are_restarted(
    bench: Bench, ledger: Ledger, figures: Figures, scale: Scale
) -> None:
    world, grace, count = World(bench, ledger, "restart"), scale.of(5, 2), scale.of(20, 2)
    shape = Shape(drain_grace_seconds=grace, drain_deadline_seconds=_DEADLINE)
    replicas = [world.proxy(shape, name) for name in ("first", "second")]
    balancer = Balancer(bench, replicas)
    callers = Callers(world, balancer, slowly=grace + _BEYOND)
    with figures.scenario("restart") as report:
        stops = asyncio.run(_restarts(callers, replicas, count))
        balancer.close()
        outcomes = callers.outcomes
        report.exactly("restarts", len(stops), count)
        report.at_least("requests meanwhile", outcomes.answers, count * grace * _PER_SECOND * 0.5)
        report.none("failed requests", outcomes.complaints)
        report.note("p99 of all, the slow ones included", percentile(outcomes.seconds, 0.99), "s")
        report.at_most("longest from SIGTERM to the end", max(stops), grace + _DEADLINE + 1, "s")
        report.at_least("shortest from SIGTERM to the end", min(stops), grace, "s")
        report.at_least("changes of nginx's list", balancer.reloads, 2 * count)


async def _restarts(callers: "Callers", replicas: list[Replica], count: int) -> list[float]:
    """One after the other in turns, under load; how long each stop took."""
    async with asyncio.TaskGroup() as group:
        for number in range(_CALLERS):
            group.create_task(callers.keep_asking(number))
        stops = [
            await asyncio.to_thread(_restart, callers.balancer, replicas[turn % len(replicas)]) for turn in range(count)
        ]
        callers.done.set()
    return stops


@dataclass
class Callers:
    """Ask nginx until they are done."""

    world: World
    balancer: Balancer
    slowly: float
    """Seconds that a fifth of all answers take: half of them before the head, half in the middle of the body."""
    done: asyncio.Event = field(default_factory=asyncio.Event)
    outcomes: Outcomes = field(default_factory=Outcomes)

    async def keep_asking(self, number: int) -> None:
        """A connection of its own for each request: an nginx that reads its list anew hangs up on kept ones."""
        name, mix = user_name(number), Mix(number)
        user = User(name, self.balancer.port, self.world.token(name))
        slow = {0: "none", 5: "pause"}.get(number % 10)
        while not self.done.is_set():
            began = time.monotonic()
            plan = mix.plan(name)
            if slow:
                plan = Plan(Wanted(name, plan.wanted.number, 200_000, fault=slow, delay=self.slowly))
            self.outcomes.judge(plan, self.balancer.port, await user.ask(plan))
            user.close()
            self.outcomes.seconds.append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, _CALLERS / _PER_SECOND - (time.monotonic() - began)))


def _restart(balancer: Balancer, replica: Replica) -> float:
    """Stop one, start it again, wait until requests go there; how long the stop took."""
    assert replica.peer is not None
    began = time.monotonic()
    assert replica.peer.stop() == 0, "a drain ends with status 0"
    took = time.monotonic() - began
    replica.start()
    eventually("nginx knows that it is back", lambda: balancer.lists(replica), within=10)
    return took


def test_a_caller_who_does_not_read_cannot_hold_up_a_stop(bench: Bench, ledger: Ledger, figures: Figures) -> None:
    world = World(bench, ledger, "stop")
    grace, deadline = 1, 3
    replica = world.proxy(Shape(drain_grace_seconds=grace, drain_deadline_seconds=deadline))
    with figures.scenario("stop") as report:
        asyncio.run(_stopped_in_the_middle(world, replica, report, grace + deadline + 1))


async def _stopped_in_the_middle(world: World, replica: Replica, report: Scenario, limit: float) -> None:
    wanted = Wanted("user-000001", 1, 500_000_000, "stream")
    connection = await Connection.open(replica.port, receive_buffer=4096)
    await connection.send("GET", Plan(wanted).target(), world.token(wanted.user))
    status, headers, _ = await connection.answer_head()
    assert replica.peer is not None
    began = time.monotonic()
    code = await asyncio.to_thread(replica.peer.stop, limit + 20)
    report.at_most("from SIGTERM to the end, an answer being stuck", time.monotonic() - began, limit, "s")
    report.exactly("its exit status", code, 0)
    taken, cut = 0, False
    try:
        async for piece in connection.pieces("GET", status, headers):
            taken += len(piece)
    except Cut:
        cut = True
    report.exactly("the caller sees that the answer was cut", cut, True)
    report.at_most("bytes that the caller had got", taken, wanted.size - 1)
