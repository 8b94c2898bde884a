"""kubectl, as an operator runs it."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Manifest = dict[str, Any]


class Refused(AssertionError):
    """What kubectl said when it failed."""


class Kubectl:
    """Against one cluster; a namespace where it is named."""

    def __init__(self, program: str, kubeconfig: Path) -> None:
        self._command = [program, "kubectl", f"--kubeconfig={kubeconfig}"]

    def __call__(self, *words: str, stdin: str | None = None, within: float = 60) -> str:
        """One command; what it printed."""
        done = subprocess.run(
            [*self._command, *words], input=stdin, capture_output=True, text=True, timeout=within, check=False
        )
        if done.returncode != 0:
            raise Refused(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    @property
    def command(self) -> str:
        """For a script that is told what to call."""
        return " ".join(self._command)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A command that goes on."""
        return subprocess.Popen([*self._command, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """These objects."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self("apply", "--filename=-", stdin=json.dumps(listed))

    def get(self, kind: str, name: str, namespace: str | None = None) -> Manifest:
        """One object."""
        found: Manifest = json.loads(self("get", kind, name, "--output=json", *_in(namespace)))
        return found

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> Sequence[Manifest]:
        """All objects of a kind."""
        where = _in(namespace) or ["--all-namespaces"]
        items: Sequence[Manifest] = json.loads(
            self("get", kind, f"--selector={selector}", "--output=json", *where)
        )["items"]
        return items

    def namespace(self, name: str) -> None:
        """One that enforces what a platform should."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    def secret(self, name: str, namespace: str, **values: str) -> None:
        """Make it, or change it."""
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": namespace},
                "stringData": values,
            }
        )

    def pods(self, namespace: str, selector: str = "") -> Sequence[Manifest]:
        """Those that are not about to go."""
        return [pod for pod in self.list("pod", namespace, selector) if "deletionTimestamp" not in pod["metadata"]]


def is_ready(pod: Manifest) -> bool:
    """Whether requests go to it."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _in(namespace: str | None) -> list[str]:
    return [f"--namespace={namespace}"] if namespace else []
