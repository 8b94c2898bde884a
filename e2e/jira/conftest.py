"""The peers of jira-proxy's suite: each is started by the first test that needs it, and kept for all."""

import json

import pytest

from lib.bench import Bench
from lib.gafaelfawr import Gafaelfawr
from lib.hub import Hub, ManagedService
from lib.jira.cloud import JiraCloud
from lib.jira.people import READER
from lib.jira.proxy import JiraProxy, binary, configuration
from lib.jira.server import JiraServer
from lib.jira.upstream import Jira
from lib.leaks import Ledger
from lib.ports import free_port


@pytest.fixture(scope="session")
def emulator(bench: Bench, ledger: Ledger) -> JiraServer:
    """The Jira Data Center emulator."""
    return JiraServer(bench, ledger)


@pytest.fixture(scope="session")
def jira_server(emulator: JiraServer) -> Jira:
    """Jira Data Center, as most tests use it."""
    jira, _ = emulator.behind_a_gate("server")
    return jira


@pytest.fixture(scope="session")
def cloud(bench: Bench, ledger: Ledger) -> JiraCloud:
    """The Jira Cloud stand-in."""
    return JiraCloud(bench, ledger)


@pytest.fixture(scope="session")
def hub(bench: Bench, ledger: Ledger, jira_server: Jira, cloud: JiraCloud) -> Hub:
    """JupyterHub with two jira-proxies as services of its own."""
    hub = Hub(
        bench,
        ledger,
        groups={"astronomers": [READER]},
        reader_groups=["astronomers"],
        open_services=["jira", "jira-cloud"],
    )
    # Once by environment only, in the original's variables: what the hub does not pass has to be listed.
    hub.manage(
        ManagedService(
            "jira",
            [str(binary())],
            {
                "JIRA_BASE_URL": jira_server.url,
                "JIRA_USERNAME": jira_server.username,
                "JIRA_PASSWORD": jira_server.secret.path("password").read_text().strip(),
                "JIRA_PROXY__IDENTITY": json.dumps([{"kind": "jupyterhub"}]),
                "JIRA_PROXY__SERVER__ADMIN_PORT": str(free_port()),
            },
        )
    )
    # And once by file, with the address that the world knows it by.
    config = configuration(
        bench.directory("hub") / "jira-cloud.toml",
        cloud.as_upstream,
        prefix=None,
        server={"admin_port": free_port(), "public_url": hub.public_url},
    )
    hub.manage(ManagedService("jira-cloud", [str(binary()), "--config", str(config)], {}))
    hub_log = bench.log("hub")
    ledger.logged("log of the hub's services", hub_log.read_bytes)
    hub.start()
    return hub


def _beside(hub: Hub) -> dict[str, object]:
    """Identity of a jira-proxy that the hub does not run: it gets no environment, so all is said."""
    return {"kind": "jupyterhub", "api_url": hub.api_url, "required_scopes": ["access:services!service=jira"]}


@pytest.fixture(scope="session")
def server_proxy(bench: Bench, ledger: Ledger, hub: Hub, jira_server: Jira) -> JiraProxy:
    """jira-proxy in front of Jira Data Center, beside the hub."""
    return JiraProxy(bench, ledger, "jira-proxy-server", jira_server, _beside(hub), ["attachments"])


@pytest.fixture(scope="session")
def cloud_proxy(bench: Bench, ledger: Ledger, hub: Hub, cloud: JiraCloud) -> JiraProxy:
    """jira-proxy in front of Jira Cloud, beside the hub."""
    return JiraProxy(bench, ledger, "jira-proxy-cloud", cloud.as_upstream, _beside(hub), ["attachments"])


@pytest.fixture(scope="session")
def gafaelfawr(bench: Bench, ledger: Ledger) -> Gafaelfawr:
    """The Gafaelfawr stand-in."""
    return Gafaelfawr(bench, ledger)


@pytest.fixture(scope="session")
def rubin_proxy(bench: Bench, ledger: Ledger, gafaelfawr: Gafaelfawr, jira_server: Jira) -> JiraProxy:
    """jira-proxy as on the Rubin Science Platform."""
    identity = {"kind": "gafaelfawr", "base_url": gafaelfawr.url}
    return JiraProxy(bench, ledger, "jira-proxy-rubin", jira_server, identity)


@pytest.fixture(scope="session")
def reader(hub: Hub) -> str:
    """A token of somebody who may."""
    return hub.token(READER)
