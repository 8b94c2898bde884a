"""Custom objects, against their definitions: types first, then keys that nobody knows."""

import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from chartvalues import ROOT
from helm import TOOLS

SCHEMAS = Path(__file__).parent / "schemas"
# Objects whose definition is written down here, as no package has it.
OURS = {"GafaelfawrIngress": "gafaelfawringress", "VaultSecret": "vaultsecret"}
PACKAGES = {
    "argoproj.io/v1alpha1": "argo-cd",
    "monitoring.coreos.com/v1": "prometheus-operator",
    "gateway.networking.k8s.io/v1": "gateway-api",
    "external-secrets.io/v1": "external-secrets",
}


def argocd_objects() -> list[dict]:
    files = [file for file in (ROOT / "deploy/argocd").rglob("*.yaml") if "app-of-apps" not in file.parts]
    return [document for file in files for document in yaml.safe_load_all(file.read_text("utf-8"))]


@pytest.mark.parametrize("kind", OURS)
def test_objects_of_rubin_are_as_their_definitions_say(all_objects: dict[str, list[dict]], kind: str) -> None:
    schema = json.loads((SCHEMAS / f"{OURS[kind]}.json").read_text("utf-8"))
    found = [document for objects in all_objects.values() for document in objects if document["kind"] == kind]
    assert found
    for document in found:
        jsonschema.validate(document, schema)


def test_other_custom_objects_have_the_types_of_their_definitions_and_no_other_keys(
    all_objects: dict[str, list[dict]], tmp_path: Path
) -> None:
    every = [*argocd_objects(), *(document for objects in all_objects.values() for document in objects)]
    custom = [document for document in every if document["apiVersion"] in PACKAGES]
    kinds = {document["kind"] for document in custom}
    assert kinds == {
        "AppProject", "Application", "ApplicationSet", "ServiceMonitor", "PrometheusRule", "HTTPRoute", "ExternalSecret",
    }
    assert checked(custom, tmp_path) == ""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda spec: spec.update(projekt="nbgate"), "projekt"),
        (lambda spec: spec["syncPolicy"].update(automated="yes"), "Automated"),
    ],
)
def test_a_wrong_object_is_noticed(tmp_path: Path, change, why: str) -> None:
    application = next(document for document in argocd_objects() if document["kind"] == "Application")
    change(application["spec"])
    assert why in checked([application], tmp_path)


def checked(documents: list[dict], folder: Path) -> str:
    """What the packages' own validators and TypeScript find wrong."""
    lines, imports = [], set()
    for number, document in enumerate(documents):
        kind, package = document["kind"], f"@kubernetes-models/{PACKAGES[document['apiVersion']]}/{document['apiVersion']}"
        imports.add(f'import {{ {kind}, type I{kind} }} from "{package}/{kind}";')
        lines.append(f"const object{number}: I{kind} = {json.dumps(document)};")
        lines.append(f"new {kind}(object{number}).validate();")
    # TypeScript finds packages beside the file; Node too.
    (folder / "node_modules").symlink_to(TOOLS / "npm/node_modules")
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    (folder / "objects.ts").write_text("\n".join([*sorted(imports), *lines]), "utf-8")
    tsc = [TOOLS / "npm/node_modules/.bin/tsc", "--strict", "--skipLibCheck", "--target", "es2022"]
    compiled = subprocess.run(
        [*tsc, "--module", "nodenext", "--moduleResolution", "nodenext", "objects.ts"],
        cwd=folder, capture_output=True, text=True, check=False,
    )
    if compiled.returncode:
        return compiled.stdout
    ran = subprocess.run(["node", "objects.js"], cwd=folder, capture_output=True, text=True, check=False, env=os.environ)
    return ran.stderr
