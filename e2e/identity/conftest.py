"""The peers of the identity suite: each is started by the first test that needs it, and kept for all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.bench import Bench
from lib.identity.browser import Browser
from lib.identity.keycloak import Keycloak
from lib.identity.realm import Realm
from lib.identity.start import StartProxy, starter
from lib.jira.proxy import JiraProxy
from lib.jira.server import JiraServer
from lib.jira.upstream import Jira
from lib.leaks import Ledger


@pytest.fixture(scope="session")
def emulator(bench: Bench, ledger: Ledger) -> JiraServer:
    """The Jira Data Center emulator."""
    return JiraServer(bench, ledger)


@pytest.fixture(scope="session")
def jira_server(emulator: JiraServer) -> Jira:
    """Jira Data Center, as all proxies of this suite have it behind them."""
    jira, _ = emulator.behind_a_gate("server")
    return jira


@pytest.fixture(scope="session")
def start_proxy(bench: Bench, ledger: Ledger, jira_server: Jira) -> StartProxy:
    """Starts a jira-proxy with this identity, and if asked with a clock that can be moved."""
    return starter(bench, ledger, jira_server)


@pytest.fixture
def jira_hears_nothing(jira_server: Jira) -> Iterator[None]:
    """Nothing that this test does may reach Jira."""
    before = len(jira_server.tap.sent)
    yield
    assert jira_server.tap.sent[before:] == b""


@pytest.fixture(scope="session")
def keycloak(bench: Bench, ledger: Ledger) -> Keycloak:
    """Keycloak, with the realm file imported."""
    return Keycloak(bench, ledger)


@pytest.fixture(scope="session")
def realm(keycloak: Keycloak) -> Realm:
    """The realm of the realm file."""
    return keycloak.realm("science")


@pytest.fixture(scope="session")
def by_oidc(realm: Realm) -> dict[str, object]:
    """`[[identity]]` that checks Keycloak's tokens with its published keys."""
    return {"kind": "oidc", "issuer": realm.issuer, "audience": ["jira-proxy"], "groups_claim": "groups"}


@pytest.fixture(scope="session")
def by_introspection(bench: Bench, ledger: Ledger, realm: Realm) -> dict[str, object]:
    """`[[identity]]` that asks Keycloak about its tokens."""
    return {
        "kind": "introspection",
        "endpoint": realm.introspection_endpoint,
        "client_id": "jira-proxy",
        "client_secret_file": str(_secret_file(bench, ledger.bot_secret(realm.client_secret("jira-proxy")))),
        "audience": ["jira-proxy"],
    }


def _secret_file(bench: Bench, secret: str) -> Path:
    file = bench.directory("introspection") / "client-secret"
    file.write_text(f"{secret}\n")
    file.chmod(0o400)
    return file


@pytest.fixture(scope="session")
def keycloak_proxy(start_proxy: StartProxy, by_oidc: dict[str, object]) -> JiraProxy:
    """A proxy in front of which nothing is moved or changed; attachments are for developers."""
    rule = {
        "name": "attachments-for-developers",
        "action": "allow",
        "methods": ["GET"],
        "paths": ["secure/attachment/**"],
        "group": "/spt3g/dev",
    }
    return start_proxy("oidc", by_oidc, rules=[rule])


@pytest.fixture(scope="session")
def asking_proxy(start_proxy: StartProxy, by_introspection: dict[str, object]) -> JiraProxy:
    """The same, of kind `introspection`."""
    return start_proxy("introspection", by_introspection)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium."""
    browser = Browser()
    yield browser
    browser.close()
