"""The peers of efd-token's suite: each is started by the first test that needs it, and kept for all."""

import secrets
from collections.abc import Iterator

import pytest

from lib.bench import Bench
from lib.efd.documents import efd_document
from lib.efd.front import Front
from lib.efd.influxdb import Account, InfluxDB
from lib.efd.notebook import Notebook
from lib.efd.seed import DATABASE
from lib.efd.service import DEFAULT_HOST, EfdToken, Lease
from lib.efd.site import Site, Starts
from lib.gafaelfawr import Gafaelfawr
from lib.leaks import Ledger


@pytest.fixture(scope="session")
def influxdb(bench: Bench, ledger: Ledger) -> InfluxDB:
    """InfluxDB, with its rows."""
    return InfluxDB(bench, ledger)


@pytest.fixture(scope="session")
def gafaelfawr(bench: Bench, ledger: Ledger) -> Gafaelfawr:
    """The Gafaelfawr stand-in."""
    return Gafaelfawr(bench, ledger)


@pytest.fixture(scope="session")
def site(bench: Bench, ledger: Ledger, gafaelfawr: Gafaelfawr) -> Site:
    """What all efd-tokens of the run have in common."""
    return Site(bench, ledger, gafaelfawr)


@pytest.fixture(scope="session")
def front(site: Site, influxdb: InfluxDB) -> Front:
    """How callers reach InfluxDB who hold the shared password themselves."""
    return Front(site.bench, site.authority, influxdb.url)


@pytest.fixture(scope="session")
def shared_account(influxdb: InfluxDB, ledger: Ledger) -> Account:
    """An account whose password is handed out."""
    return influxdb.new_reader("efdshared", ledger.shared_secret(secrets.token_urlsafe(24)))


@pytest.fixture(scope="session")
def efd(site: Site, influxdb: InfluxDB, front: Front, shared_account: Account) -> EfdToken:
    """The efd-token that most tests use: two keys that are leased, one that is shared."""
    documents = {
        "usdf_efd": efd_document(influxdb.reader),
        "summit_efd": efd_document(influxdb.reader),
        "shared_efd": efd_document(shared_account, **front.location),
    }
    leased = {"mode": "lease", "url": influxdb.url, "databases": [DATABASE]}
    keys = [
        {"name": "usdf_efd"} | leased,
        {"name": "summit_efd"} | leased,
        {"name": "shared_efd", "mode": "shared"},
    ]
    return site.start("main", documents, keys)


@pytest.fixture
def starts(site: Site) -> Iterator[Starts]:
    """As `Site.start`; what was started is stopped at the end of the test."""
    running: list[EfdToken] = []

    def start(*arguments: object, **rest: object) -> EfdToken:
        service = site.start(*arguments, **rest)  # type: ignore[arg-type]
        running.append(service)
        return service

    yield start
    for service in running:
        service.stop()


@pytest.fixture(scope="session")
def ada(site: Site) -> str:
    """A token of somebody who may."""
    return site.token("ada", groups=["observers"])


@pytest.fixture
def lease(efd: EfdToken, ada: str) -> Lease:
    """A lease of ada's."""
    return efd.lease(ada)


@pytest.fixture(scope="session")
def notebook(site: Site) -> Notebook:
    """A notebook with the clients in it."""
    return Notebook(site.bench, site.authority, "notebook")


@pytest.fixture(scope="session")
def netrc_notebook(site: Site, efd: EfdToken, ada: str) -> Notebook:
    """A notebook where the client's default service is efd-token, and the token stands in `~/.netrc`."""
    notebook = Notebook(site.bench, site.authority, "netrc-notebook", hosts={DEFAULT_HOST: efd.port})
    notebook.netrc(DEFAULT_HOST, ada)
    return notebook


@pytest.fixture(scope="session")
def rubin_notebook(site: Site, ada: str) -> Notebook:
    """A notebook of a Rubin platform: `lsst.rsp` needs a newer Python than the others do."""
    return Notebook(
        site.bench,
        site.authority,
        "rubin-notebook",
        python="NBGATE_E2E_RSP_PYTHON",
        environment={"ACCESS_TOKEN": ada},
    )
