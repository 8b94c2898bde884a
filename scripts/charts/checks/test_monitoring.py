"""Alerts: their language, their metrics, and the page that explains them."""

import re

import promql_parser
import pytest

from chartvalues import ROOT, SERVICES
from lib import one

PAGES = "\n".join(file.read_text("utf-8") for file in (ROOT / "docs/operations").glob("*.md"))
HEADINGS = re.findall(r"^## (Nbgate\w+)$", (ROOT / "docs/operations/alerts.md").read_text("utf-8"), re.MULTILINE)


def alerts(all_objects: dict[str, list[dict]], service: str) -> list[dict]:
    group = one(all_objects[f"{service} with everything"], "PrometheusRule")["spec"]["groups"][0]
    return group["rules"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_alert_is_promql_about_metrics_of_this_service(all_objects: dict[str, list[dict]], service: str) -> None:
    for alert in alerts(all_objects, service):
        promql_parser.parse(alert["expr"])
        assert f'namespace="{service}",job="{service}"' in alert["expr"]
        for metric in re.findall(r"nbgate_\w+", alert["expr"]):
            assert f"`{metric}" in PAGES, metric


def test_every_alert_has_a_section_and_links_to_it(all_objects: dict[str, list[dict]]) -> None:
    found = {alert["alert"]: alert["annotations"] for service in SERVICES for alert in alerts(all_objects, service)}
    assert sorted(found) == sorted(HEADINGS)
    for name, annotations in found.items():
        assert annotations["runbook_url"] == f"https://docs.example.org/alerts#{name.lower()}"
        assert len(annotations["summary"]) > 20


def test_prometheus_keeps_the_labels_of_the_service(all_objects: dict[str, list[dict]]) -> None:
    # Otherwise `service` would be that of the Kubernetes Service, and ours `exported_service`.
    for service in SERVICES:
        objects = all_objects[f"{service} with everything"]
        endpoint = one(objects, "ServiceMonitor")["spec"]["endpoints"][0]
        assert endpoint["honorLabels"] is True
        assert endpoint["port"] in {port["name"] for port in one(objects, "Service")["spec"]["ports"]}
