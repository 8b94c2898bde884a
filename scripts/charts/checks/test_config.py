"""What the charts render is what the services read: with the rendered files, arguments and secrets, and the real binaries."""

import subprocess
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest

import helm
from chartvalues import CHARTS, SERVICES
from lib import SECRETS, Pod, free_port, one, rendered, sets_of_values

CASES = [(service, name) for service in SERVICES for name in sets_of_values(CHARTS / service)]


@pytest.mark.parametrize(("service", "name"), CASES)
def test_the_service_finds_its_rendered_configuration_good(
    all_objects: dict[str, list[dict]], tmp_path: Path, service: str, name: str
) -> None:
    ran = Pod(tmp_path, all_objects[f"{service} with {name}"]).check()
    assert ran.good(), ran.said


@pytest.mark.parametrize("service", SERVICES)
def test_the_service_starts_and_is_ready_with_it(all_objects: dict[str, list[dict]], tmp_path: Path, service: str) -> None:
    pod = Pod(tmp_path, all_objects[f"{service} with example"])
    ports = {"PORT": free_port(), "ADMIN_PORT": free_port()}
    process = pod.start(ports)
    try:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            path = pod.spec["containers"][0][probe]["httpGet"]["path"]
            assert answers(f"http://127.0.0.1:{ports['ADMIN_PORT']}{path}", process) == 200
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0


def answers(url: str, process: subprocess.Popen[str]) -> int | None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status
        except OSError:
            time.sleep(0.05)
    return None


def test_numbers_are_whole(charts: Path) -> None:
    # Helm holds numbers as floating point: 8080.0 and 1e+12 are not what a service reads.
    files = sets_of_values(charts / "jira-proxy")["example"]
    setting = "--set-json=config.tenant=[{\"upstream\":{\"url\":\"https://jira.example.org/\",\"max_request_body_bytes\":1099511627776}}]"
    config = one(helm.objects(rendered(charts / "jira-proxy", files, setting)), "ConfigMap")["data"]["config.toml"]
    assert "\nport = 8080\n" in config
    assert "\nmax_request_body_bytes = 1099511627776\n" in config


def test_text_of_any_kind_arrives_as_it_is(charts: Path, tmp_path: Path) -> None:
    odd = 'a "quoted" \\ back\nslash\t<é> #'
    values = tmp_path / "values.yaml"
    values.write_text(f"config: {{log: {{level: {helm.yaml.safe_dump(odd, default_style=chr(34)).strip()}}}}}", "utf-8")
    files = [*sets_of_values(charts / "jira-proxy")["example"], values]
    config = one(helm.objects(rendered(charts / "jira-proxy", files)), "ConfigMap")["data"]["config.toml"]
    assert tomllib.loads(config)["log"]["level"] == odd


def test_a_second_tenant_has_secrets_and_a_path_of_its_own(charts: Path, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(
        "config: {tenant: [{upstream: {url: 'https://a.example.org/'}}, "
        "{name: ops, prefix: /ops, upstream: {url: 'https://b.example.org/'}}]}", "utf-8",
    )
    objects = helm.objects(rendered(charts / "jira-proxy", [*sets_of_values(charts / "jira-proxy")["example"], values]))
    ran = Pod(tmp_path / "pod", objects, {**SECRETS, "ops-username": "ops", "ops-password": "another"}).check()
    assert ran.good(), ran.said
    paths = [path["path"] for path in one(objects, "Ingress")["spec"]["rules"][0]["http"]["paths"]]
    assert paths == ["/jira-data-proxy", "/ops"]


def test_routes_of_the_site_are_what_is_served_and_let_out(charts: Path, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(
        "routes: {default: [{match: '^/lab/(\\d+).*', type: jupyter, name: Lab, remotePort: 9999, ws: true}]}\n", "utf-8"
    )
    objects = helm.objects(rendered(charts / "instance-proxy", [*sets_of_values(charts / "instance-proxy")["example"], values]))
    assert Pod(tmp_path / "pod", objects).check().good()
    assert [path["path"] for path in one(objects, "Ingress")["spec"]["rules"][0]["http"]["paths"]] == ["/lab"]
    ports = {port["port"] for rule in one(objects, "NetworkPolicy")["spec"]["egress"] for port in rule.get("ports", [])}
    assert 9999 in ports and 8888 not in ports
