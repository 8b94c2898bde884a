"""Alerts: their language, their metrics, and the page that explains them."""

import re
from pathlib import Path

import promql_parser
import pytest

import helm
from chartvalues import ROOT, SERVICES
from lib import one, rendered, sets_of_values

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


def test_metrics_of_alerts_are_those_that_the_code_has(all_objects: dict[str, list[dict]]) -> None:
    code = (ROOT / "crates/proxy-core/src/telemetry/metrics.rs").read_text("utf-8")
    for service in SERVICES:
        for alert in alerts(all_objects, service):
            for metric in re.findall(r"nbgate_\w+", alert["expr"]):
                assert f'"{metric}"' in code, metric


def test_a_first_failure_is_noticed(all_objects: dict[str, list[dict]]) -> None:
    # These counters are not there until they count, and `increase` of one that appears as 1 is 0.
    for service, name, metric in (
        ("instance-proxy", "NbgateJournalFails", "nbgate_journal_writes_total"),
        ("instance-proxy", "NbgateJournalFails", "nbgate_endings_total"),
    ):
        expression = next(alert["expr"] for alert in alerts(all_objects, service) if alert["alert"] == name)
        appeared = rf"({metric}\{{[^}}]+\}}) unless \1 offset \d+[mh]"
        assert re.search(appeared, expression), expression


def test_a_secret_that_cannot_be_read_is_told_until_it_can(all_objects: dict[str, list[dict]]) -> None:
    # A failure counts once: what looks at the counter ends with its window, mended or not.
    for service in SERVICES:
        alert = next(alert for alert in alerts(all_objects, service) if alert["alert"] == "NbgateSecretUnread")
        assert "nbgate_credential_unread{" in alert["expr"] and "nbgate_certificate_unread{" in alert["expr"]
        assert "[" not in alert["expr"] and "offset" not in alert["expr"]


def test_two_brief_failures_to_identify_wake_nobody(all_objects: dict[str, list[dict]]) -> None:
    for service in SERVICES:
        alert = next(alert for alert in alerts(all_objects, service) if alert["alert"] == "NbgateIdentityUnavailable")
        failing, all_ = alert["expr"].split(" / ")
        assert 'outcome="unavailable"' in failing and "outcome" not in all_, "a share"
        # Each is seen as long as the window: where the second follows when the first is no longer seen, twice as long.
        (window,) = set(re.findall(r"\[(\d+)m\]", alert["expr"]))
        assert int(alert["for"].removesuffix("m")) > 2 * int(window)


def test_ends_that_are_given_up_are_told(all_objects: dict[str, list[dict]]) -> None:
    expression = next(alert["expr"] for alert in alerts(all_objects, "instance-proxy") if alert["alert"] == "NbgateJournalFails")
    assert 'outcome="given_up"' in expression


def test_nobody_is_woken_because_nothing_is_scraped(charts: Path) -> None:
    # Without the ServiceMonitor there is no such job: `absent` of it is true for ever.
    objects = helm.objects(rendered(charts / "jira-proxy", sets_of_values(charts / "jira-proxy")["example"], "--set=metrics.rules.enabled=true"))
    rules = one(objects, "PrometheusRule")["spec"]["groups"][0]["rules"]
    assert rules and "NbgateDown" not in {rule["alert"] for rule in rules}


def test_prometheus_keeps_the_labels_of_the_service(all_objects: dict[str, list[dict]]) -> None:
    # Otherwise `service` would be that of the Kubernetes Service, and ours `exported_service`.
    for service in SERVICES:
        objects = all_objects[f"{service} with everything"]
        endpoint = one(objects, "ServiceMonitor")["spec"]["endpoints"][0]
        assert endpoint["honorLabels"] is True
        assert endpoint["port"] in {port["name"] for port in one(objects, "Service")["spec"]["ports"]}
