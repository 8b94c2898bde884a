"""While people work: whatever operators do, no request fails, and tunnels are told 1001."""

import json
import time
from typing import Any

import httpx
import pytest

from lib.cluster.kubectl import Refused
from lib.cluster.load import Callers, Load
from lib.cluster.platform import Platform
from lib.cluster.upstreams import SERVICES, Upstreams
from lib.instance.kernel import JupyterClient
from lib.leaks import Ledger
from lib.poll import eventually


def test_a_commit_that_changes_the_configuration(platform: Platform, callers: Callers) -> None:
    def verbose(values: dict[str, Any]) -> None:
        values["config"]["log"] = {"level": "debug"}

    before = {service: platform.pods(service) for service in SERVICES}
    with Load(callers):
        for service in SERVICES:
            commit = platform.repository.change(service, verbose)
        for service in SERVICES:
            platform.argo.synced(service, commit)
            platform.rolled_out(service)
    for service in SERVICES:
        assert not before[service].keys() & platform.pods(service).keys(), "every pod is a new one"


def test_a_secret_that_is_rotated_reaches_running_pods(
    platform: Platform, callers: Callers, upstreams: Upstreams, ledger: Ledger
) -> None:
    before = platform.pods("jira-proxy").keys()
    read = _reloads(platform)
    with Load(callers):
        upstreams.new_jira_account(ledger)
        platform.provide_secret("jira-proxy")
        eventually("every pod has read it", lambda: _all_more(_reloads(platform), read), within=120, every=1)
        upstreams.close_earlier_jira_accounts()
        time.sleep(3)
    assert platform.pods("jira-proxy").keys() == before


def _reloads(platform: Platform) -> dict[str, float]:
    """How often each pod has noticed a new secret."""
    counted = {}
    for uid, pod in platform.pods("jira-proxy").items():
        text = httpx.get(f"http://{pod['status']['podIP']}:8090/metrics", trust_env=False).text
        lines = [line for line in text.splitlines() if line.startswith("nbgate_credential_reloads_total")]
        counted[uid] = sum(float(line.split()[-1]) for line in lines if 'outcome="loaded"' in line)
    return counted


def _all_more(now: dict[str, float], before: dict[str, float]) -> bool:
    return all(now[uid] > count for uid, count in before.items())


def test_a_scale_from_two_to_four_and_back(platform: Platform, callers: Callers) -> None:
    with Load(callers):
        platform.scale(4, *SERVICES)
        time.sleep(1)
        platform.scale(2, *SERVICES)
        for service in SERVICES:
            pods = lambda: platform.kubectl.list("pod", service)  # noqa: B023, E731
            eventually(f"pods of {service} that went are gone", lambda: len(pods()) == 2, within=60)  # noqa: B023


def test_a_replica_that_goes_leaves_no_open_session_in_its_journal(
    platform: Platform, upstreams: Upstreams, callers: Callers
) -> None:
    headers = {"Authorization": f"Bearer {callers.visa_token}"}
    platform.scale(4, "instance-proxy")
    with JupyterClient(platform.ingress.url, upstreams.jupyter.base_url, headers) as page:
        kernel = page.start_kernel()
        sessions = [page.kernel(kernel) for _ in range(12)]
        eventually("VISA knows of all", lambda: len(upstreams.visa.api.open_sessions(upstreams.instance)) == 12, within=20)
        platform.scale(2, "instance-proxy")
        eventually("two went", lambda: len(platform.kubectl.list("pod", "instance-proxy")) == 2, within=60)
        remaining = {name for pod in platform.pods("instance-proxy").values() for name in [pod["metadata"]["name"]]}
        for name in ("instance-proxy-2", "instance-proxy-3"):
            assert name not in remaining
            assert _open_entries(platform, name) == [], name
        for session in sessions:
            session.socket.close()
        eventually("VISA knows of none", lambda: not upstreams.visa.api.open_sessions(upstreams.instance), within=20)
        page.end_kernel(kernel)


def _open_entries(platform: Platform, pod: str) -> list[str]:
    """What the journal of this pod's volume says is still to be done."""
    claim = platform.kubectl.get("persistentvolumeclaim", f"journal-{pod}", "instance-proxy")
    volume = platform.kubectl.get("persistentvolume", claim["spec"]["volumeName"])
    folder = platform.cluster.home / "volumes" / volume["spec"]["local"]["path"].rpartition("/")[2]
    files = list(folder.rglob("*.journal"))
    assert files, "it has a journal"
    standing: set[str] = set()
    for file in files:
        for line in file.read_text().splitlines():
            sign, text = line[:1], line[1:].strip()
            if sign == "+":
                standing.add(text)
            elif sign == "-":
                standing.discard(text)
    return sorted(standing)


def test_a_pod_that_is_deleted(platform: Platform, callers: Callers) -> None:
    with Load(callers):
        for service in SERVICES:
            (pod, *_) = platform.pods(service).values()
            platform.kubectl("delete", "pod", pod["metadata"]["name"], f"--namespace={service}", "--wait=false")
        for service in SERVICES:
            platform.rolled_out(service)
            eventually("there are two again", lambda: len(platform.addresses(service)) == 2, within=60)  # noqa: B023


def test_evictions_are_bounded_by_the_disruption_budget(platform: Platform, callers: Callers) -> None:
    service = "jira-proxy"
    first, second = (pod["metadata"]["name"] for pod in platform.pods(service).values())
    with Load(callers):
        _evict(platform, service, first)
        with pytest.raises(Refused, match="disruption budget"):
            _evict(platform, service, second)
        eventually("there are two again", lambda: len(platform.addresses(service)) == 2, within=60)
        eventually("the next may go", lambda: _evict(platform, service, second) is None, within=30, every=1)
        eventually("there are two again", lambda: len(platform.addresses(service)) == 2, within=60)
        platform.rolled_out(service)


def _evict(platform: Platform, namespace: str, pod: str) -> None:
    """As `kubectl drain` does for each pod of a node."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    platform.kubectl("create", f"--raw={path}", "--filename=-", stdin=json.dumps(eviction))
