"""What every suite shares: one workbench, one ledger of secrets, and the logs of all peers beside a failure."""

import os
import signal
from collections.abc import Generator, Iterator

import pytest

from lib.bench import Bench
from lib.leaks import Ledger

_BENCH = pytest.StashKey[Bench]()


def pytest_configure(config: pytest.Config) -> None:
    """Loopback is never reached through a proxy of the site's, and a run that is cancelled stops its peers too."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    for variable in ("NO_PROXY", "no_proxy"):
        os.environ[variable] = "127.0.0.1,localhost"
    for variable in ("NBGATE_BIN_DIR", "NBGATE_E2E_CHP"):
        if variable not in os.environ:
            raise pytest.UsageError(f"{variable} is not set: start the suite with e2e/run.sh")


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Starts peers, and stops all of them at the end."""
    bench = Bench(tmp_path_factory.mktemp("peers"))
    request.config.stash[_BENCH] = bench
    yield bench
    bench.close()


@pytest.fixture(scope="session")
def ledger() -> Ledger:
    """Knows every secret of the run and where it may not turn up."""
    return Ledger()


@pytest.fixture(autouse=True)
def no_secret_leaks(ledger: Ledger) -> Iterator[None]:
    """After each test, whatever it was about: no upstream saw a platform token, no caller and no log the bot's secret."""
    yield
    assert ledger.new_leaks() == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the end of every peer's log below a failure, and say where the whole of it is."""
    report = yield
    bench = item.config.stash.get(_BENCH, None)
    if report.failed and bench is not None:
        for name, log in bench.logs.items():
            report.sections.append((f"log of {name}: {log}", bench.tail(name)))
    return report
