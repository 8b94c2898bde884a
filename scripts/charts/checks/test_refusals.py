"""Bad values are refused before a pod serves: by the schema, by the chart, or by check-config; with the key and what to do."""

from pathlib import Path

import pytest

import helm
from lib import SECRETS, Pod, arguments, pod, rendered, sets_of_values

GOOD = "{url: 'https://jira.example.org/'}"
ROUTE = "{type: jupyter, name: A, remotePort: 8888,"


@pytest.mark.parametrize("version", ["helm", "helm3"])
@pytest.mark.parametrize(
    ("values", "key", "why"),
    [
        ("replicas: 3", "", "replicas"),
        ("ingress: {hostname: a}", "ingress", "hostname"),
        ("config: {server: {prot: 8080}}", "server", "prot"),
        (f"config: {{tenant: [{{upstream: {GOOD}, credentials: {{}}}}]}}", "tenant", "credentials"),
        ("replicaCount: two", "replicaCount", "integer"),
        ("config: {server: {port: '8080'}}", "port", "integer"),
        ("config: {tenant: [{upstream: {url: jira.example.org}}]}", "url", "^https?://"),
        ("config: {tenant: [{name: a}]}", "tenant", "upstream"),
        ("config: {identity: [{base_url: 'https://a.example.org'}]}", "identity", "kind"),
        ("config: {identity: [{kind: gafaelfawr}]}", "identity", "base_url"),
        ("config: {identity: [{kind: ldap}]}", "kind", "gafaelfawr"),
        ("ingress: {kind: nginx}", "kind", "httproute"),
        ("autoscaling: {minReplicas: 1}", "minReplicas", "2"),
        ("runAsUser: 1000", "runAsUser", ""),
        ("image: {digest: latest}", "digest", "sha256"),
        ("networkPolicy: {egress: [{cidr: 10.0.0.1, ports: [443]}]}", "cidr", "pattern"),
        ("networkPolicy: {egress: [{cidr: 10.0.0.0/8}]}", "egress", "ports"),
        ("networkPolicy: {egress: [{cidr: 10.0.0.0/33, ports: [443]}]}", "cidr", "pattern"),
        ("networkPolicy: {ingressFrom: [{}]}", "ingressFrom", ""),
        ("config: {tenant: [{upstream: {url: 'https://bot:password@jira.example.org/'}}]}", "url", "pattern"),
        ("config: {server: {port: 65536}}", "port", "65"),
        ("image: {registry: 'https://registry.example.org'}", "registry", "pattern"),
        ("image: {registry: registry.example.org/}", "registry", "pattern"),
        ("ingress: {host: 'https://data.example.org'}", "host", "pattern"),
        ("ingress: {host: Data.example.org}", "host", "pattern"),
        ("resources: {limit: {cpu: 1}}", "resources", "limit"),
        ("nbgate-lib: {replicaCount: 3}", "nbgate-lib", "replicaCount"),
        ("metrics: {serviceMonitor: {interval: often}}", "interval", "pattern"),
        ("secrets: {externalSecret: {refreshInterval: often}}", "refreshInterval", "pattern"),
        ("fullnameOverride: Jira Proxy", "fullnameOverride", "pattern"),
    ],
)
def test_the_schema_refuses(charts: Path, tmp_path: Path, version: str, values: str, key: str, why: str) -> None:
    said = refused(charts / "jira-proxy", tmp_path, values, version)
    assert "schema" in said and key in said and why in said, said


@pytest.mark.parametrize(
    ("service", "values", "why"),
    [
        ("jira-proxy", "image: {registry: ''}", "image.registry is not set: name"),
        ("jira-proxy", "ingress: {host: ''}", "ingress.host is not set: name"),
        ("jira-proxy", "config: {identity: []}", "config.identity is empty: say who vouches for callers"),
        ("jira-proxy", "config: {tenant: []}", "config.tenant is empty: say what is served"),
        ("efd-token", "documents: null", "documents is empty: name the Secret's keys"),
        ("jira-proxy", "ingress: {kind: httproute}", "ingress.httproute.parentRefs is not set: name the gateway"),
        ("jira-proxy", "secrets: {provider: vaultSecret}", "secrets.vaultPath is not set: say where"),
        ("jira-proxy", "secrets: {provider: externalSecret, vaultPath: a}", "secrets.externalSecret.storeName is not set: name"),
        ("jira-proxy", "env: [{name: JIRA_PASSWORD, value: a}]", "env has JIRA_PASSWORD, which everybody who may see pods would read: put it"),
        ("jira-proxy", "env: [{name: JIRA_PROXY__SERVER__PORT, value: '1'}]", "env has JIRA_PROXY__SERVER__PORT, a key of the configuration: write"),
        ("jira-proxy", "extraVolumes: [{name: a, hostPath: {path: /}}]", "extraVolumes has a hostPath, which gives the pod the node's own files"),
        ("jira-proxy", "caBundle: '-----BEGIN PRIVATE KEY-----'", "caBundle has a private key, which a ConfigMap would show"),
        ("jira-proxy", "autoscaling: {enabled: true, minReplicas: 20}", "autoscaling.minReplicas is above autoscaling.maxReplicas: raise"),
        # What is taken away with `null` would be 0, and pods would run as root or not at all.
        ("jira-proxy", "runAsUser: null", "runAsUser is null, which takes its default away: leave it out"),
        ("jira-proxy", "replicaCount: null", "replicaCount is null"),
        ("jira-proxy", "networkPolicy: {enabled: null}", "networkPolicy.enabled is null"),
        ("jira-proxy", "autoscaling: null", "autoscaling.enabled is null"),
        ("jira-proxy", "secrets: {provider: null}", "secrets.provider is null"),
        ("efd-token", "documents: {default: [lease-keys]}", "documents.default has lease-keys, which is what leases are signed with"),
        ("efd-token", "documents: {ops: [usdf_efd]}", "documents.ops is for no tenant: those of config.tenant are default"),
        ("instance-proxy", f"routes: {{ops: [{ROUTE} match: '^/a/'}}]}}", "routes.ops is for no tenant: those of config.tenant are default"),
        ("instance-proxy", f"routes: {{default: [{ROUTE} match: '^/(a|b)/'}}]}}", "does not begin with a plain path before the id: write one"),
    ],
)
def test_the_chart_refuses(charts: Path, tmp_path: Path, service: str, values: str, why: str) -> None:
    for version in ("helm", "helm3"):
        assert why in refused(charts / service, tmp_path, values, version)


def refused(chart: Path, tmp_path: Path, values: str, version: str) -> str:
    file = tmp_path / "values.yaml"
    file.write_text(values, "utf-8")
    files = [*sets_of_values(chart)["example"], file]
    done = helm.helm("template", "a", chart, *arguments(files), version=version, check=False)
    assert done.returncode, done.stdout
    return done.stderr


@pytest.mark.parametrize(
    ("values", "key", "cure"),
    [
        ("config: {log: {format: loud}}", "log.format", ""),
        (f"config: {{tenant: [{{upstream: {GOOD}, policy: {{preset: open}}}}]}}", "tenant[0].policy.preset", "use"),
        ("config: {tenant: [{upstream: {url: 'http://jira.example.org/'}}]}", "tenant[0].upstream.url", "https"),
        ("config: {tenant: [{upstream: {url: 'https://'}}]}", "tenant[0].upstream.url", ""),
        ("config: {server: {port: 0, keep_alive_seconds: 0}}", "server.keep_alive_seconds", ""),
        (f"config: {{tenant: [{{upstream: {GOOD}, credential: {{kind: bearer}}}}]}}", "tenant[0].credential.token_file", ""),
    ],
)
def test_check_config_refuses_what_the_schema_cannot_know(
    charts: Path, tmp_path: Path, values: str, key: str, cure: str
) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(values, "utf-8")
    objects = helm.objects(rendered(charts / "jira-proxy", [*sets_of_values(charts / "jira-proxy")["example"], file]))
    ran = Pod(tmp_path / "pod", objects).check()
    assert ran.status == 78 and key in ran.said and cure in ran.said, ran.said


@pytest.mark.parametrize(
    ("service", "secret", "changed", "key"),
    [
        ("jira-proxy", "password", None, "tenant[0].credential.password_file names /etc/nbgate/secrets/password"),
        ("jira-proxy", "password", "", "tenant[0].credential.password_file"),
        ("jira-proxy", "username", "\n", "tenant[0].credential.username_file"),
        ("efd-token", "lease-keys", None, "the file /etc/nbgate/secrets/lease-keys"),
        ("efd-token", "lease-keys", "", "the file /etc/nbgate/secrets/lease-keys"),
        ("efd-token", "lease-keys", "202601 short", "the file /etc/nbgate/secrets/lease-keys"),
    ],
)
def test_check_config_refuses_a_secret_that_is_missing_or_empty(
    all_objects: dict[str, list[dict]], tmp_path: Path, service: str, secret: str, changed: str | None, key: str
) -> None:
    secrets = {**SECRETS, secret: changed}
    there = {name: text for name, text in secrets.items() if text is not None}
    ran = Pod(tmp_path, all_objects[f"{service} with example"], there).check()
    assert ran.status == 78 and key in ran.said, ran.said


def test_a_pod_waits_for_a_document_that_is_not_in_the_secret(all_objects: dict[str, list[dict]]) -> None:
    # The kubelet mounts listed keys or nothing: the pod says which one is missing, and does not start.
    volumes = pod(all_objects["efd-token with example"])["volumes"]
    spec = next(volume for volume in volumes if volume["name"] == "documents-default")["secret"]
    assert spec["items"] == [{"key": "usdf_efd", "path": "usdf_efd"}] and "optional" not in spec

