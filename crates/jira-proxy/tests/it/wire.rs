//! The front side on the wire: deadlines, resets, request ids, when a body is asked for. What callers may send at all is
//! `front`'s matter.

use std::{
    io::Write as _,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use proxy_testkit::{Answer, Ended, PATIENCE, RawClient, eventually};

use crate::harness::{Harness, PREFIX, Setup, log};

/// Sends bytes, half of which may be nonsense, and reads all answers until the connection ends or falls silent.
fn answers(proxy: &Harness, bytes: impl AsRef<[u8]>) -> (Vec<Answer>, Option<Ended>) {
    let mut client = RawClient::connect(proxy.address);
    client.patience(Duration::from_millis(1_500));
    client.send(bytes);
    let mut answers = Vec::new();
    loop {
        match client.try_read_response() {
            Ok(answer) => answers.push(answer),
            Err((ended, _)) => return (answers, Some(ended)),
        }
    }
}

fn statuses(proxy: &Harness, bytes: impl AsRef<[u8]>) -> Vec<u16> {
    answers(proxy, bytes).0.iter().map(|answer| answer.status).collect()
}

/// How many connections were closed for this reason.
fn closed(proxy: &Harness, reason: &str) -> u32 {
    let name = format!("nbgate_connections_closed_total{{reason=\"{reason}\"}} ");
    let metrics = proxy.metrics();
    let count = metrics.lines().find_map(|line| line.strip_prefix(&name));
    count.map_or(0, |count| count.parse().unwrap())
}

fn head(proxy: &Harness, extra: &str) -> String {
    format!(
        "GET {PREFIX}/rest/api/2/field HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n{extra}",
        proxy.token("ada")
    )
}

#[test]
fn every_head_has_a_deadline_not_the_first_alone() {
    let proxy = Harness::with(Setup {
        server: "head_timeout_seconds = 1",
        ..Setup::default()
    });
    let good = head(&proxy, "\r\n");
    for (before, answered) in [("", 0), (good.as_str(), 1)] {
        // The second head comes after the first answer, or together with the first request.
        for together in [false, true] {
            let mut client = RawClient::connect(proxy.address);
            client.patience(PATIENCE);
            let started = Instant::now();
            if together {
                client.send(format!("{before}GET {PREFIX}/half HTTP/1.1\r\nHo"));
            } else {
                client.send(before);
            }
            for _ in 0..answered {
                assert_eq!(client.read_response().status, 200);
            }
            if !together {
                client.send(format!("GET {PREFIX}/half HTTP/1.1\r\nHo"));
            }
            let (rest, ended) = client.read_to_end();
            assert!(
                rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"),
                "{}",
                String::from_utf8_lossy(&rest)
            );
            assert_ne!(ended, Ended::Silent, "the connection is still open");
            assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        }
    }
    let mut mute = RawClient::connect(proxy.address);
    mute.patience(PATIENCE);
    assert_ne!(
        mute.read_to_end().1,
        Ended::Silent,
        "the first head has its deadline too"
    );
    assert_eq!(closed(&proxy, "head"), 5);
}

#[test]
fn half_a_head_behind_a_body_has_its_deadline_too() {
    let proxy = Harness::with(Setup {
        server: "head_timeout_seconds = 1",
        ..Setup::default()
    });
    let served = head(&proxy, "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    let served = served.replacen("GET", "POST", 1).replacen("field", "search", 1);
    let refused = "POST /elsewhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned();
    for (before, status) in [(served, 200), (refused, 404)] {
        let mut client = RawClient::connect(proxy.address);
        client.patience(PATIENCE);
        client.send(format!("{before}GET {PREFIX}/half HTTP/1.1\r\nHo"));
        assert_eq!(client.read_response().status, status);
        assert_ne!(client.read_to_end().1, Ended::Silent, "the connection is still open");
    }
    assert_eq!(closed(&proxy, "head"), 2);
}

#[test]
fn a_head_that_drips_does_not_move_its_deadline() {
    let proxy = Harness::with(Setup {
        server: "head_timeout_seconds = 1",
        ..Setup::default()
    });
    let mut client = RawClient::connect(proxy.address);
    client.send(head(&proxy, "\r\n"));
    assert_eq!(client.read_response().status, 200);
    let started = Instant::now();
    client.patience(Duration::from_millis(100));
    client.send("GET /");
    loop {
        client.send("a");
        match client.read_to_end() {
            (_, Ended::Silent) => assert!(
                started.elapsed() < Duration::from_secs(4),
                "the connection is still open"
            ),
            _ => break,
        }
    }
    assert!(
        proxy
            .metrics()
            .contains("nbgate_connections_closed_total{reason=\"head\"} 1")
    );
}

#[test]
fn a_client_that_does_not_read_is_not_waited_for() {
    let proxy = Harness::with(Setup {
        server: "write_timeout_seconds = 1",
        upstream: "rewrite_links = false",
        ..Setup::default()
    });
    let script = proxy_testkit::Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
        .send_times(vec![b'x'; 65_536], 1_600);
    proxy.jira.answer("/rest/api/2/field", script);
    let mut client = RawClient::connect(proxy.address);
    client.send(head(&proxy, "\r\n"));
    assert_eq!(client.read_some(12), b"HTTP/1.1 200");
    eventually(4 * PATIENCE, || {
        proxy
            .metrics()
            .contains("nbgate_connections_closed_total{reason=\"write\"} 1")
    });
    eventually(PATIENCE, || proxy.jira.open_connections() == 0);
}

#[test]
fn a_client_that_reads_slowly_gets_the_time_it_takes() {
    let proxy = Harness::with(Setup {
        server: "write_timeout_seconds = 1",
        upstream: "rewrite_links = false",
        ..Setup::default()
    });
    let script = proxy_testkit::Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
        .send_times(vec![b'x'; 65_536], 1_600);
    proxy.jira.answer("/rest/api/2/field", script);
    let mut client = RawClient::connect(proxy.address);
    client.send(head(&proxy, "\r\n"));
    // 400 kB a second, for four times as long as a client is waited for who takes nothing.
    let began = Instant::now();
    for turn in 0..160 {
        assert!(!client.read_some(10_000).is_empty(), "cut after {:?}", began.elapsed());
        eventually(PATIENCE, || began.elapsed() > turn * Duration::from_millis(25));
    }
    let metrics = proxy.metrics();
    assert!(!metrics.contains("nbgate_connections_closed_total{reason=\"write\"}"));
}

#[test]
fn a_body_is_asked_for_only_when_the_request_will_be_sent_on() {
    let proxy = Harness::start();
    let ask = |method: &str, path: &str, token: &str, extra: &str| {
        let mut client = RawClient::connect(proxy.address);
        client.send(format!(
            "{method} {PREFIX}/{path} HTTP/1.1\r\nHost: x\r\n{token}{extra}\r\n"
        ));
        client
    };
    let token = format!("Authorization: {}\r\n", proxy.token("ada"));
    let expects = "Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n";
    for (method, path, token, extra, expected) in [
        ("POST", "rest/api/2/search", "", expects, 401),
        ("POST", "rest/api/2/issue", token.as_str(), expects, 405),
        ("POST", "rest/auth/1/session", &token, expects, 404),
        (
            "POST",
            "rest/api/2/search",
            &token,
            "Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n",
            413,
        ),
        (
            "POST",
            "rest/api/2/search",
            &token,
            "Expect: 200-ok\r\nContent-Length: 2\r\n",
            417,
        ),
        (
            "POST",
            "rest/api/2/search",
            &token,
            "Upgrade: websocket\r\nExpect: 100-continue\r\nContent-Length: 2\r\n",
            400,
        ),
    ] {
        let answer = ask(method, path, token, extra).read_response();
        assert_eq!(answer.status, expected, "{method} {path} {extra:?}");
    }
    assert_eq!(proxy.jira.connections(), 0);
    let mut client = ask("POST", "rest/api/2/search", &token, expects);
    assert_eq!(client.read_some(25), b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send("{}");
    assert_eq!(client.read_response().status, 200);
    let seen = proxy.jira.request();
    assert_eq!((seen.header("expect"), seen.body.as_slice()), (None, b"{}".as_slice()));
    let events = proxy.events(7);
    assert_eq!(events.len(), 7, "one event for each request: {events:?}");
}

#[test]
fn a_request_id_is_taken_over_only_if_it_is_harmless() {
    let proxy = Harness::start();
    assert_eq!(
        proxy
            .get_with("rest/api/2/field", &[("X-Request-Id", "abc-123")])
            .header("x-request-id"),
        Some("abc-123")
    );
    assert_eq!(proxy.jira.request().header("x-request-id"), Some("abc-123"));
    for odd in ["a b", "a\"b", "<x>", "", &"a".repeat(65), "a;b"] {
        let answer = proxy.get_with("rest/api/2/field", &[("X-Request-Id", odd)]);
        let id = answer.header("x-request-id").unwrap();
        assert!(id != odd && id.len() == 36, "{id}");
    }
}

#[test]
fn a_whole_body_reaches_an_old_client_without_chunks_and_ends_with_the_connection() {
    let proxy = Harness::start();
    let raw = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n0\r\n\r\n";
    proxy
        .jira
        .answer("/rest/api/2/field", proxy_testkit::Script::raw(raw).close());
    for connection in ["", "Connection: keep-alive\r\n"] {
        let mut client = RawClient::connect(proxy.address);
        client.send(head(&proxy, &format!("{connection}\r\n")).replace("HTTP/1.1", "HTTP/1.0"));
        let answer = client.read_response();
        assert_eq!((answer.status, answer.header("transfer-encoding")), (200, None));
        assert_ne!(answer.header("connection"), Some("keep-alive"));
        assert_eq!((answer.text().as_str(), answer.complete), ("{\"a\":1}", true));
    }
}

#[test]
fn a_cut_body_ends_in_a_reset() {
    let proxy = Harness::start();
    for framing in [
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Content-Length: 500\r\n\r\nhello",
    ] {
        let script = proxy_testkit::Script::raw(format!("HTTP/1.1 200 OK\r\n{framing}"));
        let script = script.wait(Duration::from_millis(200)).close();
        proxy.jira.answer("/rest/api/2/field", script);
        for version in ["HTTP/1.0", "HTTP/1.1"] {
            let mut client = RawClient::connect(proxy.address);
            client.send(head(&proxy, "\r\n").replace("HTTP/1.1", version));
            let (bytes, ended) = client.read_to_end();
            let text = String::from_utf8_lossy(&bytes);
            assert!(text.contains("hello"), "{version}: {text}");
            assert_eq!(ended, Ended::Reset, "{version}: {text}");
        }
    }
}

#[test]
fn a_body_that_the_service_itself_lets_go_of_ends_in_a_reset() {
    let mut proxy = Harness::with(Setup {
        server: "drain_deadline_seconds = 1",
        ..Setup::default()
    });
    let script =
        proxy_testkit::Script::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").hang();
    proxy.jira.answer("/rest/api/2/field", script);
    let mut client = RawClient::connect(proxy.address);
    client.send(head(&proxy, "\r\n").replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!(client.read_some(12), b"HTTP/1.0 200");
    proxy.drain(Duration::ZERO);
    assert_eq!(client.read_to_end().1, Ended::Reset);
}

#[test]
fn a_refusal_that_no_request_began_is_counted_and_logged_and_no_other_answer_is() {
    let proxy = Harness::start();
    let expecting = format!(
        "POST {PREFIX}/rest/api/2/search HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    );
    let pipelined = format!("{0}{0}", head(&proxy, "\r\n"));
    let answered = [pipelined, head(&proxy, "Upgrade: websocket\r\n\r\n"), expecting];
    for bytes in answered {
        assert!(!statuses(&proxy, bytes).is_empty());
    }
    assert_eq!(proxy.get("-/docs").status, 308, "an answer without a body");
    assert_eq!(closed(&proxy, "malformed"), 0);
    for (count, bytes) in [
        (1, "BROKEN\r\n\r\n".to_owned()),
        (
            2,
            head(&proxy, "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ),
        (3, head(&proxy, &"X: 1\r\n".repeat(120))),
    ] {
        let answers = statuses(&proxy, bytes);
        assert!(matches!(answers[..], [400 | 431]), "{answers:?}");
        assert_eq!(closed(&proxy, "malformed"), count);
    }
    // Also on a connection that served a request before.
    let mut client = RawClient::connect(proxy.address);
    client.send(head(&proxy, "\r\n"));
    assert_eq!(client.read_response().status, 200);
    client.send("BROKEN\r\n\r\n");
    assert_eq!(client.read_response().status, 400);
    assert_eq!(closed(&proxy, "malformed"), 4);
    let told = |line: &String| line.contains("a request head cannot be read") && line.contains("431");
    eventually(PATIENCE, || log().lines().iter().any(told));
}

#[test]
fn a_refused_body_that_stalls_is_no_slow_head() {
    let proxy = Harness::with(Setup {
        server: "keep_alive_seconds = 1",
        ..Setup::default()
    });
    let mut client = RawClient::connect(proxy.address);
    client.patience(PATIENCE);
    client.send(format!(
        "POST {PREFIX}/rest/api/2/issue HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"
    ));
    assert_eq!(client.read_response().status, 401);
    assert_ne!(client.read_to_end().1, Ended::Silent);
    // actix's own keep-alive timer is as long as ours: whichever comes first closes the connection, and neither calls it a
    // head. Only ours counts.
    assert_eq!(closed(&proxy, "head"), 0);
    assert!(closed(&proxy, "idle") <= 1);
}

#[test]
fn a_refused_body_that_never_ends_is_not_read_for_ever_however_fast_it_comes() {
    let proxy = Harness::with(Setup {
        server: "workers = 1\nhead_timeout_seconds = 1\nkeep_alive_seconds = 1",
        ..Setup::default()
    });
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    let flood = || {
        let mut stream = TcpStream::connect(proxy.address).unwrap();
        let head = "rest/api/2/issue HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        write!(stream, "POST {PREFIX}/{head}").unwrap();
        let began = Instant::now();
        while stream.write_all(chunk.as_bytes()).is_ok() {
            assert!(began.elapsed() < PATIENCE, "it is still read");
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(flood);
        }
    });
    assert!(proxy.jira.requests().is_empty());
}

#[test]
fn a_target_that_is_no_path_is_a_400_whoever_asks() {
    let proxy = Harness::start();
    let token = format!("Authorization: {}\r\n", proxy.token("ada"));
    for line in [
        format!("GET http://evil{PREFIX}/rest/api/2/field"),
        format!("GET http://evil{PREFIX}/-/me"),
        "GET http://evil/".to_owned(),
        "GET evil:80".to_owned(),
        "GET *".to_owned(),
        "OPTIONS *".to_owned(),
        "CONNECT evil:1".to_owned(),
        format!("CONNECT {PREFIX}/rest/api/2/field"),
    ] {
        for token in ["", &token] {
            let answer = RawClient::connect(proxy.address)
                .send(format!("{line} HTTP/1.1\r\nHost: x\r\n{token}\r\n"))
                .read_response();
            answer.assert_problem(400, "bad_request");
            assert_eq!(answer.header("allow"), None, "{line}");
        }
    }
    let problem = proxy.send("TRACE", "rest/api/2/field", &[], b"");
    problem.assert_problem(405, "method_not_allowed");
    assert_eq!(
        problem.header("allow"),
        Some("GET, HEAD"),
        "what the rules allow at this path"
    );
    assert_eq!(proxy.jira.connections(), 0);
}
