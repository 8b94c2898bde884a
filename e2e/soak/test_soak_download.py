"""One GiB to a slow reader, whole, in a few MiB."""

import asyncio
import time

from lib.bench import Bench
from lib.leaks import Ledger
from lib.soak.bodies import Wanted
from lib.soak.client import Connection
from lib.soak.config import Shape
from lib.soak.figures import MIB, Figures
from lib.soak.load import Plan
from lib.soak.peers import Replica, World
from lib.soak.run import Scale
from lib.soak.samples import Samples, sampled

_SIZE = 1 << 30


def test_a_gibibyte_to_a_slow_reader_takes_a_few_mebibytes(
    bench: Bench, ledger: Ledger, figures: Figures, scale: Scale
) -> None:
    world = World(bench, ledger, "download")
    replica = world.proxy(Shape())
    with figures.scenario("download") as report:
        # Once at full speed and small, so that what is used for the first time is not counted.
        asyncio.run(_download(world, replica, Wanted("user-000001", 1, 10_000_000, "stream"), 0))
        before, began = replica.rss(), time.monotonic()
        wanted = Wanted("user-000001", 2, _SIZE, "stream")
        samples, taken, right = asyncio.run(_download(world, replica, wanted, scale.of(60, 5)))
        report.exactly("bytes of the body", taken, _SIZE)
        report.exactly("all of them right", right, 1)
        report.note("it took", time.monotonic() - began, "s")
        report.at_most("memory beyond that before", (samples.peak - before) / MIB, 8, "MiB")


async def _download(world: World, replica: Replica, wanted: Wanted, slowly: float) -> tuple[Samples, int, bool]:
    """Take it evenly over so many seconds, with a stop in the middle."""
    connection = await Connection.open(replica.port, receive_buffer=256 * 1024)
    await connection.send("GET", Plan(wanted).target(), world.token(wanted.user))
    status, headers, _ = await connection.answer_head()
    assert status == 200
    blocks = wanted.blocks()
    block, taken, right, began = blocks[0] * 18, 0, True, time.monotonic()
    async with sampled(replica, every=0.2) as samples:
        async for piece in connection.pieces("GET", status, headers):
            start = taken % len(blocks[0])
            right = right and block[start : start + len(piece)] == piece
            taken += len(piece)
            late = began + slowly * taken / wanted.size - time.monotonic()
            if late > 0.02:
                await asyncio.sleep(late)
    connection.close()
    return samples, taken, right
