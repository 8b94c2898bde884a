"""Turns of several proxies, and what is made of them."""

import statistics
from collections import Counter
from collections.abc import Callable

from bench.measure import Load

Rounds = dict[str, list[Load]]

STARTS = 3
"""Processes of each proxy where the budget is tightest: how memory happens to lie is worth two or three per cent."""


def interleaved(rounds: int, who: list[str], one: Callable[[str, int], Load], processes: int = 1) -> Rounds:
    """Each proxy in turn, so many times; `one` is told whose turn it is and which of the proxy's processes has it. The first
    turn of each process warms up and does not count. Every other turn goes backwards, so that nobody always comes after
    the same neighbour."""
    measured: Rounds = {name: [] for name in who}
    for number in range(processes + rounds):
        for name in who if number % 2 else reversed(who):
            load = one(name, number % processes)
            if number >= processes:
                measured[name].append(load)
    return measured


def ratio(measured: Rounds, other: str, figure: Callable[[Load], float], ours: str = "jira-proxy") -> float:
    """The median, over all rounds, of our figure by the other's in the same round."""
    pairs = zip(measured[ours], measured[other], strict=True)
    return statistics.median(figure(one) / figure(two) for one, two in pairs)


def p99_ratio(measured: Rounds, other: str, ours: str = "jira-proxy") -> float:
    """What one request of a hundred waits longer than, by the other's: of all requests of all rounds, not of each round. Of
    one round it is now near one value and now near twice as much, as the connections happen to stand in line."""
    return p99_ms(measured[ours]) / p99_ms(measured[other])


def p99_ms(loads: list[Load]) -> float:
    """Of all requests together."""
    every = sum((load.latencies for load in loads), Counter[int]())
    left = every.total() // 100
    for value, times in sorted(every.items(), reverse=True):
        left -= times
        if left < 0:
            return value / 1000
    raise ValueError("no latencies")


def medians(measured: Rounds) -> dict[str, dict[str, float]]:
    """What is worth keeping of the rounds."""
    figures = ("cpu_us", "per_second", "p50_ms", "p99_ms")
    return {
        name: {figure: round(statistics.median(getattr(load, figure) for load in loads), 3) for figure in figures}
        for name, loads in measured.items()
    }


def cpu(load: Load) -> float:
    """What most budgets are about."""
    return load.cpu_us
