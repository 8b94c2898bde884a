//! What of a caller reaches an instance, and what does not (contract: hole 5).

use proxy_testkit::RawClient;

use crate::harness::{Harness, Setup, log};

#[test]
fn the_platforms_token_never_reaches_the_instance() {
    let harness = Harness::start();
    let token = harness.token("ada");
    let (bearer, cookie) = (
        format!("Bearer {token}"),
        format!("_xsrf=2|x; access_token={token}; username-8888=\"u\""),
    );
    for headers in [
        vec![("Authorization", bearer.as_str())],
        vec![("Cookie", cookie.as_str())],
        vec![("Authorization", bearer.as_str()), ("Cookie", cookie.as_str())],
        vec![("authorization", "token 0123"), ("cookie", cookie.as_str())],
        vec![("Authorization", "Basic YTpi"), ("Cookie", cookie.as_str())],
        vec![("aUTHORIZATION", bearer.as_str()), ("Connection", "authorization")],
    ] {
        harness.instance.forget();
        let target = format!("/jupyter/42/api?access_token={token}&a=b");
        assert_eq!(harness.send(&target, &headers).status, 200, "{headers:?}");
        let seen = harness.instance.request();
        let raw = String::from_utf8_lossy(&seen.raw).into_owned();
        assert!(!raw.contains(&token) && !raw.contains("c4n4ry"), "{raw}");
        assert_eq!(seen.target, "/jupyter/42/api?a=b");
        if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
            assert_eq!(seen.header("cookie"), Some("_xsrf=2|x; username-8888=\"u\""));
        }
    }
}

#[test]
fn a_cookie_that_is_not_ascii_hides_none_beside_it_and_passes_as_it_is() {
    let harness = Harness::start();
    let token = harness.token("ada");
    let cookie = format!("name=J\u{fc}rgen; access_token={token}; a=b");
    assert_eq!(harness.send("/jupyter/42/api", &[("Cookie", &cookie)]).status, 200);
    let raw = String::from_utf8_lossy(&harness.instance.request().raw).into_owned();
    assert!(raw.contains("name=J\u{fc}rgen; a=b") && !raw.contains(&token), "{raw}");
}

#[test]
fn what_is_jupyters_own_passes() {
    let harness = Harness::start();
    let cookie = format!("access_token={}", harness.token("ada"));
    let own = [
        ("Authorization", "token 0123456789abcdef"),
        ("X-XSRFToken", "2|x"),
        ("User-Agent", "Lab/4"),
        ("Accept-Encoding", "gzip, br"),
        ("Origin", "https://visa.example.org"),
        ("If-None-Match", "\"a\""),
        ("Range", "bytes=0-1"),
    ];
    let headers: Vec<_> = own.into_iter().chain([("Cookie", cookie.as_str())]).collect();
    assert_eq!(harness.send("/jupyter/42/api", &headers).status, 200);
    let seen = harness.instance.request();
    for (name, value) in own {
        assert_eq!(seen.header_values(name), [value], "{name}");
    }
    assert_eq!(seen.header("cookie"), None);
    let host = harness.address.to_string();
    assert_eq!(
        seen.header_values("host"),
        [host.as_str()],
        "Jupyter compares it with Origin"
    );
}

#[test]
fn who_the_caller_is_is_for_us_to_say() {
    let harness = Harness::start();
    let bearer = format!("Bearer {}", harness.token("ada"));
    let spoofed = [
        ("Authorization", bearer.as_str()),
        ("X-Auth-Request-User", "root"),
        ("X-Auth-Request-Email", "root@example.org"),
        ("X_Auth_Request_Groups", "admin"),
        ("X-Forwarded-For", "10.9.8.7"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Prefix", "/evil"),
        ("X-Real-IP", "10.9.8.7"),
        ("Forwarded", "for=10.9.8.7"),
    ];
    harness.send("/visafs/42/x", &spoofed);
    let seen = harness.instance.request();
    for name in [
        "x-auth-request-user",
        "x-auth-request-email",
        "x_auth_request_groups",
        "x-real-ip",
        "forwarded",
    ] {
        assert_eq!(seen.header(name), None, "{name}");
    }
    let host = harness.address.to_string();
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", host.as_str()),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-prefix", "/visafs/42"),
    ] {
        assert_eq!(seen.header_values(name), [value], "{name}");
    }
    harness.instance.forget();
    harness.send("/jupyter/42/x", &spoofed);
    assert_eq!(
        harness.instance.request().header("x-forwarded-prefix"),
        None,
        "nothing is taken away there"
    );
}

#[test]
fn a_trusted_ingress_says_where_the_caller_is() {
    let harness = Harness::with(Setup {
        server: "trusted_peers = [\"127.0.0.1\"]\npublic_url = \"https://visa.example.org/\"".to_owned(),
        ..Setup::default()
    });
    let bearer = format!("Bearer {}", harness.token("ada"));
    let headers = [("Authorization", bearer.as_str()), ("X-Forwarded-For", "192.0.2.7")];
    harness.send("/jupyter/42/x", &headers);
    let seen = harness.instance.request();
    assert_eq!(seen.header_values("x-forwarded-for"), ["192.0.2.7, 127.0.0.1"]);
    assert_eq!(seen.header_values("x-forwarded-proto"), ["https"]);
    assert_eq!(seen.header_values("x-forwarded-host"), ["visa.example.org"]);
}

#[test]
fn further_cookies_of_the_platform_are_hidden_where_they_are_named() {
    let harness = Harness::with(Setup {
        tenant: "hidden_cookies = [\"session\"]".to_owned(),
        ..Setup::default()
    });
    let cookie = format!("session=s3cret; a=b; access_token={}", harness.token("ada"));
    harness.send("/jupyter/42/x", &[("Cookie", &cookie)]);
    assert_eq!(harness.instance.request().header("cookie"), Some("a=b"));
}

#[test]
fn two_tokens_in_one_request_are_one_too_many() {
    let harness = Harness::start();
    let (one, other) = (harness.token("ada"), harness.token("ada"));
    let cookies = format!("access_token={one}; access_token={other}");
    harness
        .send("/jupyter/42/x", &[("Cookie", &cookies)])
        .assert_problem(400, "bad_request");
    let bearer = format!("Bearer {one}");
    let twice = [("Authorization", bearer.as_str()), ("Authorization", "token x")];
    harness.send("/jupyter/42/x", &twice).assert_problem(400, "bad_request");
    assert!(harness.instance.requests().is_empty());
}

#[test]
fn no_token_is_logged() {
    let harness = Harness::start();
    let token = harness.token("ada");
    harness.get_with(&token, "/jupyter/42/api");
    harness.get_with(&format!("{token}x"), "/jupyter/42/api");
    let _ = RawClient::get(harness.address, &format!("/jupyter/42/x?access_token={token}"), &[]);
    let signature = token.rsplit('.').next().unwrap();
    let said = [log().lines().join("\n"), harness.audit_text(), harness.metrics()].join("\n");
    assert!(!said.contains(signature), "a token was logged");
}
