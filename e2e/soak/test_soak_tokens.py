"""As many tokens as anybody likes: what is remembered of them is bounded, and one question is asked once."""

import asyncio
from collections.abc import Iterable

from lib.bench import Bench
from lib.leaks import Ledger
from lib.soak.client import Answer, Connection
from lib.soak.config import SHARED, Shape
from lib.soak.figures import MIB, Figures
from lib.soak.peers import Replica, World
from lib.soak.run import Scale
from lib.soak.tokens import opaque, user_name

_ENTRIES = 10_000
"""Good tokens that are remembered, and as many bad ones."""
_PENDING = 640
"""More for a moment: the cache evicts in batches."""
_ME = f"{SHARED}/-/me"
_CONNECTIONS = 32
_AT_ONCE = 1_000


def test_any_number_of_tokens_fits_into_the_same_memory(
    bench: Bench, ledger: Ledger, figures: Figures, scale: Scale
) -> None:
    world = World(bench, ledger, "tokens")
    replica = world.proxy(Shape())
    count = scale.of(100_000, 15_000)
    with figures.scenario("tokens") as report:
        fill, rest = _tokens(world, 0, 12_000), _tokens(world, 12_000, count)
        before = replica.rss()
        wrong = asyncio.run(_all(replica, fill, 200))
        filled = replica.rss()
        wrong += asyncio.run(_all(replica, rest, 200))
        report.none(f"wrong answers to {count} good tokens", wrong)
        report.at_most("entries of the cache", _entries(replica), _ENTRIES + _PENDING)
        report.note("memory for a full cache", (filled - before) / MIB, "MiB")
        report.at_most("growth of memory from then on", (replica.rss() - filled) / MIB, 2, "MiB")
        forged = scale.of(12_000, 3_000)
        bad = ((user, f"{token[:-8]}AAAAAAAA") for user, token in _tokens(world, count, count + forged))
        report.none(f"wrong answers to {forged} forged tokens", asyncio.run(_all(replica, bad, 401)))
        report.at_most("entries of the cache, bad ones included", _entries(replica), 2 * (_ENTRIES + _PENDING))
        report.at_most("memory for all of it", (replica.rss() - before) / MIB, 24, "MiB")


def _entries(replica: Replica) -> float:
    return replica.metric("nbgate_identity_cache_entries", kind="oidc")


def _tokens(world: World, first: int, last: int) -> Iterable[tuple[str, str]]:
    """Made while they are used."""
    return ((user_name(number), world.token(user_name(number), number)) for number in range(first, last))


async def _all(replica: Replica, tokens: Iterable[tuple[str, str]], status: int) -> list[str]:
    """Use each once; what was answered wrongly."""
    wrong: list[str] = []
    left = iter(tokens)

    async def caller() -> None:
        connection = await Connection.open(replica.port)
        for user, token in left:
            answer = await connection.ask("GET", _ME, token)
            if answer.status != status or (status == 200 and not _names(answer, user)):
                wrong.append(f"{user}: {answer.status} {answer.body[:100]!r}")
        connection.close()

    await asyncio.gather(*(caller() for _ in range(_CONNECTIONS)))
    return wrong


def _names(answer: Answer, user: str) -> bool:
    return f'"user":"{user}"'.encode() in answer.body


def test_a_thousand_first_requests_with_one_token_ask_the_platform_once(
    bench: Bench, ledger: Ledger, figures: Figures
) -> None:
    world = World(bench, ledger, "lookups", lookup_seconds=0.5)
    replica = world.proxy(Shape())
    with figures.scenario("lookups") as report:
        answers = asyncio.run(_at_once(replica, opaque("user-000007", 1)))
        wrong = [str(one) for one in answers if one.status != 200 or not _names(one, "user-000007")]
        report.none("wrong answers", wrong)
        report.exactly("answers", len(answers), _AT_ONCE)
        report.exactly("questions to the platform", world.platform.report()["lookups"], 1)
        metric = replica.metric("nbgate_identity_cache_total", kind="introspection", result="miss")
        report.at_least("requests that came before the answer", metric, _AT_ONCE * 0.5)


async def _at_once(replica: Replica, token: str) -> list[Answer]:
    """Connected first, and then all ask in the same moment."""
    connections = [await Connection.open(replica.port) for _ in range(_AT_ONCE)]
    answers = await asyncio.gather(*(connection.ask("GET", _ME, token) for connection in connections))
    for connection in connections:
        connection.close()
    return answers
