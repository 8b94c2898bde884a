"""A platform: the cluster with Argo CD in it, the services as the app-of-apps makes them, and upstreams beside it."""

import json
from pathlib import Path

from lib.bench import Bench
from lib.cluster.argo import Argo
from lib.cluster.ingress import IngressController
from lib.cluster.kubectl import Kubectl, Manifest
from lib.cluster.node import Cluster
from lib.cluster.repository import Repository
from lib.cluster.upstreams import SERVICES, Upstreams
from lib.poll import eventually

_EXAMPLE = "https://git.example.org/science/nbgate.git"
_VOLUMES = 6


class Platform:
    """Everything, and what operators do with it."""

    def __init__(self, bench: Bench, cluster: Cluster, upstreams: Upstreams) -> None:
        self.cluster = cluster
        self.kubectl: Kubectl = cluster.kubectl
        self.upstreams = upstreams
        self.repository = Repository(bench)
        self.ingress = IngressController(bench, self.kubectl)
        self.argo = Argo(bench, cluster)
        self._volumes(cluster.home / "volumes")
        self._started: dict[str, Manifest] = {}

    def _volumes(self, folder: Path) -> None:
        """Storage on the node, as there is nobody here who makes volumes when they are asked for."""
        default = {"storageclass.kubernetes.io/is-default-class": "true"}
        made: list[Manifest] = [
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": "local", "annotations": default},
                "provisioner": "kubernetes.io/no-provisioner",
                "volumeBindingMode": "WaitForFirstConsumer",
            }
        ]
        for number in range(_VOLUMES):
            place = folder / str(number)
            place.mkdir(parents=True)
            made.append(_volume(f"local-{number}", place))
        self.kubectl.apply(*made)

    def commit_values(self) -> None:
        """The site's first commit."""
        for service, values in self.upstreams.values(self.ingress.url).items():
            self.repository.values(service, values)
        self.repository.commit("The services of this site")

    def apply_example(self, path: str, **changes: str) -> None:
        """A file of deploy/argocd, with the site's own repository and whatever else it changes."""
        text = (self.repository.folder / "deploy/argocd" / path).read_text()
        for old, new in {_EXAMPLE: self.repository.url, **changes}.items():
            assert old in text, f"{path} does not say {old}"
            text = text.replace(old, new)
        self.kubectl("apply", "--filename=-", stdin=text)

    def provide_secret(self, service: str, namespace: str | None = None) -> None:
        """As whoever keeps the site's secrets does."""
        values = self.upstreams.kept().get(service)
        if values:
            self.kubectl.secret(service, namespace or service, **values)

    def serve(self) -> None:
        """Lead callers to the services, as soon as their Ingress objects are there."""
        for service in SERVICES:
            eventually(f"{service} has an Ingress", lambda: self.kubectl.list("ingress", service), within=60)  # noqa: B023
        self.ingress.reload(*SERVICES)

    # What is asked about workloads

    def pods(self, service: str) -> dict[str, Manifest]:
        """The running ones, by their unique id."""
        selector = f"app.kubernetes.io/name={service}"
        return {pod["metadata"]["uid"]: pod for pod in self.kubectl.pods(service, selector)}

    def addresses(self, service: str, namespace: str | None = None) -> set[str]:
        """Where new requests to the Service go."""
        slices = self.kubectl.list("endpointslice", namespace or service, f"kubernetes.io/service-name={service}")
        return {
            address
            for one in slices
            for endpoint in one.get("endpoints") or []
            if endpoint.get("conditions", {}).get("ready")
            for address in endpoint["addresses"]
        }

    def rolled_out(self, service: str, within: float = 120) -> None:
        """Wait until all pods are the newest, and ready."""
        kind = "statefulset" if service == "instance-proxy" else "deployment"
        self.kubectl("rollout", "status", f"{kind}/{service}", f"--namespace={service}", f"--timeout={int(within)}s", within=within + 5)

    def scale(self, replicas: int, *services: str) -> None:
        """By commits, as everything else."""
        for service in services:
            commit = self.repository.change(service, lambda values: values.update(replicaCount=replicas))
        for service in services:
            self.argo.synced(service, commit)
            ready = lambda: self.addresses(service)  # noqa: B023, E731
            eventually(f"{service} has {replicas} pods", lambda: len(ready()) == replicas, within=90)  # noqa: B023

    def events(self, namespace: str, reason: str) -> list[str]:
        """What the cluster says of it."""
        told = self.kubectl.list("event", namespace)
        return [str(event["message"]) for event in told if event["reason"] == reason]


def _volume(name: str, place: Path) -> Manifest:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node1"]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "64Mi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "local",
            "local": {"path": str(place)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
