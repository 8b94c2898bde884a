"""Rendering, and a service run on what was rendered."""

import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import helm

CASES = Path(__file__).parent / "cases"
BINARIES = Path(os.environ["NBGATE_BIN_DIR"])
VERSIONS = ("1.31", "1.34", "1.37")
WORKLOADS = {"Deployment", "StatefulSet"}
# What the Secret holds, by key; `secrets.yaml` describes them.
SECRETS = {
    "username": "bot",
    "password": "a password",
    "lease-keys": f"202601 {'k' * 40}",
    "usdf_efd": '{"url": "https://influxdb.example.org/", "username": "efd", "password": "a password"}',
}


def sets_of_values(chart: Path) -> dict[str, list[Path]]:
    """By name: the environment's own values, alone, for developers' copies, and with each of the cases."""
    base = chart / "values-example.yaml"
    copies = sorted(chart.glob("values-dev*.yaml"))
    return {"example": [base], **{file.stem: [base, file] for file in (*copies, *sorted(CASES.glob("*.yaml")))}}


def arguments(files: list[Path]) -> list[str]:
    return [f"--values={file}" for file in files]


def rendered(chart: Path, files: list[Path], *more: str, version: str = "helm", kubernetes: str = "1.34") -> str:
    return helm.template(chart, *arguments(files), *more, version=version, kubernetes=kubernetes)


def one(objects: list[dict], *kinds: str) -> dict:
    found = [document for document in objects if document["kind"] in kinds]
    assert len(found) == 1, [document["kind"] for document in objects]
    return found[0]


def pod(objects: list[dict]) -> dict:
    return one(objects, *WORKLOADS)["spec"]["template"]["spec"]


@dataclass
class Ran:
    status: int
    said: str

    def good(self) -> bool:
        """Perhaps with warnings."""
        return self.status == 0 and self.said.startswith("configuration is good\n")


class Pod:
    """A pod's files below a folder, as the kubelet would lay them out, and its programs run on them."""

    def __init__(self, root: Path, objects: list[dict], secrets: dict[str, str] = SECRETS) -> None:
        self.root, self.spec = root, pod(objects)
        self.volumes = {volume["name"]: volume for volume in self.spec["volumes"]}
        config = one(objects, "ConfigMap")["data"]
        for mount in self.spec["containers"][0]["volumeMounts"]:
            folder = self.inside(mount["mountPath"])
            folder.mkdir(parents=True, exist_ok=True)
            volume = self.volumes.get(mount["name"], {})
            files = config if "configMap" in volume else {}
            if "secret" in volume:
                items = volume["secret"].get("items", [{"key": key, "path": key} for key in secrets])
                files = {item["path"]: secrets[item["key"]] for item in items}
            for name, text in files.items():
                # The only change: paths lead into the folder.
                for place in ("/etc/nbgate", "/var/lib/nbgate"):
                    text = text.replace(place, str(root) + place)
                (folder / name).write_text(text, "utf-8")

    def inside(self, path: str) -> Path:
        return self.root / path.removeprefix("/")

    def command(self, container: dict) -> list[str]:
        name = self.spec["containers"][0]["name"]
        return [str(BINARIES / name), *(str(self.inside(word)) if word.startswith("/") else word for word in container["args"])]

    def check(self) -> Ran:
        """The init container, to its end."""
        container = self.spec["initContainers"][0]
        env = {variable["name"]: variable["value"] for variable in container.get("env", [])}
        done = subprocess.run(self.command(container), env=env, capture_output=True, text=True, timeout=30, check=False)
        return Ran(done.returncode, (done.stdout + done.stderr).replace(str(self.root), ""))

    def start(self, ports: dict[str, int]) -> subprocess.Popen[str]:
        """The service, on other ports and on loopback: a machine has one 8080."""
        prefix = self.spec["containers"][0]["name"].replace("-", "_").upper()
        env = {f"{prefix}__SERVER__{name}": str(port) for name, port in ports.items()}
        env |= {f"{prefix}__SERVER__{name}": "127.0.0.1" for name in ("HOST", "ADMIN_HOST")}
        return subprocess.Popen(
            self.command(self.spec["containers"][0]), env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]
