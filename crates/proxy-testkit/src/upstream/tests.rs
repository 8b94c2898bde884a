use std::time::{Duration, Instant};

use super::*;
use crate::{Ended, PATIENCE, RawClient, eventually};

const GET: &str = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

/// Long enough for what is on its way already.
const SILENCE: Duration = Duration::from_millis(500);

/// What the client gets for `GET /x`, byte for byte, and how the upstream ends.
fn sent(script: Script, patience: Duration) -> (String, Ended) {
    let upstream = FakeUpstream::start();
    upstream.answer("/x", script);
    let mut client = RawClient::connect(upstream.address());
    client.patience(patience);
    client.send(GET);
    let (bytes, ended) = client.read_to_end();
    (String::from_utf8(bytes).unwrap(), ended)
}

#[test]
fn without_a_script_it_answers_200_and_json() {
    let upstream = FakeUpstream::start();
    let answer = RawClient::get(upstream.address(), "/any?q=1", &[]);
    assert_eq!((answer.status, answer.complete), (200, true));
    assert_eq!(answer.json(), json!({ "method": "GET", "path": "/any" }));
}

#[test]
fn a_request_is_kept_byte_for_byte() {
    let upstream = FakeUpstream::start();
    let head =
        "POST /a%2Fb?q=%31&q=2 HTTP/1.1\r\nhOsT: h\r\nX-Twice: 1\r\nx-twice: \u{e9}\r\nContent-Length: 3\r\n\r\n";
    let raw = [head.as_bytes(), b"a\0b"].concat();
    assert_eq!(
        RawClient::connect(upstream.address()).send(&raw).read_response().status,
        200
    );
    let seen = upstream.request();
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", "/a%2Fb?q=%31&q=2")
    );
    assert_eq!(seen.path(), "/a%2Fb");
    let names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["hOsT", "X-Twice", "x-twice", "Content-Length"]);
    assert_eq!(seen.header("host"), Some("h"));
    assert_eq!(seen.header_values("x-twice").len(), 2);
    assert_eq!((seen.body.as_slice(), seen.complete), (b"a\0b".as_slice(), true));
    assert_eq!(seen.raw, raw);
    assert_eq!(upstream.received(), [raw]);
}

#[test]
fn a_chunked_body_is_taken_apart() {
    let upstream = FakeUpstream::start();
    let raw =
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nada\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
    RawClient::connect(upstream.address()).send(raw).read_response();
    let seen = upstream.request();
    assert_eq!(
        (seen.body.as_slice(), seen.complete),
        (b"ada0123456789".as_slice(), true)
    );
    assert_eq!(seen.raw, raw.as_bytes());
}

#[test]
fn a_connection_serves_several_requests() {
    let upstream = FakeUpstream::start();
    let mut client = RawClient::connect(upstream.address());
    for _ in 0..3 {
        assert_eq!(
            client.send_request("POST", "/", &[], b"body").read_response().status,
            200
        );
    }
    client.send([GET, GET].concat());
    assert_eq!(
        (client.read_response().status, client.read_response().status),
        (200, 200)
    );
    assert_eq!((upstream.requests().len(), upstream.connections()), (5, 1));
    assert_eq!(upstream.open_connections(), 1);
    assert!(upstream.is_open(0) && !upstream.is_open(1));
    drop(client);
    eventually(PATIENCE, || upstream.open_connections() == 0);
    assert!(!upstream.is_open(0));
}

#[test]
fn scripts_are_for_a_path_once_or_always() {
    let upstream = FakeUpstream::start();
    let status = |path| RawClient::get(upstream.address(), path, &[]).status;
    upstream.answer("/x", Script::answer(201, &[], ""));
    upstream.answer_next("/x", Script::answer(500, &[], ""));
    upstream.answer_next("/x", Script::answer(501, &[], ""));
    assert_eq!(
        [status("/x?a"), status("/x"), status("/x"), status("/x")],
        [500, 501, 201, 201]
    );
    assert_eq!(status("/y"), 200);
    upstream.otherwise(Script::answer(404, &[], ""));
    assert_eq!([status("/x"), status("/y")], [201, 404]);
}

#[test]
fn each_step_does_what_it_says() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";
    let check = |script: Script, bytes: &str, ended: Ended| {
        let patience = if ended == Ended::Silent { SILENCE } else { PATIENCE };
        assert_eq!(sent(script, patience), (bytes.to_owned(), ended));
    };
    check(Script::raw("garbage"), "garbage", Ended::Silent);
    check(
        Script::raw(head).send("ada").close(),
        &format!("{head}ada"),
        Ended::Closed,
    );
    check(
        Script::raw(head).send("ada").hang(),
        &format!("{head}ada"),
        Ended::Silent,
    );
    check(Script::new().send_times("ab", 3).close(), "ababab", Ended::Closed);
    check(
        Script::new().drip("abc", Duration::from_millis(1)).close(),
        "abc",
        Ended::Closed,
    );
    check(Script::new().half_close().send("late"), "", Ended::Closed);
    check(Script::new().close(), "", Ended::Closed);
    check(Script::new().reset(), "", Ended::Reset);
    check(Script::new().hang(), "", Ended::Silent);
    check(
        Script::answer(204, &[("ETag", "x")], ""),
        "HTTP/1.1 204 Scripted\r\nETag: x\r\n\r\n",
        Ended::Silent,
    );
}

#[test]
fn a_pause_is_a_pause() {
    let started = Instant::now();
    assert_eq!(
        sent(Script::new().wait(Duration::from_millis(50)).close(), PATIENCE).1,
        Ended::Closed
    );
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[test]
fn the_far_end_of_a_tunnel_echoes() {
    let upstream = FakeUpstream::start();
    upstream.answer(
        "/ws",
        Script::new()
            .send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")
            .echo(),
    );
    let mut client = RawClient::connect(upstream.address());
    client.send("GET /ws HTTP/1.1\r\n\r\nearly");
    assert_eq!(client.read_response().status, 101);
    assert_eq!(client.read_some(100), b"early");
    client.send("late");
    assert_eq!(client.read_some(2), b"la");
    assert_eq!(client.read_some(2), b"te");
}

#[test]
fn head_gets_a_head() {
    let upstream = FakeUpstream::start();
    upstream.answer("/x", Script::answer(200, &[], "body"));
    let mut client = RawClient::connect(upstream.address());
    for _ in 0..2 {
        let answer = client.send_request("HEAD", "/x", &[], b"").read_response();
        assert_eq!(
            (answer.header("content-length"), answer.body.len(), answer.complete),
            (Some("4"), 0, true)
        );
    }
}

#[test]
fn a_hanging_upstream_notices_that_the_client_left() {
    let upstream = FakeUpstream::start();
    upstream.otherwise(Script::new().hang());
    let mut client = RawClient::connect(upstream.address());
    client.send(GET);
    eventually(PATIENCE, || upstream.requests().len() == 1);
    assert_eq!(upstream.open_connections(), 1);
    client.reset();
    eventually(PATIENCE, || upstream.open_connections() == 0);
}

#[test]
fn a_body_is_seen_while_it_arrives() {
    let upstream = FakeUpstream::start();
    let mut client = RawClient::connect(upstream.address());
    client.send("POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nada");
    eventually(PATIENCE, || {
        upstream.requests().first().is_some_and(|seen| seen.body == b"ada")
    });
    assert!(!upstream.request().complete);
    upstream.forget();
    client.send("eve");
    assert_eq!(client.read_response().status, 200);
    assert!(upstream.requests().is_empty());
}

#[test]
fn a_stopped_upstream_refuses_and_ends_what_is_open() {
    let mut upstream = FakeUpstream::start();
    upstream.otherwise(Script::new().hang());
    let mut client = RawClient::connect(upstream.address());
    client.send(GET);
    eventually(PATIENCE, || upstream.requests().len() == 1);
    upstream.stop();
    assert_eq!(client.read_to_end(), (Vec::new(), Ended::Closed));
    assert!(TcpStream::connect(upstream.address()).is_err());
    assert!(TcpStream::connect(FakeUpstream::refusing()).is_err());
    assert_eq!(upstream.requests().len(), 1);
}
