"""Every chart with every set of values, rendered by two generations of Helm for three of Kubernetes."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

import helm
from chartvalues import CHARTS, SERVICES, values
from lib import VERSIONS, WORKLOADS, arguments, one, pod, rendered, sets_of_values

CASES = [(service, name) for service in SERVICES for name in sets_of_values(CHARTS / service)]
CUSTOM = ("gafaelfawr.lsst.io/", "ricoberger.de/", "external-secrets.io/", "monitoring.coreos.com/", "gateway.networking.k8s.io/")


def strictly_valid(objects: list[dict], version: str) -> None:
    for document in objects:
        if not document["apiVersion"].startswith(CUSTOM):
            kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize(("service", "name"), CASES)
def test_both_helms_render_what_three_kubernetes_versions_accept(charts: Path, service: str, name: str) -> None:
    files = sets_of_values(charts / service)[name]
    for version in VERSIONS:
        objects = helm.objects(rendered(charts / service, files, kubernetes=version))
        assert objects == helm.objects(rendered(charts / service, files, kubernetes=version, version="helm3"))
        strictly_valid(objects, version)


@pytest.mark.parametrize(("service", "name"), CASES)
@pytest.mark.parametrize("version", ["helm", "helm3"])
def test_helm_has_nothing_to_say(charts: Path, service: str, name: str, version: str) -> None:
    files = sets_of_values(charts / service)[name]
    helm.helm("lint", "--strict", "--quiet", charts / service, *(f"--values={file}" for file in files), version=version)


def booleans(values: dict, path: str = "") -> list[tuple[str, bool]]:
    found = []
    for key, value in values.items():
        name = f"{path}{key}"
        if isinstance(value, bool):
            found.append((name, value))
        elif isinstance(value, dict):
            found += booleans(value, f"{name}.")
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_each_switch_turned_alone_renders_valid_objects(charts: Path, service: str) -> None:
    switches = booleans(values(CHARTS / service).default)
    assert ("autoscaling.enabled", False) in switches
    for name in ("example", "everything", "gafaelfawr"):
        for switch, default in switches:
            for turned in (default, not default):
                text = rendered(charts / service, sets_of_values(charts / service)[name], f"--set={switch}={str(turned).lower()}")
                strictly_valid(helm.objects(text), "1.34")


def test_only_what_is_required_makes_a_whole_service(charts: Path) -> None:
    # Three values for a service at a JupyterHub.
    text = rendered(
        charts / "jira-proxy", [],
        "--set=image.registry=registry.example.org/nbgate,ingress.host=data.example.org",
        "--set-json=config.identity=[{\"kind\":\"jupyterhub\",\"api_url\":\"https://hub.example.org/hub/api\",\"service_name\":\"jira\"}]",
        "--set-json=config.tenant=[{\"upstream\":{\"url\":\"https://jira.example.org/\"}}]",
    )
    kinds = sorted(document["kind"] for document in helm.objects(text))
    assert kinds == ["ConfigMap", "Deployment", "Ingress", "NetworkPolicy", "PodDisruptionBudget", "Service"]


def test_every_pod_is_restricted(all_objects: dict[str, list[dict]]) -> None:
    for name, objects in all_objects.items():
        spec = pod(objects)
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 10000, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in (*spec["initContainers"], *spec["containers"]):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["requests"] and container["resources"]["limits"], name


def test_a_pod_has_the_time_to_drain(charts: Path) -> None:
    files = sets_of_values(charts / "jira-proxy")["example"]
    for more, seconds in (([], 35), (["--set=config.server.drain_deadline_seconds=120"], 130), (["--set=config.server.drain_grace_seconds=0"], 30)):
        assert pod(helm.objects(rendered(charts / "jira-proxy", files, *more)))["terminationGracePeriodSeconds"] == seconds


def test_a_copy_with_a_shell_is_ready_before_the_first_build_comes(charts: Path) -> None:
    # Tools that sync files wait for a ready pod, write into /tmp and /live, and find the rest as in production.
    for service in SERVICES:
        files = sets_of_values(charts / service)["values-dev1"]
        plain, live = (pod(helm.objects(rendered(charts / service, files, *more))) for more in ([], ["--set=config.devMode.image=busybox:1"]))
        assert plain["volumes"] == live["volumes"]
        (usual,), (container,) = plain["containers"], live["containers"]
        assert container == {key: value for key, value in usual.items() if not key.endswith("Probe")} | {
            "image": "busybox:1", "command": container["command"]
        }
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        for folder in ("/live", "/tmp"):
            assert {"name": mounts[folder], "emptyDir": {}} in live["volumes"]
        assert live["initContainers"] == plain["initContainers"], "the service's own image checks the configuration"


def test_a_changed_configuration_changes_the_pods_and_a_secret_does_not(charts: Path) -> None:
    files = sets_of_values(charts / "jira-proxy")["example"]

    def annotations(*more: str) -> dict:
        objects = helm.objects(rendered(charts / "jira-proxy", files, *more))
        return one(objects, *WORKLOADS)["spec"]["template"]["metadata"]["annotations"]

    assert annotations() == annotations("--set=replicaCount=5,secrets.provider=vaultSecret,secrets.vaultPath=a/b")
    assert annotations() != annotations("--set=config.log.level=debug")


def test_whoever_scales_by_itself_leaves_the_number_to_the_autoscaler(all_objects: dict[str, list[dict]]) -> None:
    for service in SERVICES:
        scaled = all_objects[f"{service} with everything"]
        workload = one(scaled, *WORKLOADS)
        assert "replicas" not in workload["spec"]
        target = one(scaled, "HorizontalPodAutoscaler")["spec"]
        assert target["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": workload["kind"], "name": workload["metadata"]["name"]}
        assert target["minReplicas"] >= 2
        assert one(all_objects[f"{service} with example"], *WORKLOADS)["spec"]["replicas"] == 2
        assert one(all_objects[f"{service} with values-dev1"], *WORKLOADS)["spec"]["replicas"] == 1


def test_labels_and_annotations_of_the_site_are_beside_the_charts_own(charts: Path, tmp_path: Path) -> None:
    # A label that others select by stays: another one would take the pods out of the NetworkPolicy.
    file = tmp_path / "values.yaml"
    file.write_text(
        "podLabels: {app.kubernetes.io/name: another, team: a}\npodAnnotations: {checksum/config: none, team: a}\n"
        "ingress: {annotations: {argocd.argoproj.io/sync-wave: '5', team: a}}\n"
        "metrics: {rules: {enabled: true, labels: {app.kubernetes.io/name: another, team: a}}}\n", "utf-8",
    )
    text = rendered(charts / "jira-proxy", [*sets_of_values(charts / "jira-proxy")["example"], file])
    for document in text.split("\n---\n"):
        yaml.load(document, Unique)
    objects = helm.objects(text)
    pods = one(objects, "Deployment")["spec"]["template"]["metadata"]
    selected = one(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert {**selected, "team": "a"}.items() <= pods["labels"].items()
    assert pods["annotations"]["team"] == "a" and len(pods["annotations"]["checksum/config"]) == 64
    assert one(objects, "PrometheusRule")["metadata"]["labels"]["app.kubernetes.io/name"] == "jira-proxy"
    assert one(objects, "Ingress")["metadata"]["annotations"] == {"argocd.argoproj.io/sync-wave": "5", "team": "a"}


class Unique(yaml.SafeLoader):
    """YAML in which no key is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        made = super().construct_mapping(node, deep)
        assert len(made) == len(node.value), node.start_mark
        return made


def test_what_is_taken_away_with_null_is_refused_or_left_out(charts: Path, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    for service in SERVICES:
        for key in values(CHARTS / service).children:
            file.write_text(f"{key}: null\n", "utf-8")
            files = [*sets_of_values(charts / service)["example"], file]
            done = helm.helm("template", service, charts / service, *arguments(files), check=False)
            if done.returncode:
                assert " is null, which takes its default away" in done.stderr or " is empty: " in done.stderr, f"{key}: {done.stderr}"
            else:
                strictly_valid(helm.objects(done.stdout), "1.34")


def test_a_secret_is_mounted_as_a_folder(all_objects: dict[str, list[dict]]) -> None:
    # A single file (subPath) would never change in a running pod.
    for objects in all_objects.values():
        for container in (*pod(objects)["initContainers"], *pod(objects)["containers"]):
            assert not [mount for mount in container["volumeMounts"] if "subPath" in mount]
