"""Turns of several proxies, and what is made of them."""

import statistics
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


def mean_ratio(measured: Rounds, other: str, figure: Callable[[Load], float], ours: str = "jira-proxy") -> float:
    """The geometric mean instead. A 99th percentile is now near one value and now near twice as much, as the connections happen
    to stand in line: a median jumps between the two."""
    pairs = zip(measured[ours], measured[other], strict=True)
    return statistics.geometric_mean(figure(one) / figure(two) for one, two in pairs)


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


def p99(load: Load) -> float:
    """What one request of a hundred waits longer than."""
    return load.p99_ms
