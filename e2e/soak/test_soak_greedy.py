"""One greedy user beside nine polite ones: the greedy one is told so, and the polite ones do not notice."""

import asyncio
import time
from dataclasses import dataclass, field

from lib.bench import Bench
from lib.leaks import Ledger
from lib.soak.bodies import Wanted
from lib.soak.client import Answer
from lib.soak.config import Shape
from lib.soak.figures import Figures, percentile
from lib.soak.load import Outcomes, Plan, User
from lib.soak.peers import Replica, World
from lib.soak.run import Scale
from lib.soak.tokens import user_name

_POLITE = 9
_GREEDY = 100
"""Connections of the greedy one, each asking again as soon as it was answered."""
_PER_USER, _IN_ALL = 16, 32
"""Without a bound for each user, the greedy one would hold all of these at all times."""
_UPSTREAM = 0.1
"""Seconds that an answer takes."""


@dataclass
class Greed:
    """What the greedy one got."""

    answered: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0
    """From the first request to the last answer."""


def test_a_greedy_user_is_refused_and_nine_polite_ones_are_not_slowed(
    bench: Bench, ledger: Ledger, figures: Figures, scale: Scale
) -> None:
    world = World(bench, ledger, "greedy")
    replica = world.proxy(Shape(max_in_flight=_IN_ALL, max_in_flight_per_user=_PER_USER))
    seconds = scale.of(30, 3)
    with figures.scenario("greedy") as report:
        alone = asyncio.run(_polite(world, replica, seconds))
        beside, greed = asyncio.run(_both(world, replica, seconds))
        report.none("refused or wrong answers to polite users, alone", alone.complaints)
        report.none("refused or wrong answers to polite users, beside the greedy one", beside.complaints)
        before, with_greed = (percentile(outcomes.seconds, 0.99) * 1000 for outcomes in (alone, beside))
        report.note("p99 of polite users, alone", before, "ms")
        # Waiting behind the greedy one would cost a turn of the upstream at least.
        report.at_most("p99 of polite users, beside the greedy one", with_greed, before + _UPSTREAM * 1000, "ms")
        report.at_least("answers to polite users, beside the greedy one", beside.answers, alone.answers * 0.9)
        report.at_least("429 to the greedy one", greed.refused, 1)
        report.none("other refusals to the greedy one", greed.wrong)
        report.at_most("answers to the greedy one", greed.answered, _PER_USER * greed.seconds / _UPSTREAM)


async def _polite(world: World, replica: Replica, seconds: float) -> Outcomes:
    """Each asks about five times a second, one request at a time."""
    outcomes, until = Outcomes(), time.monotonic() + seconds

    async def one(number: int) -> None:
        name = user_name(number)
        user, serial = User(name, replica.port, world.token(name)), 0
        while time.monotonic() < until:
            serial += 1
            plan, began = Plan(Wanted(name, serial, delay=_UPSTREAM)), time.monotonic()
            answer = await user.ask(plan)
            outcomes.seconds.append(time.monotonic() - began)
            outcomes.judge(plan, replica.port, answer)
            await asyncio.sleep(0.1)
        user.close()

    await asyncio.gather(*(one(number) for number in range(_POLITE)))
    return outcomes


async def _both(world: World, replica: Replica, seconds: float) -> tuple[Outcomes, Greed]:
    greed, began = Greed(), time.monotonic()
    until = began + seconds
    name = user_name(999)
    token = world.token(name)

    async def one(number: int) -> None:
        user = User(name, replica.port, token)
        while time.monotonic() < until:
            plan = Plan(Wanted(name, number, delay=_UPSTREAM))
            _note(greed, await user.ask(plan), plan.expected(replica.port))
            await asyncio.sleep(0.05)  # so that this process is not what slows everybody
        user.close()

    greedy = asyncio.gather(*(one(number) for number in range(_GREEDY)))
    outcomes = await _polite(world, replica, seconds)
    await greedy
    greed.seconds = time.monotonic() - began
    return outcomes, greed


def _note(greed: Greed, answer: object, expected: bytes) -> None:
    if isinstance(answer, Answer) and answer.status == 429 and "retry-after" in answer.headers:
        greed.refused += 1
    elif isinstance(answer, Answer) and answer.status == 200 and answer.body == expected:
        greed.answered += 1
    else:
        greed.wrong.append(repr(answer)[:200])
