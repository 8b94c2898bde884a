"""Jira and the platform killed, frozen and started again under load: the right status each time, and back at once."""

import asyncio
import dataclasses
import time
from dataclasses import dataclass, field

from lib.bench import Bench
from lib.leaks import Ledger
from lib.soak.client import Answer, Cut
from lib.soak.config import Shape
from lib.soak.figures import Figures, Scenario
from lib.soak.load import Mix, Plan, User
from lib.soak.peers import Replica, StandInProcess, World
from lib.soak.run import Scale
from lib.soak.tokens import opaque, user_name

_USERS = 20
_EVERY = 0.5
_RESPONSE_TIMEOUT = 2
_PLATFORM_TIMEOUT = 5
"""Seconds within which a platform has to answer."""
_RECOVERY = 1.0
"""Seconds after which everything must be as before."""
_GOOD, _UNREACHABLE, _LATE, _UNKNOWN = (
    {name} for name in ("200", "upstream_unreachable", "upstream_timeout", "identity_unavailable")
)


@dataclass(frozen=True)
class Seen:
    """One answer."""

    began: float
    ended: float
    fresh: bool
    """Asked with a token that the platform has to be asked about."""
    posted: bool
    result: str
    """`200`, or the name of the problem, or what is wrong."""
    retry_after: str | None


@dataclass
class Phase:
    """What may be seen in a stretch of time."""

    name: str
    known: set[str]
    """With tokens that are known."""
    fresh: set[str]
    began: float = 0
    ended: float = 0


@dataclass
class Log:
    """All that was seen, and when what was broken."""

    seen: list[Seen] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)


def test_an_outage_is_told_as_what_it_is_and_leaves_nothing_behind(
    bench: Bench, ledger: Ledger, figures: Figures, scale: Scale
) -> None:
    world = World(bench, ledger, "outage")
    replica = world.proxy(Shape(response_timeout_seconds=_RESPONSE_TIMEOUT))
    with figures.scenario("outage") as report:
        log = asyncio.run(_outages(world, replica, scale.of(5, 1)))
        for phase in log.phases:
            _judge(report, phase, log)
        unavailable = [one for one in log.seen if one.result == "identity_unavailable"]
        blunt = [str(one) for one in unavailable if one.retry_after != "5"]
        report.none("identity_unavailable without Retry-After: 5", blunt)
        longest = max(one.ended - one.began for one in log.seen if not one.posted)
        # The platform's time and Jira's; a POST has the time for its body besides.
        report.at_most("longest that anybody waited", longest, _PLATFORM_TIMEOUT + _RESPONSE_TIMEOUT + 1, "s")
        replica.settle(world.jira.port)
        report.exactly("connections in CLOSE-WAIT", replica.sockets()["CLOSE_WAIT"], 0)


def _judge(report: Scenario, phase: Phase, log: Log) -> None:
    """What began and ended within the phase must be of its kind."""
    within = [one for one in log.seen if one.began >= phase.began and one.ended <= phase.ended]
    wrong = [str(one) for one in within if one.result not in (phase.fresh if one.fresh else phase.known)]
    report.at_least(f"{phase.name}: answers", len(within), 8)
    report.none(f"{phase.name}: unexpected answers", wrong)
    for result in sorted(phase.known | phase.fresh):
        # Each kind that is allowed is also seen: else the outage was none.
        report.at_least(f"{phase.name}: {result}", sum(1 for one in within if one.result == result), 1)


async def _outages(world: World, replica: Replica, seconds: float) -> Log:
    log, done = Log(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for number in range(_USERS):
            group.create_task(_caller(world, replica, number, done, log))
        await asyncio.sleep(_RECOVERY)
        await _phase(log, Phase("before", _GOOD, _GOOD), seconds)
        await _break(world.jira, "Jira", log, Phase("", _UNREACHABLE, _UNREACHABLE), seconds)
        await _freeze(world.jira, "Jira", log, Phase("", _LATE, _LATE), seconds, 2 * _RESPONSE_TIMEOUT)
        await _break(world.platform, "platform", log, Phase("", _GOOD, _UNKNOWN), seconds)
        await _freeze(world.platform, "platform", log, Phase("", _GOOD, _UNKNOWN), seconds, _PLATFORM_TIMEOUT + 1)
        done.set()
    return log


async def _phase(log: Log, phase: Phase, seconds: float) -> None:
    began = time.monotonic()
    await asyncio.sleep(seconds)
    log.phases.append(dataclasses.replace(phase, began=began, ended=time.monotonic()))


async def _break(peer: StandInProcess, name: str, log: Log, phase: Phase, seconds: float) -> None:
    """Kill it, and start it again: back at once, without a word that it is."""
    peer.kill()
    await _phase(log, dataclasses.replace(phase, name=f"{name} killed"), seconds)
    await asyncio.to_thread(peer.start)
    await _phase(log, Phase(f"{name} back", _GOOD, _GOOD), seconds)


async def _freeze(
    peer: StandInProcess, name: str, log: Log, phase: Phase, seconds: float, timeout: float
) -> None:
    """Let it answer no more for longer than it is waited for."""
    peer.freeze()
    await _phase(log, dataclasses.replace(phase, name=f"{name} frozen"), timeout + seconds)
    peer.thaw()
    await asyncio.sleep(_RECOVERY)
    await _phase(log, Phase(f"{name} thawed", _GOOD, _GOOD), seconds)


async def _caller(world: World, replica: Replica, number: int, done: asyncio.Event, log: Log) -> None:
    """Every fourth comes with a new token each time."""
    fresh = number % 4 == 0
    name, mix, serial = user_name(number), Mix(number), 0
    user = User(name, replica.port, world.token(name))
    await asyncio.sleep(_EVERY * number / _USERS)
    while not done.is_set():
        serial += 1
        if fresh:
            user.close()
            user = User(name, replica.port, opaque(name, serial))
        plan, began = mix.plan(name), time.monotonic()
        answer = await user.ask(plan)
        retry_after = answer.headers.get("retry-after") if isinstance(answer, Answer) else None
        result = _result(plan, replica, answer)
        log.seen.append(Seen(began, time.monotonic(), fresh, plan.method == "POST", result, retry_after))
        await asyncio.sleep(_EVERY)
    user.close()


def _result(plan: Plan, replica: Replica, answer: Answer | Cut) -> str:
    if isinstance(answer, Cut):
        return "cut"
    if answer.status == 200:
        return "200" if answer.body == plan.expected(replica.port) else f"wrong bytes: {answer.body[:80]!r}"
    return _problem(answer, plan)


_STATUS = {"upstream_unreachable": 502, "upstream_timeout": 504, "identity_unavailable": 503}


def _problem(answer: Answer, plan: Plan) -> str:
    """The problem's name, if its status fits; an answer to HEAD has no body, and only its status to be told by."""
    name = answer.body.partition(b"/-/problems/")[2].partition(b'"')[0].decode()
    if plan.method == "HEAD":
        name = next((name for name, status in _STATUS.items() if status == answer.status), "")
    return name if _STATUS.get(name) == answer.status else f"{answer.status} {answer.body[:80]!r}"
