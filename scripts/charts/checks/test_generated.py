"""What is generated is as it would be written today."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import helm
import phalanx
import write
from chartvalues import APP_OF_APPS, CHARTS, ROOT, SERVICES
from lib import SECRETS, Pod, sets_of_values

SCHEMA = Path(__file__).parent / "schemas/phalanx-secrets.json"


def test_schemas_tables_and_manifests_are_up_to_date() -> None:
    old = [str(path.relative_to(ROOT)) for path, text in write.generated().items() if path.read_text("utf-8") != text]
    assert not old, "run `just charts-write`"


def test_a_site_may_switch_a_service_off_and_write_its_manifests_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "app-of-apps"
    shutil.copytree(APP_OF_APPS, site)
    values = yaml.safe_load((site / "values.yaml").read_text("utf-8"))
    values["applications"]["efd-token"]["enabled"] = False
    (site / "values.yaml").write_text(yaml.safe_dump(values), "utf-8")
    monkeypatch.setattr(write, "APP_OF_APPS", site)
    for copy in ("", "dev1"):
        application = yaml.safe_load(write.application("efd-token", copy))
        assert application["spec"]["source"]["path"] == "charts/efd-token"


def test_charts_ask_for_the_images_that_are_built_here() -> None:
    # deploy/image.sh takes the tag from the workspace, a chart from its appVersion.
    version = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]["package"]["version"]
    for service in SERVICES:
        assert yaml.safe_load((CHARTS / service / "Chart.yaml").read_text("utf-8"))["appVersion"] == version


def test_every_secret_of_the_example_is_described() -> None:
    described = {key for file in CHARTS.glob("*/secrets.yaml") for key in yaml.safe_load(file.read_text("utf-8"))}
    assert described == set(SECRETS)


def test_a_phalanx_checkout_gets_whole_applications(tmp_path: Path) -> None:
    for service in SERVICES:
        (tmp_path / "applications" / service).mkdir(parents=True)
        site = tmp_path / "applications" / service / "values-example.yaml"
        site.write_text("image: {registry: registry.example.org}\n" + SITE[service], "utf-8")
        phalanx.write(service, tmp_path)
        assert site.exists()
        folder = tmp_path / "applications" / service
        parameters = ("--set=global.host=platform.example.org,global.vaultSecretsPath=secret/phalanx/example",)
        for version in ("helm", "helm3"):
            arguments = (f"--values={folder}/values.yaml", f"--values={site}", *parameters)
            helm.helm("lint", "--strict", folder, *arguments, version=version)
            objects = helm.objects(helm.template(folder, *arguments, version=version))
        kinds = {document["kind"] for document in objects}
        assert ("GafaelfawrIngress" in kinds, "VaultSecret" in kinds) == (True, service != "instance-proxy")
        assert Pod(tmp_path / "pods" / service, objects).check().good()
        assert "version: 1.0.0\n" in (folder / "Chart.yaml").read_text("utf-8")


SITE = {
    "jira-proxy": "config: {tenant: [{upstream: {url: 'https://jira.example.org/'}}]}\n",
    "efd-token": "documents: {default: [usdf_efd]}\n",
    "instance-proxy": (
        "config: {identity: [{kind: gateway, trusted_peers: [10.0.0.1]}], "
        "tenant: [{instances: {kind: static}, instance: [{id: '1', address: 10.0.0.1}]}]}\n"
    ),
}


def test_descriptions_of_secrets_are_as_phalanx_wants_them() -> None:
    files = sorted(CHARTS.glob("*/secrets.yaml"))
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--schemafile", SCHEMA, *files], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_values_files_of_the_example_are_small(charts: Path) -> None:
    # What an operator must write fits on a screen.
    for service in SERVICES:
        lines = sets_of_values(charts / service)["example"][0].read_text("utf-8").splitlines()
        assert len(lines) < 25
