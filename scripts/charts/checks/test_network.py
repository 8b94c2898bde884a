"""Who may come in, what may go out, and which paths lead to a service."""

from pathlib import Path

import pytest

import helm
from lib import one, rendered, sets_of_values

PRIVATE = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"}


def policy(charts: Path, tmp_path: Path, service: str, values: str) -> dict:
    file = tmp_path / "values.yaml"
    file.write_text(values, "utf-8")
    objects = helm.objects(rendered(charts / service, [*sets_of_values(charts / service)["example"], file]))
    return one(objects, "NetworkPolicy")["spec"]


def let_out(spec: dict) -> dict[str, list[int]]:
    """Where to (a network, or a namespace) and which ports; none: all."""
    found = {}
    for rule in spec["egress"]:
        for peer in rule["to"]:
            where = peer["ipBlock"]["cidr"] if "ipBlock" in peer else peer["namespaceSelector"]["matchLabels"].popitem()[1]
            found[where] = [port["port"] for port in rule.get("ports", [])]
    return found


def test_https_to_public_addresses_and_dns_is_all_that_goes_out(charts: Path, tmp_path: Path) -> None:
    spec = policy(charts, tmp_path, "jira-proxy", "{}")
    assert let_out(spec) == {"kube-system": [53, 53], "0.0.0.0/0": [443], "::/0": [443]}
    public = next(rule["to"][0]["ipBlock"] for rule in spec["egress"] if rule["to"][0].get("ipBlock", {}).get("cidr") == "0.0.0.0/0")
    # Private networks, and the cloud's metadata: 169.254.169.254.
    assert set(public["except"]) == PRIVATE
    assert spec["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.parametrize(
    ("url", "where", "ports"),
    [
        ("https://hub.example.org/hub/api", "0.0.0.0/0", [443]),
        ("https://hub.example.org:8443/hub/api", "0.0.0.0/0", [443, 8443]),
        ("https://10.2.3.4:8443/hub/api", "10.2.3.4/32", [8443]),
        ("http://hub.jupyter.svc:8081/hub/api", "jupyter", []),
        ("https://[fd00::12]:8443/hub/api", "fd00::12/128", [8443]),
        ("http://hub.jupyter.svc/hub/api", "jupyter", []),
        ("http://hub.jupyter.svc.cluster.local:8081/hub/api", "jupyter", []),
        ("http://hub:8081/hub/api", "jira-proxy", []),
    ],
)
def test_the_identity_provider_may_be_asked(charts: Path, tmp_path: Path, url: str, where: str, ports: list[int]) -> None:
    values = f"config: {{identity: [{{kind: jupyterhub, api_url: '{url}', service_name: a, allow_insecure_http: true}}]}}"
    assert let_out(policy(charts, tmp_path, "jira-proxy", values))[where] == ports


def test_a_list_of_ones_own_closes_the_rest(charts: Path, tmp_path: Path) -> None:
    values = "networkPolicy: {egress: [{cidr: 10.1.0.0/16, ports: [443]}, {namespace: proxy, ports: [3128]}]}"
    found = let_out(policy(charts, tmp_path, "jira-proxy", values))
    assert found == {"kube-system": [53, 53], "10.1.0.0/16": [443], "proxy": [3128]}


def test_a_namespace_is_as_open_as_the_list_says(charts: Path, tmp_path: Path) -> None:
    values = (
        "config: {identity: [{kind: jupyterhub, api_url: 'http://hub.jupyter.svc:8081/hub/api', service_name: a, allow_insecure_http: true}]}\n"
        "networkPolicy: {egress: [{namespace: jupyter, podLabels: {component: hub}, ports: [8081]}]}"
    )
    assert let_out(policy(charts, tmp_path, "jira-proxy", values)) == {"kube-system": [53, 53], "jupyter": [8081]}


def test_instances_are_reached_at_the_ports_of_routes_only(charts: Path, tmp_path: Path) -> None:
    values = (
        "config: {identity: [{kind: gateway, trusted_peers: [10.0.0.1]}], tenant: [{instances: {kind: static}, "
        "instance: [{id: '1', address: 10.9.0.1}], upstream: {allow_networks: [10.9.0.0/16]}}]}"
    )
    found = let_out(policy(charts, tmp_path, "instance-proxy", values))
    assert found["10.9.0.0/16"] == [8888, 8090, 8091]
    assert "10.0.0.0/8" not in found


@pytest.mark.parametrize(
    ("values", "selector"),
    [
        ("{}", {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}),
        (
            "ingress: {kind: gafaelfawr}",
            {"namespaceSelector": {}, "podSelector": {"matchLabels": {"gafaelfawr.lsst.io/ingress": "true"}}},
        ),
        ("ingress: {kind: none}", {"podSelector": {}}),
        ("networkPolicy: {ingressFrom: [{podSelector: {matchLabels: {a: b}}}]}", {"podSelector": {"matchLabels": {"a": "b"}}}),
    ],
)
def test_only_the_ingress_comes_in_and_only_prometheus_to_the_admin_port(
    charts: Path, tmp_path: Path, values: str, selector: dict
) -> None:
    spec = policy(charts, tmp_path, "jira-proxy", values)
    metrics = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert [(rule["from"], [port["port"] for port in rule["ports"]]) for rule in spec["ingress"]] == [
        ([selector], ["http"]), ([metrics], ["admin"]),
    ]


def ingresses(objects: list[dict]) -> dict[str, dict]:
    return {document["metadata"]["name"]: document for document in objects if document["kind"] == "GafaelfawrIngress"}


def paths(ingress: dict) -> list[str]:
    spec = ingress["template"]["spec"] if "template" in ingress else ingress["spec"]
    return [path["path"] for path in spec["rules"][0]["http"]["paths"]]


def test_gafaelfawr_delegates_a_token_with_the_scopes_that_are_asked_for(all_objects: dict[str, list[dict]]) -> None:
    for service, scopes in (("jira-proxy", ["exec:notebook"]), ("efd-token", ["read:sasquatch"])):
        config = ingresses(all_objects[f"{service} with gafaelfawr"])[service]["config"]
        assert config == {
            "service": service, "loginRedirect": False, "scopes": {"all": scopes},
            "delegate": {"internal": {"service": service, "scopes": scopes}},
        }


def test_scopes_of_the_configuration_are_those_of_the_ingress(charts: Path, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(
        "ingress: {kind: gafaelfawr}\nconfig:\n"
        "  identity: [{kind: gafaelfawr, base_url: 'https://a.example.org', required_scopes: [read:jira]}]\n"
        "  tenant: [{required_scopes: [exec:portal], upstream: {url: 'https://b.example.org'}}]\n", "utf-8",
    )
    objects = helm.objects(rendered(charts / "jira-proxy", [*sets_of_values(charts / "jira-proxy")["example"], file]))
    config = ingresses(objects)["jira-proxy"]["config"]
    assert config["scopes"]["all"] == config["delegate"]["internal"]["scopes"] == ["read:jira", "exec:portal"]


def test_leases_pass_gafaelfawr_by_an_ingress_of_their_own(all_objects: dict[str, list[dict]]) -> None:
    found = ingresses(all_objects["efd-token with gafaelfawr"])
    assert {name: paths(ingress) for name, ingress in found.items()} == {
        "efd-token": ["/segwarides", "/discovery"], "efd-token-leases": ["/segwarides/efd"],
    }
    assert found["efd-token-leases"]["config"] == {"service": "efd-token", "scopes": {"anonymous": True}}
    # Elsewhere the service is asked in any case, and one object will do.
    assert paths(one(all_objects["efd-token with example"], "Ingress")) == ["/segwarides", "/discovery"]


def test_instance_proxy_has_a_path_for_each_route(all_objects: dict[str, list[dict]]) -> None:
    assert paths(one(all_objects["instance-proxy with example"], "Ingress")) == ["/jupyter", "/visafs", "/ws/print"]
    matches = one(all_objects["instance-proxy with httproute"], "HTTPRoute")["spec"]["rules"][0]["matches"]
    assert [match["path"]["value"] for match in matches] == ["/jupyter", "/visafs", "/ws/print"]


def test_no_ingress_leads_to_the_admin_port(all_objects: dict[str, list[dict]]) -> None:
    for objects in all_objects.values():
        for document in objects:
            if document["kind"] in {"Ingress", "GafaelfawrIngress"}:
                spec = document["template"]["spec"] if "template" in document else document["spec"]
                for path in spec["rules"][0]["http"]["paths"]:
                    assert path["backend"]["service"]["port"] == {"name": "http"}
