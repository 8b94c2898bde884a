//! Which requests reach an instance, and as what (contract: holes 1, 6).

use proxy_testkit::{RawClient, Script};

use crate::harness::Harness;

#[test]
fn a_request_without_a_route_is_answered_and_the_service_lives_on() {
    let harness = Harness::start();
    assert_eq!(harness.send("/", &[]).status, 200);
    for target in [
        "/nothing",
        "/jupyter",
        "/jupyter/",
        "/jupyter/abc",
        "/index.php?x=/jupyter/42/",
    ] {
        harness.send(target, &[]).assert_problem(404, "not_found");
    }
    assert_eq!(harness.get("/jupyter/42/api").status, 200);
    assert_eq!(harness.visa.lookups(), 1);
}

#[test]
fn an_id_ends_where_its_segment_ends() {
    let harness = Harness::start();
    for target in [
        "/jupyter/42abc",
        "/jupyter/42abc/lab",
        "/jupyter/042/",
        "/visafs/42x/",
        "/jupyter/42%2f..%2f7/",
    ] {
        harness.get(target).assert_problem(404, "not_found");
    }
    assert!(harness.visa.asked().is_empty() && harness.instance.requests().is_empty());
}

#[test]
fn targets_are_rewritten_once_and_otherwise_sent_byte_for_byte() {
    let harness = Harness::start();
    harness.visa.place("aB3xYz", "ada", "127.0.0.1", "ACTIVE");
    for (target, sent) in [
        (
            "/jupyter/42/api/contents/a%2Fb%20c.ipynb?x=%2F&y=/visafs/42/",
            "/jupyter/42/api/contents/a%2Fb%20c.ipynb?x=%2F&y=/visafs/42/",
        ),
        ("/jupyter/42?token=abc", "/jupyter/42?token=abc"),
        ("/visafs/42", "/"),
        ("/visafs/42?a=b", "/?a=b"),
        ("/visafs/42/dir/visafs/42/file", "/dir/visafs/42/file"),
        (
            "/ws/print/42/?EIO=4&transport=polling",
            "/socket.io/?EIO=4&transport=polling",
        ),
        ("/lab/aB3xYz/tree", "/jupyter/aB3xYz/tree"),
    ] {
        harness.instance.forget();
        assert_eq!(harness.get(target).status, 200, "{target}");
        assert_eq!(harness.instance.request().target, sent);
    }
}

#[test]
fn a_path_that_leads_out_of_an_instance_reaches_none() {
    let harness = Harness::start();
    for target in [
        "/jupyter/42/../43/api",
        "/jupyter/42/%2e%2e/43/api",
        "/jupyter/42/..%2f43",
        "/jupyter/42/a/.%2E/..",
        "/jupyter/42/%00",
        "/jupyter/42/a%0d%0ab",
    ] {
        harness.get(target).assert_problem(404, "not_found");
    }
    assert!(harness.instance.requests().is_empty());
}

#[test]
fn methods_pass_but_for_those_that_show_what_was_added() {
    let harness = Harness::start();
    let authorization = format!("Bearer {}", harness.token("ada"));
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "MOVE"] {
        harness.instance.forget();
        let headers = [("Authorization", authorization.as_str())];
        let answer = RawClient::request(harness.address, method, "/jupyter/42/api/contents/x", &headers, b"");
        assert_eq!(answer.status, 200, "{method}");
        assert_eq!(harness.instance.request().method, method);
    }
    harness.instance.forget();
    for method in ["TRACE", "BREW"] {
        let headers = [("Authorization", authorization.as_str())];
        let answer = RawClient::request(harness.address, method, "/jupyter/42/api", &headers, b"");
        answer.assert_problem(405, "method_not_allowed");
    }
    assert!(harness.instance.requests().is_empty());
}

#[test]
fn a_routes_name_is_in_audit_events_and_metrics() {
    let harness = Harness::start();
    harness.instance.answer("/x", Script::answer(418, &[], "tea"));
    harness.get("/visafs/42/x");
    let event = harness.event(harness.audit_text().lines().count().max(1));
    assert_eq!(event["route"], "Visa Files");
    assert_eq!(event["instance"], "42");
    assert_eq!(event["user"], "ada");
    assert_eq!(event["identity"], "instance-api");
    assert_eq!(event["upstream_status"], 418);
    let metrics = harness.metrics();
    assert!(
        metrics.contains(r#"route="Visa Files""#) && metrics.contains(r#"status="418""#),
        "{metrics}"
    );
}

#[test]
fn the_pages_of_the_service_are_below_each_prefix() {
    let harness = Harness::start();
    let authorization = format!("Bearer {}", harness.token("ada"));
    let headers = [("Authorization", authorization.as_str())];
    for prefix in ["/jupyter", "/visafs", "/ws/print", "/lab"] {
        let me = harness.send(&format!("{prefix}/-/me?instance=42"), &headers);
        assert_eq!(me.json()["user"], "ada");
        harness
            .send(&format!("{prefix}/-/me"), &headers)
            .assert_problem(401, "invalid_token");
        harness
            .send(&format!("{prefix}/-/me?instance=42"), &[])
            .assert_problem(401, "unauthenticated");
        harness
            .send(&format!("{prefix}/-/me?instance=43"), &headers)
            .assert_problem(401, "invalid_token");
    }
    let why = harness.send("/jupyter/-/why?path=/jupyter/42/lab", &headers);
    assert_eq!(
        (why.json()["allowed"].as_bool(), why.json()["rule"].as_str()),
        (Some(true), Some("Jupyter"))
    );
    assert!(harness.instance.requests().is_empty());
}
