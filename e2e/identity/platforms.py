"""What the tests of several platforms share: peers, and proof that nothing of a platform reaches Jira."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lib.bench import Bench
from lib.gafaelfawr import Gafaelfawr
from lib.identity.gateway import ADDRESS, SECRET_HEADER, Gateway, SignIn, published_locations
from lib.identity.hub import GROUP as HUB_GROUP
from lib.identity.hub import SERVICE, PeopledHub, Valve
from lib.identity.people import GROUP, RUBIN_GROUP, group_rules
from lib.jira.proxy import JiraProxy
from lib.jira.server import JiraServer
from lib.jira.upstream import Jira
from lib.leaks import Ledger

_OF_A_PLATFORM = re.compile(
    rb"^(?:x[-_]auth|x[-_]forwarded|x[-_]original|x[-_]gateway|x[-_]real|forwarded|remote[-_]user|cookie)[^:]*:.*$",
    re.IGNORECASE | re.MULTILINE,
)


@pytest.fixture(scope="session")
def guarded_jira(bench: Bench, ledger: Ledger) -> Jira:
    """The Jira emulator, behind its password and with a record of every byte that it was sent."""
    jira, _ = JiraServer(bench, ledger).behind_a_gate("guarded")
    return jira


@pytest.fixture
def nothing_of_the_platform_goes_on(guarded_jira: Jira) -> Iterator[None]:
    """Whatever a test sent: Jira saw no header that says who calls, where from, or by which way."""
    watch = guarded_jira.tap.from_now()
    yield
    assert _OF_A_PLATFORM.findall(watch.sent) == []


@pytest.fixture
def guarded_jira_hears_nothing(guarded_jira: Jira) -> Iterator[None]:
    """For tests of refusals."""
    watch = guarded_jira.tap.from_now()
    yield
    assert watch.sent == b""


@pytest.fixture(scope="session")
def gateway_secret(ledger: Ledger) -> str:
    """What only the gateway knows: neither Jira nor a caller nor a log may see it."""
    return ledger.bot_secret(ledger.platform_token(secrets.token_urlsafe(24)))


@pytest.fixture(scope="session")
def sign_in(bench: Bench, ledger: Ledger) -> SignIn:
    """The service that nginx asks who calls."""
    return SignIn(bench, ledger)


@pytest.fixture(scope="session")
def gafaelfawr(bench: Bench, ledger: Ledger) -> Gafaelfawr:
    """The Gafaelfawr stand-in."""
    return Gafaelfawr(bench, ledger)


@pytest.fixture(scope="session")
def behind_gateway(
    bench: Bench, ledger: Ledger, guarded_jira: Jira, gafaelfawr: Gafaelfawr, gateway_secret: str
) -> JiraProxy:
    """jira-proxy that believes one address with the secret; tokens of callers' own come second."""
    file = bench.directory("jira-proxy-behind-gateway") / "secret"
    file.write_text(f"{gateway_secret}\n")
    gateway = {
        "kind": "gateway",
        "trusted_peers": [f"{ADDRESS}/32"],
        "secret_header": SECRET_HEADER,
        "secret_file": str(file),
        "groups": True,
    }
    tokens = {"kind": "gafaelfawr", "base_url": gafaelfawr.url, "groups": True}
    return JiraProxy(
        bench, ledger, "jira-proxy-behind-gateway", guarded_jira, [gateway, tokens], rules=group_rules(GROUP)
    )


@pytest.fixture(scope="session")
def gateway_include(bench: Bench, gateway_secret: str) -> Path:
    """The file that nginx includes."""
    include = bench.directory("gateway") / "gateway-secret.conf"
    include.write_text(f'proxy_set_header {SECRET_HEADER} "{gateway_secret}";\n')
    return include


@pytest.fixture(scope="session")
def gateway(bench: Bench, ledger: Ledger, sign_in: SignIn, gateway_include: Path, behind_gateway: JiraProxy) -> Gateway:
    """nginx as the operators' page has it."""
    return Gateway(bench, ledger, "gateway", published_locations(sign_in, gateway_include), behind_gateway.port)


@pytest.fixture(scope="session")
def rubin_proxy(bench: Bench, ledger: Ledger, gafaelfawr: Gafaelfawr, guarded_jira: Jira) -> JiraProxy:
    """jira-proxy on a Rubin platform, as it is installed."""
    identity = {"kind": "gafaelfawr", "base_url": gafaelfawr.url}
    return JiraProxy(bench, ledger, "jira-proxy-rubin", guarded_jira, identity)


@pytest.fixture(scope="session")
def rubin_groups_proxy(bench: Bench, ledger: Ledger, gafaelfawr: Gafaelfawr, guarded_jira: Jira) -> JiraProxy:
    """The same with rules about groups."""
    identity = {"kind": "gafaelfawr", "base_url": gafaelfawr.url, "groups": True}
    rules = group_rules(RUBIN_GROUP)
    return JiraProxy(bench, ledger, "jira-proxy-rubin-groups", guarded_jira, identity, rules=rules)


@pytest.fixture(scope="session")
def peopled(bench: Bench, ledger: Ledger) -> PeopledHub:
    """JupyterHub."""
    return PeopledHub(bench, ledger)


@pytest.fixture(scope="session")
def valve(peopled: PeopledHub) -> Valve:
    """The way from the service to the hub's API."""
    port = urlsplit(peopled.hub.api_url).port
    assert port is not None
    return Valve("questions to the hub", port)


@pytest.fixture(scope="session")
def hub_proxy(bench: Bench, ledger: Ledger, valve: Valve, guarded_jira: Jira) -> JiraProxy:
    """jira-proxy beside the hub."""
    identity = {"kind": "jupyterhub", "api_url": f"{valve.url}/hub/api", "service_name": SERVICE}
    rules = group_rules(HUB_GROUP)
    return JiraProxy(bench, ledger, "jira-proxy-hub", guarded_jira, identity, rules=rules)
