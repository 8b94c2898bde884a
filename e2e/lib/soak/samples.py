"""What the service under test holds, seen once a second while it is under load."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from lib.soak.peers import Replica


@dataclass
class Samples:
    """Resident memory over time."""

    seconds: list[float] = field(default_factory=list)
    rss: list[int] = field(default_factory=list)

    @property
    def peak(self) -> int:
        """The most."""
        return max(self.rss)

    def growth(self) -> float:
        """Bytes by which the last third of the time is above the third before it, each at its median.

        One sample that is high, or the first use of anything, is no growth.
        """
        third = len(self.rss) // 3
        middle, last = sorted(self.rss[third : 2 * third]), sorted(self.rss[2 * third :])
        return last[len(last) // 2] - middle[len(middle) // 2]


@contextlib.asynccontextmanager
async def sampled(replica: Replica, every: float = 1) -> AsyncIterator[Samples]:
    """Take samples for as long as the block runs."""
    samples = Samples()

    async def take() -> None:
        while True:
            samples.seconds.append(time.monotonic())
            samples.rss.append(replica.rss())
            await asyncio.sleep(every)

    taking = asyncio.create_task(take())
    try:
        yield samples
    finally:
        taking.cancel()
        samples.rss.append(replica.rss())


@contextlib.asynccontextmanager
async def lag() -> AsyncIterator[list[float]]:
    """How late this process itself is: what a caller measured may be this process's own slowness."""
    late: list[float] = [0]

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.05)
            late.append(time.monotonic() - before - 0.05)

    watching = asyncio.create_task(watch())
    try:
        yield late
    finally:
        watching.cancel()
