//! Secrets that were used, looked for in everything that came out: answers, audit events, the log at its finest, metrics,
//! pages. In every spelling that a leak could have.

use base64::{Engine as _, engine::general_purpose};
use proxy_testkit::{RawClient, Script};

use crate::harness::{Harness, PREFIX, Setup, log};

/// Raw, reversed, hex, percent, JSON escapes, and base64 in each alignment of its three bytes.
fn spellings(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    let unicode: String = bytes.iter().map(|byte| format!("\\u{byte:04x}")).collect();
    let aligned = (0..3).flat_map(|skip| {
        let whole = bytes[skip..].len() / 3 * 3;
        let part = &bytes[skip..skip + whole];
        [
            general_purpose::STANDARD.encode(part),
            general_purpose::URL_SAFE_NO_PAD.encode(part),
        ]
    });
    [
        secret.to_owned(),
        secret.chars().rev().collect(),
        hex.to_uppercase(),
        hex,
        percent,
        unicode,
    ]
    .into_iter()
    .chain(aligned)
    .collect()
}

#[test]
fn no_secret_comes_out_anywhere() {
    let proxy = Harness::with(Setup {
        policy: "publish = [\"attachments\"]",
        ..Setup::default()
    });
    let token = proxy.issuer.token("ada").sign();
    let bearer = format!("Bearer {token}");
    let echo = [
        ("Content-Type", "application/json"),
        ("Authorization", proxy.basic().leak() as &str),
        ("X-Echo", "x"),
        ("WWW-Authenticate", "Basic"),
    ];
    proxy.jira.answer("/rest/api/2/echo", Script::answer(200, &echo, "{}"));
    proxy
        .jira
        .answer("/rest/api/2/denied", Script::answer(401, &echo, "Basic"));
    proxy.jira.answer(
        "/rest/api/2/hop",
        Script::answer(302, &[("Location", "https://evil.example/")], "no"),
    );
    proxy.jira.answer(
        "/rest/api/2/cut",
        Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx").reset(),
    );
    proxy
        .jira
        .answer("/rest/api/2/odd", Script::raw("garbage\r\n\r\n").close());
    let mut out = Vec::new();
    for (method, path) in [
        ("GET", "rest/api/2/echo"),
        ("GET", "rest/api/2/field?access_token=gt-secret"),
        ("GET", "rest/api/2/hop"),
        ("GET", "rest/api/2/cut"),
        ("GET", "rest/api/2/odd"),
        ("GET", "rest/api/2/user"),
        ("GET", "../x"),
        ("POST", "rest/api/2/issue"),
        ("GET", "-/me"),
        ("GET", "-/why?path=rest/api/2/field"),
        ("GET", "-/openapi.json"),
        ("GET", "rest/api/2/denied"),
    ] {
        let answer = RawClient::request(
            proxy.address,
            method,
            &format!("{PREFIX}/{path}"),
            &[("Authorization", &bearer), ("Cookie", "session=cookie-canary-5")],
            b"",
        );
        out.extend_from_slice(&answer.raw);
    }
    for value in [
        "Bearer bad-canary-token-1",
        "Basic YmFkLWNhbmFyeTp4",
        "token bad-canary-token-2",
        &format!("{bearer}x"),
    ] {
        out.extend_from_slice(&proxy.anonymous("rest/api/2/field", &[("Authorization", value)]).raw);
    }
    for path in ["/metrics", "/config", "/readyz"] {
        out.extend_from_slice(&RawClient::get(proxy.admin, path, &[]).raw);
    }
    let events = proxy.events(16);
    assert_eq!(events.len(), 16);
    let out = format!(
        "{}\n{}\n{}",
        String::from_utf8_lossy(&out),
        proxy.audit_text(),
        log().lines().join("\n")
    );
    let signature = token.rsplit('.').next().unwrap();
    for secret in [
        proxy.password.as_str(),
        &format!("bot:{}", proxy.password),
        signature,
        "gt-secret",
        "cookie-canary-5",
        "bad-canary-token-1",
        "bad-canary-token-2",
    ] {
        for spelling in spellings(secret) {
            assert!(!out.contains(&spelling), "{secret} came out as {spelling}");
        }
    }
    let account = proxy.basic();
    assert!(!out.contains(account.trim_start_matches("Basic ")));
}

#[test]
fn no_callers_credential_reaches_jira() {
    let proxy = Harness::start();
    let token = proxy.issuer.token("ada").sign();
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Cookie", "session=cookie-canary"),
        ("Proxy-Authorization", "Basic proxy-canary"),
        ("X-Auth-Request-Token", "gt-canary"),
        ("Connection", "close, Authorization"),
    ];
    let target = format!("{PREFIX}/rest/api/2/search?jql=x&access_token={token}&fields=a");
    assert_eq!(RawClient::get(proxy.address, &target, &headers).status, 200);
    let received = proxy.jira.received().concat();
    let received = String::from_utf8_lossy(&received);
    for secret in [
        token.as_str(),
        token.rsplit('.').next().unwrap(),
        "cookie-canary",
        "proxy-canary",
        "gt-canary",
    ] {
        for spelling in spellings(secret) {
            assert!(!received.contains(&spelling), "{spelling}");
        }
    }
    let seen = proxy.jira.request();
    assert_eq!(seen.target, "/rest/api/2/search?jql=x&fields=a");
    assert_eq!(seen.header_values("authorization"), [proxy.basic()]);
}

#[test]
fn a_body_that_repeats_the_credential_is_cut_off_where_bodies_are_searched() {
    let proxy = Harness::with(Setup {
        upstream: "scan_bodies = true",
        ..Setup::default()
    });
    for (media, secret) in [
        ("application/json", proxy.basic()),
        ("text/html", proxy.password.clone()),
    ] {
        let body = format!("{{\"request\":{{\"authorization\":\"{secret}\"}}}}");
        proxy.jira.answer(
            "/rest/api/2/echo",
            Script::answer(200, &[("Content-Type", media)], &body),
        );
        let mut client = RawClient::connect(proxy.address);
        let token = proxy.token("ada");
        let headers = [("Authorization", token.as_str()), ("Connection", "close")];
        client.send_request("GET", &format!("{PREFIX}/rest/api/2/echo"), &headers, b"");
        let (received, _) = client.read_to_end();
        let received = String::from_utf8_lossy(&received).into_owned();
        assert!(!received.contains(secret.trim_start_matches("Basic ")), "{received}");
        assert!(!received.ends_with("0\r\n\r\n"), "it is not told as whole: {received}");
    }
    proxy.jira.answer(
        "/rest/api/2/echo",
        Script::answer(200, &[("Content-Type", "text/plain")], "nothing of it"),
    );
    let answer = proxy.get("rest/api/2/echo");
    assert_eq!((answer.text().as_str(), answer.complete), ("nothing of it", true));
}
