"""The cluster, and what stands in it and around it: started once, and kept for all tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lib.ask import ask
from lib.bench import Bench
from lib.cluster import upstreams as around
from lib.cluster.argo import Argo
from lib.cluster.load import Callers
from lib.cluster.node import Cluster
from lib.cluster.platform import Platform
from lib.cluster.upstreams import READER, SERVICES, Upstreams
from lib.instance.people import ADA
from lib.leaks import Ledger
from lib.poll import eventually


@pytest.fixture(scope="session")
def cluster(bench: Bench, ledger: Ledger) -> Iterator[Cluster]:
    """Kubernetes, with the images that were built for this run."""
    cluster = Cluster(bench)
    try:
        cluster.start()
        for image in SERVICES:
            cluster.containerd.load(Path(os.environ["NBGATE_E2E_IMAGES"]) / image / "image.tar")
        ledger.logged("logs of pods", lambda: b"\n".join(log.read_bytes() for log in cluster.logs.rglob("*.log")))
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def upstreams(cluster: Cluster, bench: Bench, ledger: Ledger) -> Upstreams:
    """At the node's address."""
    return around.start(bench, ledger)


@pytest.fixture(scope="session")
def empty_platform(bench: Bench, cluster: Cluster, upstreams: Upstreams) -> Platform:
    """Argo CD is there, and a repository, and no service yet."""
    platform = Platform(bench, cluster, upstreams)
    platform.commit_values()
    return platform


@pytest.fixture(scope="session")
def platform(empty_platform: Platform) -> Platform:
    """All services, made by the app-of-apps, with their secrets; each is in step and healthy."""
    platform = empty_platform
    if not platform.argo.exists("nbgate"):
        platform.apply_example("app-of-apps.yaml", **{"environment: example": "environment: e2e"})
    for service in SERVICES:
        eventually(f"{service} has a namespace", lambda: platform.kubectl.get("namespace", service), within=60)  # noqa: B023
        platform.provide_secret(service)
    platform.serve()
    for service in SERVICES:
        platform.argo.synced(service)
        platform.rolled_out(service)
    platform.argo.synced("nbgate")
    return platform


@pytest.fixture(scope="session")
def argo(platform: Platform) -> Argo:
    """Its controllers."""
    return platform.argo


@pytest.fixture(scope="session")
def reader(upstreams: Upstreams) -> str:
    """A token of the hub's for somebody who may use the services."""
    return upstreams.hub.token(READER)


@pytest.fixture(scope="session")
def lease(platform: Platform, reader: str, ledger: Ledger) -> tuple[str, str]:
    """Name and password for the EFD."""
    answer = ask("GET", f"{platform.ingress.url}/segwarides/creds/usdf_efd", reader)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()["username"], ledger.platform_token(answer.json()["password"])


@pytest.fixture
def callers(platform: Platform, upstreams: Upstreams, reader: str, lease: tuple[str, str]) -> Callers:
    """Who asks while something changes."""
    token = upstreams.visa.token(ADA, 3600)
    return Callers(platform.ingress.port, upstreams, reader, token, lease)
