use serde_json::json;

use super::*;
use crate::{FakeUpstream, Script};

/// The answer to a GET that gets these bytes, after which the connection ends.
fn answer(bytes: &str) -> Answer {
    let upstream = FakeUpstream::start();
    upstream.otherwise(Script::raw(bytes).close());
    RawClient::get(upstream.address(), "/", &[])
}

#[test]
fn a_body_is_complete_by_its_own_framing() {
    let check = |rest: &str, body: &str, complete: bool| {
        let answer = answer(&format!("HTTP/1.1 200 OK\r\n{rest}"));
        assert_eq!((answer.text().as_str(), answer.complete), (body, complete), "{rest:?}");
    };
    check("Content-Length: 3\r\n\r\nada", "ada", true);
    check("Content-Length: 4\r\n\r\nada", "ada", false);
    check("Content-Length: 0\r\n\r\n", "", true);
    check("\r\nada", "ada", true);
    check("Transfer-Encoding: chunked\r\n\r\n3\r\nada\r\n0\r\n\r\n", "ada", true);
    check(
        "Transfer-Encoding: chunked\r\n\r\n3\r\nada\r\n0\r\nT: 1\r\n\r\n",
        "ada",
        true,
    );
    check("Transfer-Encoding: chunked\r\n\r\n3\r\nada\r\n0\r\n", "ada", false);
    check("Transfer-Encoding: chunked\r\n\r\n3\r\nada\r\n", "ada", false);
    check("Transfer-Encoding: chunked\r\n\r\n5\r\nada", "ada", false);
    check("Transfer-Encoding: chunked\r\n\r\n2\r\nada\r\n0\r\n\r\n", "ad", false);
    check("Transfer-Encoding: chunked\r\n\r\nx\r\n", "", false);
}

#[test]
fn a_body_that_ends_with_a_reset_is_not_complete() {
    let upstream = FakeUpstream::start();
    upstream.otherwise(
        Script::raw("HTTP/1.1 200 OK\r\n\r\nada")
            .wait(Duration::from_millis(50))
            .reset(),
    );
    let answer = RawClient::get(upstream.address(), "/", &[]);
    assert_eq!((answer.text().as_str(), answer.complete), ("ada", false));
}

#[test]
fn fields_keep_their_order_and_their_duplicates() {
    let raw = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX: \u{1}\r\nset-cookie:b=2\r\nContent-Length: 0\r\n\r\n";
    let answer = answer(raw);
    assert_eq!(answer.header_values("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(answer.headers[2], ("set-cookie".into(), "b=2".into()));
    assert_eq!(answer.header("absent"), None);
    assert_eq!(answer.raw, raw.as_bytes());
}

#[test]
fn interim_answers_are_told_apart() {
    let raw = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    let answer = answer(raw);
    assert_eq!(
        (answer.interim.as_slice(), answer.status, answer.complete),
        ([100, 103].as_slice(), 204, true)
    );
    assert_eq!(answer.header("link"), None);
    assert_eq!(answer.raw, raw.as_bytes());
}

#[test]
fn no_answer_is_told_with_what_came_instead() {
    let upstream = FakeUpstream::start();
    let instead = |script: Script, patience: Duration| {
        upstream.otherwise(script);
        let mut client = RawClient::connect(upstream.address());
        client.patience(patience);
        client
            .send_request("GET", "/", &[], b"")
            .try_read_response()
            .unwrap_err()
    };
    assert_eq!(instead(Script::new().close(), PATIENCE), (Ended::Closed, b"".to_vec()));
    assert_eq!(
        instead(Script::new().send("HTTP/1.1 2").close(), PATIENCE),
        (Ended::Closed, b"HTTP/1.1 2".to_vec())
    );
    assert_eq!(instead(Script::new().reset(), PATIENCE), (Ended::Reset, b"".to_vec()));
    assert_eq!(
        instead(Script::new().hang(), Duration::from_millis(100)),
        (Ended::Silent, b"".to_vec())
    );
}

#[test]
fn a_request_is_framed_unless_the_test_frames_it() {
    let upstream = FakeUpstream::start();
    let _ = RawClient::request(
        upstream.address(),
        "POST",
        "/?q",
        &[("Host", "h"), ("A", "1"), ("a", "2")],
        b"ada",
    );
    let expected = "POST /?q HTTP/1.1\r\nContent-Length: 3\r\nHost: h\r\nA: 1\r\na: 2\r\nConnection: close\r\n\r\nada";
    assert_eq!(String::from_utf8(upstream.request().raw).unwrap(), expected);
    upstream.forget();
    let _ = RawClient::request(
        upstream.address(),
        "POST",
        "/",
        &[("Transfer-Encoding", "chunked")],
        b"0\r\n\r\n",
    );
    assert_eq!(upstream.request().header("content-length"), None);
}

#[test]
fn answers_to_requests_sent_at_once_are_told_apart() {
    let upstream = FakeUpstream::start();
    upstream.otherwise(Script::answer(200, &[], "body"));
    let mut client = RawClient::connect(upstream.address());
    client.send("HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    for (head, body) in [(true, ""), (false, "body")] {
        client.next_answers_head(head);
        let answer = client.read_response();
        assert_eq!((answer.text().as_str(), answer.complete), (body, true));
        assert_eq!(client.ended(), None);
    }
}

#[test]
fn a_half_closed_connection_still_answers() {
    let upstream = FakeUpstream::start();
    let mut client = RawClient::connect(upstream.address());
    client.send_request("GET", "/", &[], b"").half_close();
    assert!(client.read_response().complete);
}

fn problem(status: u16, content_type: &str, id: &str, kind: &str) -> Answer {
    let body = json!({ "type": kind, "status": 403, "request_id": "r-1", "detail": "no" }).to_string();
    let upstream = FakeUpstream::start();
    upstream.otherwise(Script::answer(
        status,
        &[("Content-Type", content_type), ("X-Request-Id", id)],
        body,
    ));
    RawClient::get(upstream.address(), "/", &[])
}

#[test]
fn a_problem_is_recognised() {
    let good = problem(403, "application/problem+json", "r-1", "/x/-/problems/policy_denied");
    assert_eq!(good.assert_problem(403, "policy_denied")["detail"], "no");
    for bad in [
        problem(404, "application/problem+json", "r-1", "/x/-/problems/policy_denied"),
        problem(403, "application/json", "r-1", "/x/-/problems/policy_denied"),
        problem(403, "application/problem+json", "r-2", "/x/-/problems/policy_denied"),
        problem(
            403,
            "application/problem+json",
            "r-1",
            "/x/-/problems/not_policy_denied",
        ),
    ] {
        assert!(
            std::panic::catch_unwind(|| bad.assert_problem(403, "policy_denied")).is_err(),
            "{bad:?}"
        );
    }
}
