"""The service under test: its configuration, and how a test reaches it."""

import http.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from lib.ask import ask
from lib.authority import Authority, serving
from lib.bench import Bench
from lib.clock import Clock
from lib.efd.documents import Documents
from lib.efd.leases import Revocations, SigningKeys
from lib.kube_secret import KubernetesSecret
from lib.leaks import Ledger
from lib.ports import free_port
from lib.service import Service, binary
from lib.tls_wiretap import TlsWiretap
from lib.toml import dumps

PREFIX = "/segwarides"
DISCOVERY = "/discovery"
DEFAULT_HOST = "roundtable.lsst.codes"
"""Where `lsst_efd_client` looks if nobody tells it."""


@dataclass(frozen=True)
class Lease:
    """What a caller was handed."""

    username: str
    password: str
    document: dict[str, Any]

    @property
    def auth(self) -> tuple[str, str]:
        """For Basic."""
        return self.username, self.password


class EfdToken(Service):
    """One running efd-token, over TLS; what its callers get back is recorded, unless they ask at `direct`."""

    def __init__(
        self,
        bench: Bench,
        ledger: Ledger,
        authority: Authority,
        name: str,
        documents: Documents,
        *,
        identity: Mapping[str, object],
        keys: Sequence[Mapping[str, object]],
        signing: SigningKeys,
        tenant: Mapping[str, object] | None = None,
        lease: Mapping[str, object] | None = None,
        clock: Clock | None = None,
        under: Sequence[str] = (),
    ) -> None:
        """`under`: a command that starts another."""
        self.documents = documents
        self.signing = signing
        self._ledger = ledger
        directory = bench.directory(name)
        self.revocations = Revocations(directory / "revocations")
        self._hosts = ("127.0.0.1", "localhost", DEFAULT_HOST)
        self._authority = authority
        certificate, key = authority.issue(*self._hosts)
        self._certificate = KubernetesSecret(directory / "tls", **{"tls.crt": certificate, "tls.key": key})
        self.port, admin_port = free_port(), free_port()
        config = directory / "efd-token.toml"
        lease_settings = {"keys_file": str(signing.file), "revocations_file": str(self.revocations.file)}
        settings = {
            "name": "default",
            "prefix": PREFIX,
            "discovery_prefix": DISCOVERY,
            "directory": str(documents.directory),
            "lease": lease_settings | dict(lease or {}),
            "key": [dict(key) for key in keys],
        }
        config.write_text(
            dumps(
                {
                    "server": self._server(self.port, admin_port),
                    "log": {"level": "info", "format": "json"},
                    "identity": [identity],
                    "tenant": [settings | dict(tenant or {})],
                }
            )
        )
        self._trusting = authority.trusting()
        near = serving(self._certificate.path("tls.crt"), self._certificate.path("tls.key"))
        self.tap = TlsWiretap(f"callers of {name}", self.port, near, self._trusting)
        ledger.caller_saw(self.tap.name, lambda: self.tap.received)
        self.site = self.tap.url
        self.url = f"{self.site}{PREFIX}"
        self.direct = f"https://127.0.0.1:{self.port}"
        """Past the wiretap, to the listener itself."""
        super().__init__(bench, ledger, name, [*under, binary("efd-token"), "--config", config], admin_port, clock)

    def _server(self, port: int, admin_port: int) -> dict[str, object]:
        return {
            "host": "127.0.0.1",
            "port": port,
            "admin_host": "127.0.0.1",
            "admin_port": admin_port,
            "tls_certificate_file": str(self._certificate.path("tls.crt")),
            "tls_key_file": str(self._certificate.path("tls.key")),
            "drain_grace_seconds": 0,
        }

    def renew_certificate(self) -> None:
        """As cert-manager does, months before the end."""
        certificate, key = self._authority.issue(*self._hosts)
        self._certificate.write(**{"tls.crt": certificate, "tls.key": key})

    def stop(self) -> None:
        """End it, and search what it left for the last time."""
        self.peer.stop()
        self.tap.close()
        self._ledger.retire(self.tap.name, f"log of {self.name}")

    def ask(self, method: str, path: str, token: str | None = None, **rest: Any) -> httpx.Response:
        """One request, from the site's root; answers are not compressed, so that they can be searched."""
        headers = {"Accept-Encoding": "identity"} | dict(rest.pop("headers", {}))
        return ask(method, f"{self.site}{path}", token, headers=headers, verify=self._trusting, **rest)

    def raw(
        self, method: str, target: str, authorization: str, headers: Mapping[str, str], body: str | None = None
    ) -> httpx.Response:
        """One request whose target goes out as it is written: other clients tidy it up."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.tap.port, timeout=15, context=self._trusting)
        try:
            connection.request(method, target, body, {"Authorization": authorization} | dict(headers))
            answer = connection.getresponse()
            return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())
        finally:
            connection.close()

    def get(self, path: str, token: str | None = None, **rest: Any) -> httpx.Response:
        """GET below the prefix."""
        return self.ask("GET", f"{PREFIX}{path}", token, **rest)

    def discover(self, path: str, token: str | None = None) -> httpx.Response:
        """GET below the prefix of the other dialect."""
        return self.ask("GET", f"{DISCOVERY}{path}", token)

    def lease(self, token: str, key: str = "usdf_efd") -> Lease:
        """What the caller is handed for `key`; from then on no log and no upstream may see its password."""
        answer = self.get(f"/creds/{key}", token)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert document["password"].startswith("nbl1."), "this is not a lease"
        return Lease(document["username"], self._ledger.platform_token(document["password"]), document)

    def query(
        self, statement: str, *, key: str = "usdf_efd", auth: tuple[str, str] | None = None, **rest: Any
    ) -> httpx.Response:
        """One POST as `aioinflux` sends it."""
        form = {"q": statement, "db": "efd"} | dict(rest.pop("form", {}))
        return self.ask("POST", f"{PREFIX}/efd/{key}/query", auth=auth, data=form, **rest)

    def rows(self, statement: str, lease: Lease, key: str = "usdf_efd") -> list[list[Any]]:
        """The rows of the only series that a statement gives."""
        answer = self.query(statement, key=key, auth=lease.auth)
        assert answer.status_code == 200, answer.text
        (result,) = answer.json()["results"]
        (series,) = result["series"]
        return list(series["values"])

    def client(self) -> httpx.Client:
        """A client that keeps its connections, past the wiretap: for many requests."""
        return httpx.Client(base_url=self.direct, verify=self._trusting, timeout=30, trust_env=False)
