//! One test for each invariant of `docs/architecture.md`, named after its number.

use std::time::{Duration, Instant};

use proxy_testkit::{FakeUpstream, PATIENCE, RawClient, Script, eventually};

use crate::harness::{Harness, PREFIX, Setup};

const PATH: &str = "/rest/api/2/field";

/// 1. Nothing that nbgate writes contains a byte of an injected credential. (`canary` looks further.)
#[test]
fn invariant_1_no_injected_credential_comes_out() {
    let proxy = Harness::start();
    let basic = proxy.basic();
    proxy.jira.answer(
        PATH,
        Script::answer(
            200,
            &[
                ("Authorization", &basic),
                ("Set-Cookie", &basic),
                ("X-AUSERNAME", "bot"),
            ],
            "{}",
        ),
    );
    let answer = proxy.get("rest/api/2/field");
    proxy
        .jira
        .answer(PATH, Script::answer(401, &[("WWW-Authenticate", &basic)], &basic));
    let rejected = proxy.get("rest/api/2/field");
    let out = format!(
        "{}{}{}{}",
        String::from_utf8_lossy(&answer.raw),
        String::from_utf8_lossy(&rejected.raw),
        proxy.metrics(),
        proxy.audit_text()
    );
    assert_eq!(answer.status, 200);
    assert!(!out.contains(basic.trim_start_matches("Basic ")) && !out.contains(&proxy.password));
}

/// 2. No byte of a caller's platform credential reaches an upstream.
#[test]
fn invariant_2_no_callers_credential_reaches_the_upstream() {
    let proxy = Harness::start();
    let token = proxy.issuer.token("ada").sign();
    let authorization = format!("Bearer {token}");
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Cookie", "hub=c00kie"),
        ("X-Auth-Request-Token", "gt-t0ken"),
    ];
    let _ = RawClient::get(proxy.address, &format!("{PREFIX}{PATH}?access_token={token}"), &headers);
    let received = String::from_utf8_lossy(&proxy.jira.received().concat()).into_owned();
    assert!(received.contains("GET "), "the request was sent");
    for secret in [token.as_str(), "c00kie", "gt-t0ken"] {
        assert!(!received.contains(secret));
    }
}

/// 3. Nothing is forwarded without an identity and a permit, and what was judged is what is sent.
#[test]
fn invariant_3_nothing_is_forwarded_unjudged() {
    let proxy = Harness::start();
    proxy.anonymous("rest/api/2/field", &[]);
    for path in [
        "rest/api/2/user",
        "secure/x",
        "rest/api/2/%75ser",
        "rest/api/2//user",
        "rest/api/2/myself;x",
        "rest/api/2/x/../user",
    ] {
        assert!(proxy.get(path).status >= 400, "{path}");
    }
    assert_eq!(proxy.jira.connections(), 0);
    // A redirect is judged anew.
    proxy
        .jira
        .answer(PATH, Script::answer(302, &[("Location", "/rest/api/2/user")], ""));
    proxy.get("rest/api/2/field").assert_problem(502, "redirect_refused");
    assert_eq!(proxy.jira.requests().len(), 1);
}

/// 4. One user's bytes never reach another user: not through a connection, and not through a cache in front.
#[test]
fn invariant_4_one_users_bytes_never_reach_another() {
    let proxy = Harness::with(Setup {
        upstream: "reuse = \"user\"",
        server: "workers = 1",
        ..Setup::default()
    });
    let ask = |user: &str| {
        let target = format!("{PREFIX}{PATH}");
        RawClient::get(proxy.address, &target, &[("Authorization", &proxy.token(user))])
    };
    proxy.jira.answer(
        PATH,
        Script::answer(200, &[("Cache-Control", "public, s-maxage=600")], "ok"),
    );
    for user in ["ada", "ada", "bob", "ada"] {
        let answer = ask(user);
        assert_eq!(
            (answer.header("cache-control"), answer.header("vary")),
            (Some("private"), Some("Authorization, Cookie"))
        );
    }
    let connections: Vec<usize> = proxy.jira.requests().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 1, 0], "a connection of ada's is not bob's");
    // A response too many is nobody's.
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nadaHTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nada-secret";
    proxy.jira.answer_next(PATH, Script::raw(two));
    assert_eq!(ask("ada").text(), "ada");
    for user in ["bob", "ada", "bob", "ada"] {
        assert_eq!(ask(user).text(), "ok");
    }
}

/// 5. An answer cut short upstream is seen as cut short downstream.
#[test]
fn invariant_5_a_cut_body_is_never_a_success() {
    let proxy = Harness::start();
    for framing in [
        "Content-Length: 50\r\n\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        proxy
            .jira
            .answer(PATH, Script::raw(format!("HTTP/1.1 200 OK\r\n{framing}")).close());
        let answer = proxy.get("rest/api/2/field");
        assert!(!answer.complete, "{framing}: {}", answer.text());
    }
}

/// 6. Memory is bounded whatever the bodies: a gigabyte that nobody reads stays with the upstream.
#[test]
fn invariant_6_memory_is_bounded_by_configuration() {
    let proxy = Harness::with(Setup {
        upstream: "rewrite_links = false",
        ..Setup::default()
    });
    let endless =
        Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n").send_times(vec![b'x'; 65_536], 16_384);
    proxy.jira.answer(PATH, endless);
    let before = resident();
    let mut client = RawClient::connect(proxy.address);
    client.send_request(
        "GET",
        &format!("{PREFIX}{PATH}"),
        &[("Authorization", &proxy.token("ada"))],
        b"",
    );
    // A slow reader, while the upstream sends as fast as it can.
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        assert!(!client.read_some(4_096).is_empty());
        let _ = proxy.metrics();
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 48 * 1024, "{grown} KiB more than before");
    // One body too large is refused before it is read.
    proxy
        .send(
            "POST",
            "rest/api/2/search",
            &[("Content-Type", "application/json")],
            &vec![b'x'; 2_000_000],
        )
        .assert_problem(413, "content_too_large");
}

/// 7. A service that cannot decide refuses.
#[test]
fn invariant_7_who_cannot_decide_refuses() {
    let hub = FakeUpstream::refusing();
    let entry =
        format!("[[identity]]\nkind = \"jupyterhub\"\napi_url = \"http://{hub}/hub/api\"\nservice_name = \"jira\"\n");
    let proxy = Harness::with(Setup {
        identities: Some(entry),
        ..Setup::default()
    });
    let answer = proxy.anonymous("rest/api/2/field", &[("Authorization", "token abcdef123456")]);
    answer.assert_problem(503, "identity_unavailable");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(proxy.jira.connections(), 0);
}

/// Resident memory of this process in KiB; the fake upstream's share is one buffer.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The audit event of every request, denied and broken off too (J5).
#[test]
fn every_request_has_exactly_one_event_with_its_user() {
    let proxy = Harness::start();
    proxy.get("rest/api/2/field");
    proxy.get("rest/api/2/user");
    proxy.anonymous("rest/api/2/field", &[]);
    proxy.jira.answer("/rest/api/2/slow", Script::new().hang());
    let mut client = RawClient::connect(proxy.address);
    client.send_request(
        "GET",
        &format!("{PREFIX}/rest/api/2/slow?secret=1"),
        &[("Authorization", &proxy.token("ada"))],
        b"",
    );
    eventually(PATIENCE, || proxy.jira.requests().len() == 2);
    client.reset();
    let events = proxy.events(4);
    // Two workers, two buffers: the order between them is not kept.
    let mut facts: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event["user"].as_str(),
                event["status"].as_u64(),
                event["decision"].as_str(),
                event["rule"].as_str(),
            )
        })
        .collect();
    facts.sort();
    assert_eq!(
        facts,
        [
            (None, Some(401), Some("none"), None),
            (Some("ada"), Some(200), Some("allowed"), Some("read")),
            (Some("ada"), Some(403), Some("denied"), Some("personal-data")),
            (Some("ada"), Some(499), Some("allowed"), Some("read")),
        ]
    );
    assert_eq!(events.iter().filter(|event| event["outcome"] == "aborted").count(), 1);
    assert!(!proxy.audit_text().contains("secret") && !proxy.audit_text().contains("/rest/"));
}
