"""What the services stand before, outside the cluster: a hub, Jira, InfluxDB, VISA's API server and a Jupyter server."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from lib.bench import Bench
from lib.cluster.node import NODE
from lib.efd.documents import efd_document
from lib.efd.influxdb import InfluxDB
from lib.efd.seed import DATABASE
from lib.hub import Hub
from lib.instance.jupyter import Jupyter
from lib.instance.people import ADA
from lib.instance.site import Service, Site
from lib.instance.visa import Instance
from lib.jira.server import JiraServer
from lib.jira.upstream import Jira
from lib.leaks import Ledger
from lib.nginx import PasswordGate
from lib.wiretap import Wiretap

READER = "ada"
SERVICES = ("jira-proxy", "efd-token", "instance-proxy")


@dataclass(frozen=True)
class Upstreams:
    """Each where pods reach it, at the node's address."""

    hub: Hub
    hub_api: str
    jira: Jira
    jira_gate: PasswordGate
    jira_url: str
    influxdb: InfluxDB
    influxdb_url: str
    visa: Site
    visa_url: str
    instance: Instance
    jupyter: Jupyter
    files: Service
    lease_key: str
    jira_account: dict[str, str] = field(default_factory=dict)

    def kept(self) -> dict[str, dict[str, str]]:
        """What each service's Secret holds."""
        return {
            "jira-proxy": self.jira_account,
            "efd-token": {
                "usdf_efd": efd_document(self.influxdb.reader),
                "lease-keys": f"first {self.lease_key}\n",
            },
        }

    def new_jira_account(self, ledger: Ledger) -> None:
        """The site's next one: Jira lets in both, until the one before is closed."""
        name = f"bot-nbgate-{secrets.token_hex(2)}"
        self.jira_account.update(username=name, password=ledger.bot_secret(secrets.token_urlsafe(24)))
        self.jira_gate.admit(name, self.jira_account["password"], too=True)

    def close_earlier_jira_accounts(self) -> None:
        """Only the newest is good any more."""
        self.jira_gate.admit(self.jira_account["username"], self.jira_account["password"])

    def values(self, public_url: str) -> dict[str, dict[str, Any]]:
        """What the site says of each service, and no more than it must."""
        common = {
            "image": {"registry": "localhost/nbgate", "tag": "e2e", "pullPolicy": "Never"},
            "ingress": {"host": "data.example.org"},
        }
        server = {"public_url": f"{public_url}/"}
        jira = {
            "server": server,
            "identity": [self._hub("jira")],
            "tenant": [{"upstream": {"url": self.jira_url, "allow_insecure_http": True}}],
        }
        key = {"name": "usdf_efd", "mode": "lease", "url": self.influxdb_url, "databases": [DATABASE]}
        efd = {
            "server": server,
            "identity": [self._hub("efd")],
            "tenant": [{"name": "default", "upstream": {"allow_insecure_http": True}, "key": [key]}],
        }
        instances = {"kind": "visa", "api_url": self.visa_url, "allow_insecure_http": True, "refresh_seconds": 1}
        return {
            "jira-proxy": common | {"config": jira},
            "efd-token": common | {"documents": {"default": ["usdf_efd"]}, "config": efd},
            "instance-proxy": common
            | {"routes": {"default": self._routes()}, "config": {"server": server, "tenant": [{"instances": instances}]}},
        }

    def _hub(self, service: str) -> dict[str, Any]:
        return {"kind": "jupyterhub", "api_url": self.hub_api, "service_name": service, "allow_insecure_http": True}

    def _routes(self) -> list[dict[str, Any]]:
        jupyter, files = self.visa.ports.jupyter, self.visa.ports.files
        return [
            {"match": r"^/jupyter/(\d+).*", "type": "jupyter", "name": "Jupyter", "remotePort": jupyter, "ws": True},
            {
                "match": r"^/visafs/(\d+).*",
                "type": "service",
                "name": "Files",
                "remotePort": files,
                "pathRewrite": {r"^/visafs/\d+/": "/"},
                "ws": True,
            },
        ]


def start(bench: Bench, ledger: Ledger) -> Upstreams:
    """All of them."""
    jira, gate = JiraServer(bench, ledger).behind_a_gate("server")
    hub = Hub(
        bench, ledger, groups={"astronomers": [READER]}, reader_groups=["astronomers"], open_services=["jira", "efd"]
    )
    hub.start()
    influxdb = InfluxDB(bench, ledger)
    visa = Site(bench, ledger)
    instance = visa.instance(ADA, address=NODE)
    return Upstreams(
        hub=hub,
        hub_api=_reachable(hub.api_url) + "/hub/api",
        jira=jira,
        jira_gate=gate,
        jira_url=_reachable(jira.url) + "/",
        influxdb=influxdb,
        influxdb_url=_reachable(influxdb.url) + "/",
        visa=visa,
        visa_url=_reachable(visa.api.url) + "/",
        instance=instance,
        jupyter=visa.jupyter(instance),
        files=visa.files(instance),
        lease_key=ledger.bot_secret(secrets.token_urlsafe(36)),
        jira_account={"username": jira.username, "password": jira.secret.path("password").read_text().strip()},
    )


def _reachable(url: str) -> str:
    """The same at an address that pods reach."""
    port = int(url.removeprefix("http://127.0.0.1:").split("/")[0])
    return Wiretap(f"pods to {port}", port, host=NODE, target_host="127.0.0.1").url
