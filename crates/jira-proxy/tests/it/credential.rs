//! The account's credential: rotated while in use, rejected by Jira.

use std::fs;

use proxy_testkit::{PATIENCE, RawClient, Script, eventually};

use crate::harness::{Harness, PREFIX};

const PATH: &str = "/rest/api/2/field";

fn basic(password: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("bot:{password}")))
}

#[test]
fn a_changed_password_is_used_within_two_seconds() {
    let proxy = Harness::start();
    assert_eq!(proxy.get("rest/api/2/field").status, 200);
    fs::write(proxy.password_file(), "the-new-one\n").unwrap();
    let started = std::time::Instant::now();
    eventually(PATIENCE, || {
        proxy.jira.forget();
        proxy.get("rest/api/2/field").status == 200
            && proxy.jira.request().header("authorization") == Some(basic("the-new-one").as_str())
    });
    assert!(started.elapsed().as_secs_f32() < 2.5, "{:?}", started.elapsed());
    assert!(
        proxy
            .metrics()
            .contains(r#"nbgate_credential_reloads_total{outcome="loaded",tenant="default"} 1"#)
    );
}

#[test]
fn a_broken_file_keeps_the_last_good_credential() {
    let proxy = Harness::start();
    for content in [&b""[..], b"\n", b"\xff\xfe", b"a\nb"] {
        fs::write(proxy.password_file(), content).unwrap();
        assert_eq!(proxy.get("rest/api/2/field").status, 200);
    }
    fs::remove_file(proxy.password_file()).unwrap();
    eventually(PATIENCE, || {
        proxy
            .metrics()
            .contains(r#"nbgate_credential_reloads_total{outcome="failed",tenant="default"}"#)
    });
    proxy.jira.forget();
    assert_eq!(proxy.get("rest/api/2/field").status, 200);
    assert_eq!(
        proxy.jira.request().header("authorization"),
        Some(proxy.basic().as_str())
    );
}

#[test]
fn a_rejected_credential_is_told_as_ours_and_asked_for_no_more_than_three_times() {
    let proxy = Harness::start();
    proxy.jira.answer(
        PATH,
        Script::answer(
            401,
            &[
                ("WWW-Authenticate", "OAuth realm=\"jira\""),
                ("X-Seraph-LoginReason", "AUTHENTICATED_FAILED"),
            ],
            "Basic realm",
        ),
    );
    for _ in 0..10 {
        let answer = proxy.get("rest/api/2/field");
        answer.assert_problem(502, "upstream_credential_rejected");
        assert_eq!(answer.header("www-authenticate"), None);
    }
    assert_eq!(proxy.jira.requests().len(), 3, "an account that is locked is worse");
    // A new password closes the breaker.
    proxy.jira.answer(PATH, Script::answer(200, &[], "good"));
    fs::write(proxy.password_file(), "the-new-one").unwrap();
    eventually(PATIENCE, || proxy.get("rest/api/2/field").status == 200);
    assert_eq!(proxy.jira.requests().len(), 4);
}

#[test]
fn a_newer_password_on_disk_is_tried_once_for_a_get() {
    let proxy = Harness::start();
    proxy.jira.answer_next(PATH, Script::answer(401, &[], ""));
    proxy.jira.answer(PATH, Script::answer(200, &[], "good"));
    fs::write(proxy.password_file(), "the-new-one").unwrap();
    // Whether the watcher or the rejection reads the file first: the caller sees nothing of it.
    assert_eq!(proxy.get("rest/api/2/field").text(), "good");
    let seen = proxy.jira.requests();
    assert_eq!(
        seen.last().unwrap().header("authorization"),
        Some(basic("the-new-one").as_str())
    );
}

#[test]
fn a_407_is_ours_too_and_a_403_is_jiras() {
    let proxy = Harness::start();
    proxy
        .jira
        .answer(PATH, Script::answer(407, &[("Proxy-Authenticate", "Basic")], ""));
    proxy
        .get("rest/api/2/field")
        .assert_problem(502, "upstream_credential_rejected");
    proxy.jira.answer(PATH, Script::answer(403, &[], "{}"));
    assert_eq!(proxy.get("rest/api/2/field").status, 403);
}

#[test]
fn requests_in_progress_keep_the_credential_they_began_with() {
    let proxy = Harness::start();
    proxy.jira.answer_next(
        PATH,
        Script::new()
            .wait(std::time::Duration::from_millis(1_500))
            .send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold"),
    );
    let mut client = RawClient::connect(proxy.address);
    client.send_request(
        "GET",
        &format!("{PREFIX}/rest/api/2/field"),
        &[("Authorization", &proxy.token("ada"))],
        b"",
    );
    eventually(PATIENCE, || !proxy.jira.requests().is_empty());
    fs::write(proxy.password_file(), "the-new-one").unwrap();
    assert_eq!(client.read_response().text(), "old");
    assert_eq!(
        proxy.jira.requests()[0].header("authorization"),
        Some(proxy.basic().as_str())
    );
}

#[test]
fn what_jira_says_of_the_login_counts_and_not_the_status() {
    let proxy = Harness::start();
    // A resource that answers 401 to a login that was good: nobody can shut the others out with it.
    let good = [("X-Seraph-LoginReason", "OK")];
    proxy.jira.answer("/rest/api/2/admin", Script::answer(401, &good, ""));
    for _ in 0..5 {
        proxy.get("rest/api/2/admin").assert_problem(502, "upstream_invalid");
    }
    assert_eq!(proxy.get("rest/api/2/field").status, 200);
    // A CAPTCHA stands in the way: the account is about to be locked, whatever else succeeds in between.
    let captcha = [("X-Seraph-LoginReason", "AUTHENTICATION_DENIED")];
    proxy
        .jira
        .answer("/rest/api/2/captcha", Script::answer(403, &captcha, ""));
    proxy.jira.answer("/rest/api/2/down", Script::answer(500, &[], ""));
    proxy.jira.forget();
    for _ in 0..4 {
        proxy
            .get("rest/api/2/captcha")
            .assert_problem(502, "upstream_credential_rejected");
        let status = proxy.get("rest/api/2/down").status;
        assert!(status == 500 || status == 502, "{status}");
    }
    let asked = proxy
        .jira
        .requests()
        .iter()
        .filter(|seen| seen.target.ends_with("captcha"))
        .count();
    assert_eq!(asked, 3);
}
