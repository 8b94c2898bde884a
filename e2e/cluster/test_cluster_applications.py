"""Argo CD and the services: in step with the repository, healthy, and saying what is wrong where they are not."""

import json
from typing import Any

import psutil

from lib.cluster.argo import Argo
from lib.cluster.kubectl import Kubectl, Manifest, is_ready
from lib.cluster.platform import Platform
from lib.cluster.upstreams import SERVICES
from lib.poll import eventually


def test_a_pod_whose_secret_is_not_there_yet_waits_and_says_for_what(empty_platform: Platform) -> None:
    kubectl = empty_platform.kubectl
    empty_platform.apply_example("app-of-apps.yaml", **{"environment: example": "environment: e2e"})

    def waits() -> list[str]:
        return [told for told in empty_platform.events("jira-proxy", "FailedMount") if "not found" in told]

    told = eventually("the pods' mount fails", waits, within=90)
    assert 'secret "jira-proxy" not found' in told[0]
    pods = kubectl.pods("jira-proxy")
    assert len(pods) == 2
    for pod in pods:
        states = [one for key in ("initContainerStatuses", "containerStatuses") for one in pod["status"].get(key, [])]
        assert all(one["restartCount"] == 0 and "waiting" in one["state"] for one in states)


def test_the_app_of_apps_makes_one_application_per_service_and_all_are_in_step(platform: Platform, argo: Argo) -> None:
    assert set(argo.names()) == {"nbgate", *SERVICES}
    assert {argo.status(name) for name in argo.names()} == {("Synced", "Healthy")}
    for service in SERVICES:
        conditions = [one["type"] for one in argo.application(service)["status"].get("conditions", [])]
        assert [one for one in conditions if one.endswith("Error")] == []
        assert len(platform.addresses(service)) == 2


def test_pods_are_restricted(platform: Platform) -> None:
    for service in SERVICES:
        labels = platform.kubectl.get("namespace", service)["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        for pod in platform.pods(service).values():
            _is_restricted(pod)


def _is_restricted(pod: Manifest) -> None:
    mounted = [volume for volume in pod["spec"]["volumes"] if "projected" in volume]
    assert mounted == [], "no token of a ServiceAccount"
    assert pod["spec"]["securityContext"]["runAsUser"] > 10_000
    for container in pod["spec"]["initContainers"] + pod["spec"]["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
        assert context["capabilities"] == {"drop": ["ALL"]}


def test_a_process_has_that_user_no_privileges_and_a_read_only_root(platform: Platform) -> None:
    for service in SERVICES:
        (pod, *_) = platform.pods(service).values()
        process = _process(pod)
        assert process["Uid"].split() == ["65532"] * 4
        assert {process[one].strip("0") for one in ("CapPrm", "CapEff", "CapBnd")} == {""}
        assert process["NoNewPrivs"] == "1"
        assert process["Seccomp"] == "2"
        assert " / overlay ro," in process["mounts"]


def _process(pod: Manifest) -> dict[str, str]:
    """What the kernel says of a pod's service: nothing is in its image to ask with."""
    uid = pod["metadata"]["uid"]
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "/etc/nbgate/config.toml" in command and uid in _read(process.pid, "cgroup"):
            status = dict(line.split(":\t", 1) for line in _read(process.pid, "status").splitlines() if ":\t" in line)
            return status | {"mounts": _read(process.pid, "mounts")}
    raise AssertionError(f"no process of {pod['metadata']['name']}")


def _read(pid: int, name: str) -> str:
    with open(f"/proc/{pid}/{name}") as file:
        return file.read()


def test_what_the_schema_lets_pass_and_check_config_refuses_is_degraded_and_says_the_cure(
    platform: Platform, argo: Argo
) -> None:
    before = platform.pods("jira-proxy")

    def spoil(values: dict[str, Any]) -> None:
        del values["config"]["tenant"][0]["upstream"]["allow_insecure_http"]
        values["progressDeadlineSeconds"] = 15

    platform.repository.change("jira-proxy", spoil)
    eventually("it is Degraded", lambda: _status(argo, "jira-proxy")[1] == "Degraded", within=120, every=1)
    assert before.keys() <= platform.pods("jira-proxy").keys(), "those that serve went on serving"
    (broken,) = (pod for uid, pod in platform.pods("jira-proxy").items() if uid not in before)
    said = platform.kubectl("logs", broken["metadata"]["name"], "--namespace=jira-proxy", "--container=check-config")
    assert "tenant[0].upstream.url" in said and "allow_insecure_http" in said
    argo.synced("jira-proxy", platform.repository.revert())
    assert before.keys() == platform.pods("jira-proxy").keys()


def test_what_the_schema_refuses_reaches_no_pod_and_is_told_with_its_key(platform: Platform, argo: Argo) -> None:
    def spoil(values: dict[str, Any]) -> None:
        values["config"]["tenant"][0]["upstream"]["url"] = "jira.example.org"

    before = platform.pods("jira-proxy").keys()
    platform.repository.change("jira-proxy", spoil)
    told = eventually("Argo CD says so", lambda: _complaints(argo, "jira-proxy"), within=60, every=1)
    assert "config.tenant.0.upstream.url" in told[0]
    assert platform.pods("jira-proxy").keys() == before
    argo.synced("jira-proxy", platform.repository.revert())


def _complaints(argo: Argo, name: str) -> list[str]:
    argo.refresh(name)
    conditions = argo.application(name)["status"].get("conditions", [])
    return [one["message"] for one in conditions if one["type"] == "ComparisonError"]


def _status(argo: Argo, name: str) -> tuple[str, str]:
    argo.refresh(name)
    return argo.status(name)


def test_what_is_changed_by_hand_is_undone(platform: Platform, argo: Argo) -> None:
    kubectl = platform.kubectl
    kubectl("delete", "service", "efd-token", "--namespace=efd-token")
    eventually("it is there again", lambda: kubectl.get("service", "efd-token", "efd-token"), within=60)
    platform.ingress.reload(*SERVICES)  # the Service has another address now
    kubectl("scale", "deployment/efd-token", "--namespace=efd-token", "--replicas=3")
    eventually("it is undone", lambda: _wanted(kubectl, "efd-token") == 2, within=60)
    argo.synced("efd-token")
    eventually("there are two", lambda: len(platform.addresses("efd-token")) == 2, within=60)


def _wanted(kubectl: Kubectl, service: str) -> int:
    return int(kubectl.get("deployment", service, service)["spec"]["replicas"])


def test_what_the_repository_has_no_more_is_pruned(platform: Platform, argo: Argo) -> None:
    def close(values: dict[str, Any]) -> None:
        values["networkPolicy"] = {"enabled": False}

    assert platform.kubectl.list("networkpolicy", "efd-token")
    argo.synced("efd-token", platform.repository.change("efd-token", close))
    assert not platform.kubectl.list("networkpolicy", "efd-token")
    argo.synced("efd-token", platform.repository.revert())
    assert platform.kubectl.list("networkpolicy", "efd-token")


def test_a_service_that_is_synced_or_scaled_leaves_the_others_alone(platform: Platform) -> None:
    others = {service: platform.pods(service).keys() for service in ("efd-token", "instance-proxy")}
    platform.scale(3, "jira-proxy")
    platform.scale(2, "jira-proxy")
    restarts = [
        status["restartCount"]
        for service in SERVICES
        for pod in platform.pods(service).values()
        for status in pod["status"]["containerStatuses"]
    ]
    assert set(restarts) == {0}
    for service, pods in others.items():
        assert platform.pods(service).keys() == pods


def test_every_pod_logs_lines_of_json(platform: Platform) -> None:
    for service in SERVICES:
        for pod in platform.pods(service).values():
            assert is_ready(pod)
            said = platform.kubectl("logs", pod["metadata"]["name"], f"--namespace={service}", "--tail=3")
            assert all(json.loads(line) for line in said.splitlines())
