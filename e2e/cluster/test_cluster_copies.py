"""Developers' copies beside the service: by the ApplicationSet, by plain manifests, and changed while they run."""

import io
import os
import shlex
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import lib
import httpx
import pytest
from lib.cluster import settings
from lib.cluster.argo import Argo
from lib.cluster.kubectl import Manifest, is_ready
from lib.cluster.platform import Platform
from lib.cluster.runtime import build_image
from lib.poll import eventually
from lib.service import binary

_ROOT = Path(lib.__file__).parent.parent.parent
_COPIES = ("dev1", "dev2")
_LIVE = "localhost/nbgate/live:e2e"


@pytest.fixture(scope="module")
def copies(platform: Platform) -> Iterator[list[str]]:
    """Two of jira-proxy, made by the ApplicationSet; the second is for live development."""
    _load_shell(platform)
    for service in ("efd-token", "instance-proxy"):
        for copy in _COPIES:
            platform.repository.remove(f"charts/{service}/values-{copy}.yaml")
    platform.repository.commit("Developers work on jira-proxy")
    dev_mode = {"enabled": True, "image": _LIVE}
    platform.repository.change("jira-proxy", lambda values: values["config"].update(devMode=dev_mode), copy="dev2")
    platform.apply_example("applicationset-dev.yaml", **{"values-example.yaml": "values-e2e.yaml"})
    namespaces = [f"jira-proxy-{copy}" for copy in _COPIES]
    for namespace in namespaces:
        eventually(f"{namespace} is there", lambda: platform.kubectl.get("namespace", namespace), within=60)  # noqa: B023
        platform.provide_secret("jira-proxy", namespace)
    for namespace in namespaces:
        eventually("it has an Ingress", lambda: platform.kubectl.list("ingress", namespace), within=60)  # noqa: B023
    yield namespaces
    platform.kubectl("delete", "applicationset", "nbgate-dev", "--namespace=argocd", "--wait=false", "--ignore-not-found")


def _load_shell(platform: Platform) -> None:
    """An image with a shell, as sites have one."""
    with tempfile.TemporaryDirectory() as folder:
        programs = Path(folder) / "bin"
        programs.mkdir()
        (programs / "busybox").write_bytes(settings.debian("busybox-static", "bin/busybox").read_bytes())
        (programs / "busybox").chmod(0o755)
        for name in ("sh", "cat", "chmod", "mv", "sleep", "stat", "tar"):
            (programs / name).symlink_to("busybox")
        platform.cluster.containerd.load(build_image(Path(folder), _LIVE, "COPY bin /bin\n"))


def _serve(platform: Platform, *namespaces: str) -> None:
    """Their Ingress objects need an address too, or they never become healthy; the service's own paths stay."""
    platform.ingress.acknowledge(*namespaces)


def _memory(platform: Platform, namespace: str) -> str:
    deployment = platform.kubectl.get("deployment", "jira-proxy", namespace)
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"])


def test_each_copy_has_a_namespace_a_host_and_one_pod_of_its_own(
    platform: Platform, argo: Argo, copies: list[str]
) -> None:
    _serve(platform, *copies)
    argo.synced("jira-proxy-dev1")
    for copy, namespace in zip(_COPIES, copies, strict=True):
        labels = platform.kubectl.get("namespace", namespace)["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        (ingress,) = platform.kubectl.list("ingress", namespace)
        assert [rule["host"] for rule in ingress["spec"]["rules"]] == [f"data-{copy}.example.org"]
        assert len(platform.kubectl.pods(namespace)) == 1
    assert len(platform.addresses("jira-proxy")) == 2, "the service itself is as it was"


def test_what_is_changed_in_a_copy_is_shown_and_stays(platform: Platform, argo: Argo, copies: list[str]) -> None:
    _serve(platform, *copies)
    argo.synced("jira-proxy-dev1")
    place = ["deployment/jira-proxy", "--namespace=jira-proxy-dev1"]
    before = _memory(platform, "jira-proxy-dev1")
    platform.kubectl("set", "resources", *place, "--limits=memory=300Mi")

    def out_of_sync() -> bool:
        argo.refresh("jira-proxy-dev1")
        return argo.status("jira-proxy-dev1")[0] == "OutOfSync"

    eventually("Argo CD shows it", out_of_sync, within=60, every=1)
    time.sleep(10)  # twice as often as it looks
    assert out_of_sync()
    assert _memory(platform, "jira-proxy-dev1") == "300Mi"
    platform.kubectl("set", "resources", *place, f"--limits=memory={before}")
    argo.synced("jira-proxy-dev1")


def test_a_build_is_brought_into_the_running_pod_with_kubectl_alone(platform: Platform, copies: list[str]) -> None:
    namespace = copies[1]
    (pod,) = eventually("it waits for a build", lambda: _waiting(platform, namespace), within=60)
    for build in (1, 2):  # the second takes the first one's place
        _push(platform)
        eventually("it starts", lambda: _starts(platform, namespace, pod) == build, within=30)  # noqa: B023
        eventually("it serves", lambda: _ready(pod), within=30)
    _is_the_same(platform, namespace, pod)


def test_a_tool_that_syncs_files_finds_what_it_needs(platform: Platform, copies: list[str]) -> None:
    """What DevSpace does, without it: a helper into /tmp, by `tar`, and the file written in place while the build before runs."""
    namespace = copies[1]
    (pod,) = eventually("it is ready", lambda: _waiting(platform, namespace), within=60)
    before = _starts(platform, namespace, pod)
    built = binary("jira-proxy").read_bytes()
    _in_pod(platform, namespace, pod, "tar xzp -C /tmp/.", _archive("helper", built))
    assert _in_pod(platform, namespace, pod, "/tmp/helper --version").startswith(b"jira-proxy ")
    _in_pod(platform, namespace, pod, "cat >/live/jira-proxy && chmod 755 /live/jira-proxy", built)
    eventually("it starts", lambda: _starts(platform, namespace, pod) == before + 1, within=30)
    eventually("it serves", lambda: _ready(pod), within=30)
    _is_the_same(platform, namespace, pod)


def _waiting(platform: Platform, namespace: str) -> list[Manifest] | None:
    pods = platform.kubectl.pods(namespace)
    return list(pods) if len(pods) == 1 and is_ready(pods[0]) else None


def _ready(pod: Manifest) -> bool:
    """By the service's own word: its pod is ready without."""
    return httpx.get(f"http://{pod['status']['podIP']}:8090/readyz", trust_env=False).status_code == httpx.codes.OK


def _is_the_same(platform: Platform, namespace: str, pod: Manifest) -> None:
    (same,) = platform.kubectl.pods(namespace)
    assert same["metadata"]["uid"] == pod["metadata"]["uid"]
    assert same["status"]["containerStatuses"][0]["restartCount"] == 0


def _archive(name: str, content: bytes) -> bytes:
    """As DevSpace makes it: gzip, owned by root, for everybody."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o777
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _in_pod(platform: Platform, namespace: str, pod: Manifest, script: str, given: bytes = b"") -> bytes:
    place = ["exec", "--stdin", pod["metadata"]["name"], f"--namespace={namespace}", "--container=jira-proxy"]
    done = subprocess.run(
        [*shlex.split(platform.kubectl.command), *place, "--", "sh", "-c", script], input=given, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _starts(platform: Platform, namespace: str, pod: Manifest) -> int:
    """How often the service began to listen."""
    name = pod["metadata"]["name"]
    return platform.kubectl("logs", name, f"--namespace={namespace}", "--container=jira-proxy").count('"listening')


def _push(platform: Platform) -> None:
    done = subprocess.run(
        [_ROOT / "deploy/live/push.sh", "jira-proxy", "dev2"],
        env=os.environ | {"NBGATE_BINARY": str(binary("jira-proxy")), "KUBECTL": platform.kubectl.command},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_copies_that_the_applicationset_has_no_more_are_gone(platform: Platform, argo: Argo, copies: list[str]) -> None:
    platform.repository.remove("charts/jira-proxy/values-dev2.yaml")
    platform.repository.commit("jira-proxy: dev2 is done")
    platform.kubectl(
        "annotate", "--overwrite", "--namespace=argocd", "applicationset/nbgate-dev", "argocd.argoproj.io/application-set-refresh=true"
    )
    eventually("dev2 is gone", lambda: not argo.exists("jira-proxy-dev2"), within=120, every=1)
    assert platform.kubectl.pods(copies[1]) == []
    assert argo.exists("jira-proxy-dev1")


def test_the_same_copy_by_a_plain_manifest(platform: Platform, argo: Argo, copies: list[str]) -> None:
    platform.kubectl("delete", "applicationset", "nbgate-dev", "--namespace=argocd", "--wait=false")
    eventually("dev1 is gone", lambda: not argo.exists("jira-proxy-dev1"), within=120, every=1)
    platform.apply_example("dev/jira-proxy-dev1.yaml", **{"values-example.yaml": "values-e2e.yaml"})
    eventually("it has an Ingress", lambda: platform.kubectl.list("ingress", copies[0]), within=90)
    _serve(platform, copies[0])
    argo.synced("jira-proxy-dev1")
    assert len(platform.addresses("jira-proxy", copies[0])) == 1
    platform.kubectl("delete", "application", "jira-proxy-dev1", "--namespace=argocd", within=120)
    assert platform.kubectl.pods(copies[0]) == []
