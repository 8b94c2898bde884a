"""What the scenarios of the soak share: how long they run, and the table at the end."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.bench import Bench
from lib.leaks import Ledger
from lib.soak.config import ALL_REUSE, Shape
from lib.soak.figures import Figures
from lib.soak.peers import World
from lib.soak.run import Scale, Steady

_FIGURES = pytest.StashKey[Figures]()
_SECONDS, _SUMMARY = "NBGATE_SOAK_SECONDS", "NBGATE_SOAK_SUMMARY"


def pytest_configure() -> None:
    """Callers, service and upstream may each have as many connections as the system lets them; peers inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@pytest.fixture(scope="session")
def scale() -> Scale:
    """Set by NBGATE_SOAK_SECONDS."""
    return Scale(int(os.environ.get(_SECONDS, "30")))


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest, scale: Scale) -> Iterator[Figures]:
    """What was measured; written to the file that NBGATE_SOAK_SUMMARY names."""
    figures = Figures()
    request.config.stash[_FIGURES] = figures
    yield figures
    if _SUMMARY in os.environ:
        figures.write(Path(os.environ[_SUMMARY]), scale.seconds)


@pytest.fixture(scope="session")
def steady(bench: Bench, ledger: Ledger) -> Steady:
    """Kept to the end of the run, so that what an idle minute leaves open can be seen without waiting for it."""
    world = World(bench, ledger, "steady")
    replica = world.proxy(Shape(reuse=ALL_REUSE))
    return Steady(world, replica, replica.descriptors())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    figures = terminalreporter.config.stash.get(_FIGURES, None)
    if figures is not None:
        terminalreporter.section("figures")
        for row in figures.rows:
            terminalreporter.write_line(row.line())
