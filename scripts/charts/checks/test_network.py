"""Who may come in, what may go out, and which paths lead to a service."""

import ipaddress
from pathlib import Path

import pytest

import helm
from lib import one, rendered, sets_of_values

# Beside others: the cloud's metadata, that of other clouds, the cluster, the site, and IPv4 that is reached by IPv6 (NAT64, mapped).
NOT_PUBLIC = (
    "10.1.2.3", "172.20.0.1", "192.168.0.1", "169.254.169.254", "100.100.100.200", "192.0.0.192", "127.0.0.1", "0.0.0.0", "198.18.0.1",
    "240.0.0.1", "255.255.255.255", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fec0::1", "::1", "::ffff:10.1.2.3", "64:ff9b::a9fe:a9fe",
)
PUBLIC = ("1.1.1.1", "8.8.8.8", "198.51.100.1", "2606:4700::1111", "2a00::1")


def policy(charts: Path, tmp_path: Path, service: str, values: str) -> dict:
    file = tmp_path / "values.yaml"
    file.write_text(values, "utf-8")
    objects = helm.objects(rendered(charts / service, [*sets_of_values(charts / service)["example"], file]))
    return one(objects, "NetworkPolicy")["spec"]


def reached(spec: dict, address: str) -> bool:
    blocks = [peer["ipBlock"] for rule in spec["egress"] for peer in rule["to"] if "ipBlock" in peer]
    there = ipaddress.ip_address(address)
    return any(
        there in ipaddress.ip_network(block["cidr"]) and not any(there in ipaddress.ip_network(one) for one in block.get("except", []))
        for block in blocks
    )


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
    assert [address for address in (*NOT_PUBLIC, *PUBLIC) if reached(spec, address)] == list(PUBLIC)
    assert spec["policyTypes"] == ["Ingress", "Egress"]


def test_everywhere_is_what_is_public_unless_the_site_says_what_is_excepted(charts: Path, tmp_path: Path) -> None:
    values = "networkPolicy: {{egress: [{{cidr: 0.0.0.0/0, ports: [443]{0}}}, {{cidr: '::/0', ports: [443]{0}}}]}}"
    spec = policy(charts, tmp_path, "jira-proxy", values.format(""))
    assert [address for address in (*NOT_PUBLIC, *PUBLIC) if reached(spec, address)] == list(PUBLIC)
    spec = policy(charts, tmp_path, "jira-proxy", values.format(", except: []"))
    assert all(reached(spec, address) for address in (*NOT_PUBLIC, *PUBLIC))


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
    values = "networkPolicy: {egress: [{cidr: 10.1.0.0/16, ports: [443]}, {namespace: jira, ports: [8080]}]}"
    found = let_out(policy(charts, tmp_path, "jira-proxy", values))
    assert found == {"kube-system": [53, 53], "10.1.0.0/16": [443], "jira": [8080]}


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


def test_a_single_address_of_instances_is_a_network_and_no_network_has_the_metadata_in_it(charts: Path, tmp_path: Path) -> None:
    networks = "[10.9.0.1, 'fd00::1', 0.0.0.0/0]"
    values = f"config: {{tenant: [{{instances: {{api_host: 10.8.0.1}}, upstream: {{allow_networks: {networks}}}}}]}}"
    spec = policy(charts, tmp_path, "instance-proxy", values)
    assert {"10.9.0.1/32", "fd00::1/128", "0.0.0.0/0"} <= set(let_out(spec))
    assert not reached(spec, "169.254.169.254") and reached(spec, "10.1.2.3")


@pytest.mark.parametrize(
    ("values", "selector"),
    [
        ("{}", {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}),
        (
            "ingress: {kind: gafaelfawr}",
            {"namespaceSelector": {}, "podSelector": {"matchLabels": {"gafaelfawr.lsst.io/ingress": "true"}}},
        ),
        (
            "ingress: {kind: httproute, httproute: {parentRefs: [{name: public, namespace: gateways}]}}",
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateways"}}},
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


def of_gafaelfawr(charts: Path, tmp_path: Path, service: str, values: str) -> dict:
    file = tmp_path / "values.yaml"
    file.write_text(f"ingress: {{kind: gafaelfawr, {values}", "utf-8")
    objects = helm.objects(rendered(charts / service, [*sets_of_values(charts / service)["example"], file]))
    return ingresses(objects)[service]["config"]


def test_what_one_tenant_asks_for_is_delegated_and_not_asked_of_everybody(charts: Path, tmp_path: Path) -> None:
    tenants = ", ".join(
        f"{{name: {name}, prefix: /{name}, required_scopes: [exec:portal, {scope}], upstream: {{url: 'https://b.example.org'}}}}"
        for name, scope in (("a", "read:a"), ("b", "read:b"))
    )
    config = of_gafaelfawr(charts, tmp_path, "jira-proxy", f"}}\nconfig: {{identity: [], tenant: [{tenants}]}}")
    assert config["scopes"]["all"] == ["exec:notebook", "exec:portal"]
    assert config["delegate"]["internal"]["scopes"] == ["exec:notebook", "exec:portal", "read:a", "read:b"]


def test_scopes_of_ones_own_leave_the_service_those_that_it_asks_for(charts: Path, tmp_path: Path) -> None:
    identity = "identity: [{kind: gafaelfawr, base_url: 'https://a.example.org', required_scopes: [read:jira]}]"
    config = of_gafaelfawr(charts, tmp_path, "jira-proxy", f"gafaelfawr: {{scopes: [exec:portal]}}}}\nconfig: {{{identity}}}")
    assert config["scopes"]["all"] == ["exec:portal"]
    assert config["delegate"]["internal"]["scopes"] == ["exec:portal", "read:jira"]


def test_everybody_is_let_in_where_the_configuration_says_so(charts: Path, tmp_path: Path) -> None:
    identity = "identity: [{kind: gafaelfawr, base_url: 'https://a.example.org', required_scopes: []}]"
    config = of_gafaelfawr(charts, tmp_path, "jira-proxy", f"}}\nconfig: {{{identity}}}")
    assert config["scopes"]["all"] == config["delegate"]["internal"]["scopes"] == []


def test_a_token_is_delegated_only_to_a_service_that_verifies_it(charts: Path, tmp_path: Path) -> None:
    gateway = "}\nconfig: {identity: [{kind: gateway, trusted_peers: [10.0.0.0/16]}]}"
    assert "delegate" not in of_gafaelfawr(charts, tmp_path, "jira-proxy", gateway)
    # VISA's API server knows its own tokens.
    assert "delegate" not in of_gafaelfawr(charts, tmp_path, "instance-proxy", "}")


def test_a_copy_with_a_host_of_its_own_asks_the_gafaelfawr_of_the_environment(charts: Path, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(
        "ingress: {kind: gafaelfawr, host: data-dev1.example.org}\nglobal: {host: platform.example.org}\nconfig: {identity: []}", "utf-8"
    )
    objects = helm.objects(rendered(charts / "jira-proxy", [*sets_of_values(charts / "jira-proxy")["example"], file]))
    config = one(objects, "ConfigMap")["data"]["config.toml"]
    assert 'base_url = "https://platform.example.org"' in config and 'public_url = "https://data-dev1.example.org/"' in config


def test_two_tenants_with_one_discovery_have_its_path_once(charts: Path, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("documents: {default: [a], b: [c]}\nconfig: {tenant: [{name: default}, {name: b, prefix: /b}]}", "utf-8")
    objects = helm.objects(rendered(charts / "efd-token", [*sets_of_values(charts / "efd-token")["example"], file]))
    assert paths(one(objects, "Ingress")) == ["/segwarides", "/discovery", "/b"]


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
