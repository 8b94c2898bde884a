//! Who gets no tunnel, and that nothing of it reaches the upstream.

use std::time::Duration;

use proxy_testkit::{Ended, RawClient, Script};

use crate::harness::{Harness, KEY, Setup, agreed, assert_ends, handshake, read};

/// Sends this and something behind it, and expects one answer, with which the connection ends.
#[track_caller]
fn refused(proxy: &Harness, request: &str, status: u16, problem: &str) {
    let mut client = RawClient::connect(proxy.address);
    client.send(format!(
        "{request}GET /ws/second HTTP/1.1\r\nHost: x\r\nX-Auth-Request-User: ada\r\n\r\n"
    ));
    let answer = client.read_response();
    assert!(answer.header("x-request-id").is_some(), "{request}\n{answer:?}");
    answer.assert_problem(status, problem);
    let close = answer
        .header("connection")
        .is_some_and(|value| value.starts_with("close"));
    assert!(close || request.contains("HTTP/1.0"), "{request}"); // of which it is the rule
    assert_ends(&mut client, Ended::Closed);
}

#[test]
fn what_is_no_handshake_is_refused_with_the_connection() {
    let proxy = Harness::start();
    let good = handshake("/x", "ada", "");
    let bad = [
        good.replacen("GET", "POST", 1),
        good.replacen("GET", "DELETE", 1),
        good.replace("HTTP/1.1", "HTTP/1.0"),
        good.replace("Connection: Upgrade\r\n", ""),
        good.replace("Connection: Upgrade", "Connection: keep-alive"),
        good.replace("Upgrade: websocket", "Upgrade: websocket, h2c"),
        good.replace("Upgrade: websocket", "Upgrade: websocket/13"),
        good.replace("Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: websocket"),
        good.replace(KEY, "c2hvcnQ="),
        good.replace(KEY, &format!("{KEY}\r\nSec-WebSocket-Key: {KEY}")),
        good.replace("Sec-WebSocket-Key", "X-Key"),
        good.replace("Version: 13", "Version: 8"),
        good.replace("nbgate.example.org", "a/b"),
        good.replace("/ws/x", "http://nbgate.example.org/ws/x"),
        good.replace("Upgrade: websocket", "Upgrade: websocket\r\nTransfer-Encoding: chunked"),
        good.replace("Upgrade: websocket", "Upgrade: websocket\r\nContent-Length: 5"),
    ];
    for request in &bad {
        refused(&proxy, request, 400, "bad_request");
    }
    let count = bad.len();
    assert_eq!(proxy.events("request", count).len(), count, "one event each");
    assert_eq!((proxy.upstream.connections(), proxy.held()), (0, 0));
}

#[test]
fn another_version_is_told_which_one_is_spoken() {
    let proxy = Harness::start();
    let mut client = RawClient::connect(proxy.address);
    client.send(handshake("/x", "ada", "").replace("Version: 13", "Version: 8"));
    let answer = client.read_response();
    assert_eq!(answer.header("sec-websocket-version"), Some("13"));
    answer.assert_problem(400, "bad_request");
}

#[test]
fn other_protocols_are_ignored_as_http_has_it() {
    let proxy = Harness::start();
    for protocol in ["h2c", "TLS/1.0", "x"] {
        let mut client = RawClient::connect(proxy.address);
        client.send(format!(
            "GET /ws/x HTTP/1.1\r\nHost: x\r\nX-Auth-Request-User: ada\r\nConnection: Upgrade, HTTP2-Settings\r\n\
             Upgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
        ));
        assert_eq!(client.read_response().status, 200, "{protocol}");
    }
    for seen in proxy.upstream.requests() {
        assert_eq!((seen.header("upgrade"), seen.header("http2-settings")), (None, None));
    }
}

#[test]
fn nobody_without_a_name_a_right_or_a_site_gets_one() {
    let proxy = Harness::start();
    let good = handshake("/x", "ada", "");
    refused(
        &proxy,
        &good.replace("X-Auth-Request-User: ada\r\n", ""),
        401,
        "unauthenticated",
    );
    refused(&proxy, &handshake("/secret/x", "ada", ""), 403, "policy_denied");
    refused(&proxy, &handshake("/../x", "ada", ""), 404, "not_found");
    for path in ["/nowhere", "/wsx", "/"] {
        refused(&proxy, &good.replace("/ws/x", path), 404, "not_found");
    }
    for path in ["/ws/-", "/ws/-/me", "/ws/-/docs?x", "/plain/x", "/plain/-/me"] {
        refused(&proxy, &good.replace("/ws/x", path), 400, "bad_request");
    }
    refused(&proxy, &handshake("/panic", "ada", ""), 500, "internal_error");
    assert!(proxy.metrics().contains("nbgate_panics_total 1"));
    assert_eq!((proxy.upstream.connections(), proxy.held()), (0, 0));
    assert_eq!(
        proxy.ask("/-x").read_response().status,
        200,
        "only pages of ours are below `-/`"
    );
}

#[test]
fn a_handshake_that_does_not_end_is_not_waited_for() {
    let proxy = Harness::with(Setup {
        server: "head_timeout_seconds = 1",
        ..Setup::default()
    });
    let good = handshake("/x", "ada", "");
    for begun in [&good[..10], &good[..good.len() - 2]] {
        let mut client = RawClient::connect(proxy.address);
        client.send(begun);
        assert_ends(&mut client, Ended::Closed);
    }
    assert!(
        proxy
            .metrics()
            .contains("nbgate_connections_closed_total{reason=\"head\"} 2")
    );
    assert_eq!(proxy.upstream.connections(), 0);
}

#[test]
fn a_head_whose_lines_end_oddly_opens_nothing() {
    let proxy = Harness::start();
    let mut client = RawClient::connect(proxy.address);
    client.send(handshake("/x", "ada", "").replace("\r\n", "\n"));
    assert_eq!(client.read_response().status, 400);
    assert_eq!(proxy.upstream.connections(), 0);
}

#[test]
fn requests_before_a_handshake_on_its_connection_are_answered_first() {
    let proxy = Harness::start();
    proxy.upstream.answer("/echo", Script::new().send(agreed("")).echo());
    let get = "GET /ws/first HTTP/1.1\r\nHost: x\r\nX-Auth-Request-User: ada\r\n\r\n";
    let post = "POST /ws/second HTTP/1.1\r\nHost: x\r\nX-Auth-Request-User: ada\r\nContent-Length: 2\r\n\r\n{}";
    let mut client = RawClient::connect(proxy.address);
    client.send(format!("{get}{post}{}hello", handshake("/echo", "ada", "")));
    assert_eq!(client.read_response().json()["path"], "/first");
    assert_eq!(client.read_response().json()["path"], "/second");
    assert_eq!(client.read_response().status, 101);
    assert_eq!(client.read_some(5), b"hello");
    assert_eq!(proxy.upstream.requests().len(), 3);
}

#[test]
fn a_service_that_has_told_its_tunnels_that_it_stops_opens_no_more() {
    let mut proxy = Harness::start();
    proxy.agreeing(Script::echo);
    let mut client = proxy.open();
    proxy.drain(Duration::from_secs(4));
    assert_eq!(read(&mut client, 4), b"\x88\x13\x03\xe9");
    let answer = proxy.ask("/x").read_response();
    answer.assert_problem(503, "busy");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(proxy.upstream.connections(), 1);
    proxy.join();
}
