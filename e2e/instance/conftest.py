"""The peers of instance-proxy's suite: each is started by the first test that needs it, and kept for all."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.bench import Bench
from lib.chromium import Chromium
from lib.instance.jupyter import Jupyter
from lib.instance.kernel import JupyterClient
from lib.instance.people import ADA, GRACE
from lib.instance.proxy import InstanceProxy
from lib.instance.site import Service, Site
from lib.instance.visa import Instance, VisaApi
from lib.leaks import Ledger


def pytest_configure() -> None:
    """Callers, service and instances may each have as many connections as the system lets them; peers inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@pytest.fixture(scope="session")
def site(bench: Bench, ledger: Ledger) -> Site:
    """The facility."""
    return Site(bench, ledger)


@pytest.fixture(scope="session")
def api(site: Site) -> VisaApi:
    """Its API server."""
    return site.api


@pytest.fixture(scope="session")
def proxy(site: Site) -> InstanceProxy:
    """The instance-proxy that most tests use; nothing that it keeps is looked at."""
    return site.proxy("instance-proxy")


@pytest.fixture
def ada(site: Site) -> str:
    """A token of the owner of most instances; a new one for each test."""
    return site.token(ADA)


@pytest.fixture
def grace(site: Site) -> str:
    """A token of somebody else."""
    return site.token(GRACE)


@pytest.fixture
def instance(site: Site) -> Instance:
    """An instance of ada's on which nothing runs yet."""
    return site.instance()


# What runs on instances of ada's


@pytest.fixture(scope="session")
def notebooks(site: Site) -> Jupyter:
    """A Jupyter server without a token, as VISA's images have it."""
    return site.jupyter(site.instance())


@pytest.fixture
def page(proxy: InstanceProxy, notebooks: Jupyter, ada: str) -> Iterator[JupyterClient]:
    """What ada's notebook page does there, by way of the proxy."""
    with JupyterClient(proxy.site, notebooks.base_url, {"Authorization": f"Bearer {ada}"}) as page:
        yield page


@pytest.fixture(scope="session")
def locked_notebooks(site: Site) -> Jupyter:
    """A Jupyter server that asks for a token of its own."""
    return site.jupyter(site.instance(), token="jupyters-own-token-0123456789")


@pytest.fixture(scope="session")
def files(site: Site) -> Service:
    """The general service where Visa Files are."""
    return site.files(site.instance())


@pytest.fixture(scope="session")
def printing(site: Site) -> Service:
    """The strict echo where Visa Printing is."""
    return site.printing(site.instance())


@pytest.fixture(scope="session")
def other(site: Site) -> Service:
    """The general service, with WebSockets."""
    return site.other(site.instance())


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser; while it is there, no test can have an event loop of its own."""
    chromium = Chromium()
    yield chromium
    chromium.close()


@pytest.fixture(scope="session")
def artefacts(bench: Bench) -> Path:
    """Where to keep what people may want to look at; NBGATE_E2E_ARTEFACTS says where."""
    folder = Path(os.environ.get("NBGATE_E2E_ARTEFACTS") or bench.directory("artefacts"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
