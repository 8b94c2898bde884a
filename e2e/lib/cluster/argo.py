"""Argo CD's real controllers against the cluster, without its web pages: repository server, controllers, Redis."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from lib.bench import Bench
from lib.cluster.kubectl import Kubectl, Manifest, Refused
from lib.cluster.node import Cluster
from lib.poll import eventually
from lib.ports import free_port

_NAMESPACE = "argocd"
_SOURCES = ("application", "appproject", "applicationset")
_MAPS = ("argocd-rbac-cm", "argocd-cmd-params-cm", "argocd-gpg-keys-cm", "argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm")
_ANY: dict[str, object] = {
    "sourceRepos": ["*"],
    "destinations": [{"server": "*", "namespace": "*"}],
    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
}
_DEFAULT_PROJECT: Manifest = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AppProject",
    "metadata": {"name": "default", "namespace": _NAMESPACE},
    "spec": _ANY,
}
"""The server with the web pages makes it, which is not here."""
_PART_OF = {"app.kubernetes.io/part-of": "argocd"}


class Argo:
    """Looks at repositories every few seconds; they may be folders (`file://`)."""

    def __init__(self, bench: Bench, cluster: Cluster) -> None:
        self._bench = bench
        self._kubectl = cluster.kubectl
        self._home = bench.directory("argo")
        self._program = os.environ["NBGATE_E2E_ARGO"]
        self._definitions()
        self._settings()
        self._start(cluster.kubeconfig)

    def _definitions(self) -> None:
        folder = Path(self._program).parent
        files = [f"--filename={folder}/{source}-crd.yaml" for source in _SOURCES]
        self._kubectl("apply", "--server-side", *files)
        for source in _SOURCES:
            eventually(f"{source}s are known", lambda: self._kubectl("get", f"{source}s.argoproj.io") is not None, within=30)  # noqa: B023

    def _settings(self) -> None:
        self._kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}})
        maps = [_config_map(name, {}) for name in _MAPS]
        # How often it looks for commits; three minutes where nobody waits.
        maps.append(_config_map("argocd-cm", {"timeout.reconciliation": "5s", "timeout.reconciliation.jitter": "0s"}))
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "argocd-secret", "namespace": _NAMESPACE, "labels": _PART_OF},
            "stringData": {"server.secretkey": secrets.token_hex(16)},
        }
        self._kubectl.apply(*maps, secret, _DEFAULT_PROJECT)

    def _start(self, kubeconfig: Path) -> None:
        own = self._home / "kubeconfig"
        own.write_text(kubeconfig.read_text().replace("user: admin}}", f"user: admin, namespace: {_NAMESPACE}}}}}"))
        plugins = self._bench.directory("argo-plugins")
        tools = self._tools()
        self._environment = {
            "KUBECONFIG": str(own),
            "PATH": f"{tools}:{os.environ['PATH']}",
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_PLUGINSOCKFILEPATH": str(plugins),
            "TMPDIR": str(self._bench.directory("argo-tmp")),
        }
        redis, repositories, health = free_port(), free_port(), free_port()
        self._peer("redis", [tools / "redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", ""])
        server = [f"--repo-server=127.0.0.1:{repositories}", "--repo-server-plaintext"]
        self._part(
            "reposerver",
            [f"--redis=127.0.0.1:{redis}", "--address=127.0.0.1", f"--port={repositories}", "--disable-tls"]
            + [f"--metrics-port={free_port()}", "--revision-cache-expiration=3s"],
        )
        self._part(
            "controller",
            ["--namespace=argocd", f"--redis=127.0.0.1:{redis}", *server, "--app-resync=5", "--app-resync-jitter=0"]
            + ["--self-heal-timeout-seconds=2", f"--metrics-port={free_port()}"],
        )
        self._part(
            "applicationset",
            ["--namespace=argocd", f"--argocd-repo-server=127.0.0.1:{repositories}", "--repo-server-plaintext"]
            + [f"--metrics-addr=127.0.0.1:{free_port()}", f"--probe-addr=127.0.0.1:{health}", "--webhook-addr=127.0.0.1:0"],
        )

    def _tools(self) -> Path:
        """What it starts by name."""
        folder = self._bench.directory("argo-bin")
        (folder / "helm").symlink_to(os.environ["NBGATE_E2E_HELM"])
        (folder / "redis-server").symlink_to("/usr/bin/redis-check-rdb")  # one program: its name says what it is
        return folder

    def _part(self, name: str, options: list[str]) -> None:
        self._peer(f"argo-{name}", [self._program, name, *options])

    def _peer(self, name: str, command: list[str | os.PathLike[str]]) -> None:
        # Applications that become healthy are the proof; a part that ends says why in its log.
        self._bench.start(name, command, ready=lambda: True, env=self._environment, cwd=self._home)

    # What is asked of it

    def application(self, name: str) -> Manifest:
        """One Application."""
        return self._kubectl.get("application", name, _NAMESPACE)

    def status(self, name: str) -> tuple[str, str]:
        """Whether it is in step, and how it fares."""
        status = self.application(name).get("status", {})
        return status.get("sync", {}).get("status", ""), status.get("health", {}).get("status", "")

    def synced(self, name: str, revision: str | None = None, within: float = 120) -> None:
        """Wait until it is `Synced` and `Healthy`, with that commit if one is named."""

        def look() -> bool:
            self.refresh(name)
            state = self.application(name)["status"]
            at = state["sync"].get("revision")
            return self.status(name) == ("Synced", "Healthy") and revision in (None, at)

        try:
            eventually(f"{name} is Synced and Healthy", look, within=within, every=0.5)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.explain(name)}") from late

    def refresh(self, name: str) -> None:
        """Have it look at once, as the button does."""
        self._kubectl("annotate", "--overwrite", f"--namespace={_NAMESPACE}", f"application/{name}", "argocd.argoproj.io/refresh=normal")

    def explain(self, name: str) -> str:
        """What an operator would look at."""
        try:
            status: dict[str, Any] = self.application(name).get("status", {})
        except Refused as missing:
            return str(missing)
        told = {key: status.get(key) for key in ("sync", "health", "conditions", "operationState")}
        told["resources"] = [one for one in status.get("resources", []) if one.get("health", {}).get("status") != "Healthy"]
        (told["sync"] or {}).pop("comparedTo", None)
        (told["operationState"] or {}).pop("operation", None)
        return json.dumps(told, indent=1)[:6000]

    def exists(self, name: str) -> bool:
        """Whether there is such an Application."""
        return name in self.names()

    def names(self) -> list[str]:
        """All Applications."""
        return [one["metadata"]["name"] for one in self._kubectl.list("application", _NAMESPACE)]


def _config_map(name: str, data: dict[str, str]) -> Manifest:
    metadata = {"name": name, "namespace": _NAMESPACE, "labels": _PART_OF}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
