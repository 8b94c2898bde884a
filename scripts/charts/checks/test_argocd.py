"""What Argo CD is given: each Application leads to a chart that renders, inside of what its AppProject permits."""

import fnmatch
from pathlib import Path

import pytest
import yaml

import helm
from chartvalues import APP_OF_APPS, ROOT, SERVICES
from lib import rendered

ARGOCD = ROOT / "deploy/argocd"


def read(name: str) -> dict:
    return yaml.safe_load((ARGOCD / name).read_text("utf-8"))


def app_of_apps(*more: str) -> list[dict]:
    return helm.objects(helm.template(APP_OF_APPS, *more))


def what_argo_renders(charts: Path, application: dict) -> list[dict]:
    source = application["spec"]["source"]
    chart = charts / Path(source["path"]).relative_to("charts")
    return helm.objects(rendered(chart, [chart / file for file in source["helm"]["valueFiles"]]))


PLAIN = sorted(str(file.relative_to(ARGOCD)) for folder in ("applications", "dev") for file in (ARGOCD / folder).glob("*.yaml"))


def test_there_is_a_manifest_for_each_service_and_copy() -> None:
    copies = [f"dev/{service}-dev{number}.yaml" for service in SERVICES for number in (1, 2)]
    assert sorted([*(f"applications/{service}.yaml" for service in SERVICES), *copies]) == PLAIN


@pytest.mark.parametrize("manifest", PLAIN)
def test_each_application_renders_inside_of_its_project(charts: Path, manifest: str) -> None:
    application, project = read(manifest), read("project.yaml")["spec"]
    assert application["spec"]["project"] == read("project.yaml")["metadata"]["name"]
    assert application["spec"]["source"]["repoURL"] in project["sourceRepos"]
    destination = application["spec"]["destination"]
    assert any(
        fnmatch.fnmatch(destination["namespace"], permitted["namespace"]) and destination["server"] == permitted["server"]
        for permitted in project["destinations"]
    )
    permitted = {(entry["group"], entry["kind"]) for entry in project["namespaceResourceWhitelist"]}
    for document in what_argo_renders(charts, application):
        group = document["apiVersion"].rpartition("/")[0]
        assert (group, document["kind"]) in permitted


def test_everything_that_any_values_render_is_permitted(all_objects: dict[str, list[dict]]) -> None:
    rules = read("project.yaml")["spec"]["namespaceResourceWhitelist"]
    permitted = {(entry["group"], entry["kind"]) for entry in rules}
    made = {(document["apiVersion"].rpartition("/")[0], document["kind"]) for all_ in all_objects.values() for document in all_}
    assert made == permitted


def test_the_app_of_apps_renders_down_to_pods(charts: Path) -> None:
    top = read("app-of-apps.yaml")["spec"]["source"]
    assert ROOT / top["path"] == APP_OF_APPS
    values = top["helm"]["valuesObject"]
    objects = app_of_apps(*(f"--set={key}={value}" for key, value in values.items()))
    applications = [document for document in objects if document["kind"] == "Application"]
    # A site switches off what it does not run.
    given = yaml.safe_load((APP_OF_APPS / "values.yaml").read_text("utf-8"))["applications"]
    on = [name for name, application in given.items() if application and application.get("enabled") is not False]
    assert [application["metadata"]["name"] for application in applications] == sorted(on)
    for application in applications:
        assert {"Deployment", "StatefulSet"} & {document["kind"] for document in what_argo_renders(charts, application)}


def test_a_service_that_is_switched_off_has_no_application() -> None:
    switches = {service: "false" if service == "efd-token" else "true" for service in SERVICES}
    objects = app_of_apps(*(f"--set=applications.{service}.enabled={switch}" for service, switch in switches.items()))
    names = {document["metadata"]["name"] for document in objects if document["kind"] == "Application"}
    assert names.intersection(SERVICES) == {"instance-proxy", "jira-proxy"}


def test_a_copy_that_is_developed_live_is_not_healed(charts: Path) -> None:
    for manifest in PLAIN:
        application = read(manifest)
        files = [ROOT / application["spec"]["source"]["path"] / file for file in application["spec"]["source"]["helm"]["valueFiles"]]
        live = any((yaml.safe_load(file.read_text("utf-8")).get("config") or {}).get("devMode", {}).get("enabled") for file in files)
        assert application["spec"]["syncPolicy"]["automated"]["selfHeal"] is not live
        assert live is manifest.startswith("dev/")


def test_copies_have_namespaces_and_hosts_of_their_own(charts: Path) -> None:
    places, hosts = set(), set()
    for manifest in PLAIN:
        application = read(manifest)
        places.add(application["spec"]["destination"]["namespace"])
        ingress = next(document for document in what_argo_renders(charts, application) if document["kind"] == "Ingress")
        hosts.add((application["spec"]["source"]["path"], ingress["spec"]["rules"][0]["host"]))
    assert len(places) == len(hosts) == len(PLAIN)


def test_the_applicationset_makes_the_same_copies_as_the_plain_manifests() -> None:
    spec = read("applicationset-dev.yaml")["spec"]
    pattern = spec["generators"][0]["git"]["files"][0]["path"]
    for file in sorted(ROOT.glob(pattern)):
        text = yaml.safe_dump(spec["template"], width=10000)
        copy = file.stem.removeprefix("values-")
        for placeholder, value in {
            "{{ .path.basename }}": file.parent.name,
            "{{ .path.path }}": str(file.parent.relative_to(ROOT)),
            "{{ .path.filename }}": file.name,
            "{{ .values.copy }}": copy,
        }.items():
            text = text.replace(placeholder, value)
        made, plain = yaml.safe_load(text), read(f"dev/{file.parent.name}-{copy}.yaml")
        made["spec"]["syncPolicy"]["automated"] = {"prune": True, "selfHeal": False}
        assert made["spec"] == plain["spec"]
        assert made["metadata"]["name"] == plain["metadata"]["name"]


def test_files_for_devspace_lead_to_copies_and_share_no_port() -> None:
    ports: list[str] = []
    for number in (1, 2):
        file = yaml.safe_load((ROOT / f"deploy/live/devspace-dev{number}.yaml").read_text("utf-8"))
        application = read(f"dev/{file['name']}.yaml")
        ((service, dev),) = file["dev"].items()
        assert dev["namespace"] == application["spec"]["destination"]["namespace"]
        assert application["spec"]["source"]["path"] == f"charts/{service}"
        assert dev["labelSelector"] == {"app.kubernetes.io/name": service} and dev["container"] == service
        (sync,) = dev["sync"]
        assert sync["path"] == f"../../target/live/{service}:/live" and sync["excludePaths"] == ["*", f"!/{service}"]
        ports += [port["port"].partition(":")[0] for port in dev["ports"]]
    assert len(set(ports)) == len(ports) == 4


def test_a_copy_without_a_word_about_live_development_is_healed_by_the_applicationset(tmp_path: Path) -> None:
    # `missingkey=error`: one file that does not have a key would keep all copies from being made. Helm has the same functions.
    patch = read("applicationset-dev.yaml")["spec"]["templatePatch"]
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("{apiVersion: v2, name: patch, version: 0.1.0}", "utf-8")
    (tmp_path / "templates/patch.yaml").write_text("{{- with toYaml .Values | fromYaml }}\n" + patch + "{{- end }}\n", "utf-8")
    for values, healed in (("a: 1", True), ("config: {log: {}}", True), ("config: {devMode: {enabled: true}}", False)):
        (tmp_path / "values.yaml").write_text(values, "utf-8")
        made = helm.objects(helm.helm("template", "patch", tmp_path).stdout)[0]
        assert made["spec"]["syncPolicy"]["automated"] == {"prune": True, "selfHeal": healed}


def test_a_service_that_is_switched_off_has_no_place_in_the_project() -> None:
    project = next(one for one in app_of_apps("--set=applications.efd-token.enabled=false") if one["kind"] == "AppProject")
    assert not [entry for entry in project["spec"]["destinations"] if entry["namespace"].startswith("efd-token")]


def test_what_an_autoscaler_sets_is_left_alone() -> None:
    for manifest in PLAIN:
        spec = read(manifest)["spec"]
        assert {(entry["kind"], *entry["managedFieldsManagers"]) for entry in spec["ignoreDifferences"]} == {
            ("Deployment", "kube-controller-manager"), ("StatefulSet", "kube-controller-manager"),
        }
        assert "RespectIgnoreDifferences=true" in spec["syncPolicy"]["syncOptions"]


def test_waves_put_configuration_and_secrets_before_pods(all_objects: dict[str, list[dict]]) -> None:
    for objects in all_objects.values():
        wave = {document["kind"]: int(document["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]) for document in objects}
        last = max(wave.get(kind, 0) for kind in ("Deployment", "StatefulSet"))
        assert all(wave[kind] < last for kind in wave if kind in {"ConfigMap", "VaultSecret", "ExternalSecret", "Service", "NetworkPolicy"})
    waves = {document["kind"]: int(document["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]) for document in app_of_apps()}
    assert waves["AppProject"] < waves["Application"]
