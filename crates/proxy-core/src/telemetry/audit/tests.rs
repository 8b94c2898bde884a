use std::time::Instant;

use serde_json::Value;

use super::*;
use crate::{
    auth::{CacheState, Claims, Identity},
    telemetry::{lines::Captured, metrics::TenantMetrics},
};

pub(super) struct Desk {
    audit: Audit,
    captured: Captured,
    metrics: Arc<Metrics>,
    tenant: Arc<TenantMetrics>,
}

pub(super) fn desk() -> Desk {
    let (lines, captured) = Lines::memory();
    let metrics = Metrics::new("demo", "1.0.0");
    let tenant = Arc::new(metrics.tenant("rubin"));
    Desk {
        audit: Audit::new("demo", lines, metrics.clone()),
        captured,
        metrics,
        tenant,
    }
}

impl Desk {
    pub(super) fn record(&self, method: Method) -> Record {
        Record::start(
            &self.audit,
            RequestId::generate(),
            &method,
            Some(([127, 0, 0, 1], 4711).into()),
        )
    }

    pub(super) fn events(&self) -> Vec<Value> {
        self.audit.flush();
        self.captured
            .lines()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub(super) fn event(&self) -> Value {
        let [event] = self.events().try_into().unwrap();
        event
    }

    fn counted(&self, labels: &str) -> bool {
        let line = format!("nbgate_requests_total{{{labels}}} 1\n");
        self.metrics.to_text().contains(&line)
    }
}

#[expect(clippy::disallowed_methods, reason = "no authenticator in a test of audit events")]
fn identity(user: &str) -> Identity {
    let claims = Claims {
        user: user.to_owned(),
        groups: vec![],
        scopes: vec![],
        kind: "jupyterhub",
        expires: None,
        by_cookie: false,
    };
    Identity::proven(claims).unwrap()
}

#[test]
fn an_event_tells_all_that_was_noted() {
    let desk = desk();
    let record = desk.record(Method::GET);
    let id = record.request_id().to_string();
    record.tenant(&desk.tenant);
    record.identity(&identity("ada"), CacheState::Hit);
    record.route("issues".into());
    record.decision(Decision::Allowed, Some("issues".into()));
    record.upstream_status(200);
    record.status(200);
    record.sent(2_000);
    record.sent(48);
    record.completed();
    drop(record);
    let mut event = desk.event();
    assert!(event["duration_ms"].take().as_f64().unwrap() < 10_000.0);
    assert!(event["time"].take().as_str().unwrap().ends_with('Z'));
    assert_eq!(
        event,
        serde_json::json!({
            "time": null, "level": "INFO", "event": "request", "service": "demo", "tenant": "rubin", "request_id": id,
            "user": "ada", "identity": "jupyterhub", "cache": "hit", "method": "GET", "route": "issues", "rule": "issues",
            "decision": "allowed", "status": 200, "upstream_status": 200, "bytes": 2048, "duration_ms": null,
            "peer": "127.0.0.1:4711", "outcome": "completed",
        })
    );
    assert!(desk.counted(r#"method="GET",route="issues",service="demo",status="200",tenant="rubin""#));
    assert!(
        desk.metrics
            .to_text()
            .contains("nbgate_request_seconds_count{service=\"demo\",tenant=\"rubin\"} 1\n")
    );
}

#[test]
fn a_denied_request_has_its_event() {
    let desk = desk();
    let record = desk.record(Method::DELETE);
    record.decision(Decision::Denied("policy_denied"), Some("no-writes".into()));
    record.problem("policy_denied", Some("PolicyDenied { rule: \"no-writes\" }".into()));
    record.status(403);
    drop(record);
    let event = desk.event();
    assert_eq!(event["decision"], "denied");
    assert_eq!(event["rule"], "no-writes");
    assert_eq!(event["problem"], "policy_denied");
    assert_eq!(event["error"], "PolicyDenied { rule: \"no-writes\" }");
}

#[test]
fn a_later_decision_replaces_the_earlier_one_and_its_problem() {
    let desk = desk();
    let record = desk.record(Method::GET);
    record.decision(Decision::Denied("insufficient_scope"), None);
    record.decision(Decision::Allowed, None);
    record.status(200);
    drop(record);
    let event = desk.event();
    assert_eq!(
        (event["decision"].as_str(), event["problem"].as_str()),
        (Some("allowed"), None)
    );
}

#[test]
fn a_client_that_leaves_early_is_aborted_with_499() {
    let desk = desk();
    drop(desk.record(Method::GET));
    let event = desk.event();
    assert_eq!(event["status"], 499);
    assert_eq!(event["outcome"], "aborted");
    assert_eq!(event["tenant"], "-");
    assert_eq!(event["route"], "none");
    assert_eq!(event["decision"], "none");
    assert!(desk.counted(r#"method="GET",route="none",service="demo",status="499",tenant="-""#));
}

#[test]
fn an_event_is_written_once_when_the_last_clone_is_gone() {
    let desk = desk();
    let record = desk.record(Method::GET);
    let clone = record.clone();
    drop(record);
    assert!(desk.events().is_empty());
    drop(clone);
    assert_eq!(desk.events().len(), 1);
}

#[test]
fn an_unknown_method_is_other() {
    let desk = desk();
    for name in ["TRACE", "CONNECT", "get", "FOO-BAR", "QUERY"] {
        drop(desk.record(Method::from_bytes(name.as_bytes()).unwrap()));
    }
    assert!(desk.events().iter().all(|event| event["method"] == "other"));
    assert!(!desk.metrics.to_text().contains("FOO-BAR"));
}

#[test]
fn hostile_texts_make_one_valid_line_below_8_kib() {
    for text in [
        "\0".repeat(1 << 20),
        "\u{2028}\u{202e}\n".repeat(10_000),
        "星".repeat(100_000),
        "\"".repeat(100_000),
    ] {
        let desk = desk();
        let record = desk.record(Method::GET);
        record.tenant(&Arc::new(desk.metrics.tenant(&"\u{1}".repeat(3_000))));
        record.identity(&identity(&"'\"\\".repeat(85)), CacheState::None);
        record.route("\u{1b}".repeat(3_000).into());
        record.decision(Decision::Allowed, Some("\u{7f}".repeat(3_000).into()));
        record.problem("internal_error", Some(text));
        drop(record);
        let [line] = {
            desk.audit.flush();
            desk.captured.lines()
        }
        .try_into()
        .unwrap();
        assert!(line.len() < 8 * 1024, "{}", line.len());
        assert!(
            line.chars()
                .all(|c| !c.is_control() && c != '\u{2028}' && c != '\u{202e}'),
            "{line}"
        );
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["problem"], "internal_error");
    }
}

#[test]
fn equal_names_count_on_one_counter_wherever_they_live() {
    let desk = desk();
    for _ in 0..3_000 {
        let record = desk.record(Method::GET);
        record.tenant(&Arc::new(desk.metrics.tenant("rubin")));
        record.route("issues".to_owned().into());
        record.status(200);
    }
    let text = desk.metrics.to_text();
    let expected = "nbgate_requests_total{method=\"GET\",route=\"issues\",service=\"demo\",status=\"200\",tenant=\"rubin\"} 3000\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn the_buffer_is_handed_on_when_full_and_at_the_end() {
    let desk = desk();
    for _ in 0..300 {
        drop(desk.record(Method::GET));
    }
    let before = desk.captured.lines().len();
    assert!((70..300).contains(&before), "{before}");
    drop(desk.audit);
    assert_eq!(desk.captured.lines().len(), 300);
}

#[actix_web::test]
async fn an_event_waits_no_longer_than_a_moment() {
    let desk = desk();
    for round in 1..=2 {
        drop(desk.record(Method::GET));
        assert_eq!(desk.captured.lines().len(), round - 1);
        let dropped = Instant::now();
        while desk.captured.lines().len() < round {
            assert!(dropped.elapsed() < Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(dropped.elapsed() >= LATEST / 2);
    }
}

#[actix_web::test]
async fn the_flusher_ends_with_its_worker() {
    let desk = desk();
    drop(desk.record(Method::GET));
    let filling = Rc::downgrade(&desk.audit.0.filling);
    drop(desk);
    let dropped = Instant::now();
    while filling.strong_count() > 0 {
        assert!(dropped.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn lost_events_are_counted() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let (lines, metrics) = (Lines::to(writer), Metrics::new("demo", "1.0.0"));
    let audit = Audit::new("demo", lines.clone(), metrics.clone());
    drop(Record::start(&audit, RequestId::generate(), &Method::GET, None));
    audit.flush();
    lines.flush(Duration::from_secs(10));
    audit.flush();
    assert!(metrics.to_text().contains("nbgate_audit_lost_total 1\n"));
}
