//! Bodies both ways, and who leaves in the middle of them. What Jira breaks is `faults`' matter.

use std::time::Duration;

use proxy_testkit::{FakeUpstream, PATIENCE, RawClient, Script, eventually};

use crate::harness::{Harness, PREFIX, Setup};

const TARGET: &str = "/jira-data-proxy/rest/api/2/field";
const PATH: &str = "/rest/api/2/field";
const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];
/// Limits short enough for a test.
const HASTY: &str = "response_timeout_seconds = 1\nidle_timeout_seconds = 1\nconnect_timeout_seconds = 1\nupload_timeout_seconds = 2\nrewrite_links = false";

fn hasty() -> Harness {
    Harness::with(Setup {
        upstream: HASTY,
        ..Setup::default()
    })
}

#[test]
fn binary_bodies_arrive_byte_for_byte_with_their_length() {
    let proxy = Harness::with(Setup {
        policy: "publish = [\"attachments\"]",
        ..Setup::default()
    });
    let body: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    proxy.jira.answer(
        "/secure/attachment/1/a.png",
        Script::answer(200, &[("Content-Type", "image/png")], &body),
    );
    let answer = proxy.get("secure/attachment/1/a.png");
    assert!(answer.complete && answer.body == body);
    assert_eq!(answer.header("content-length"), Some("300000"));
}

#[test]
fn a_body_cut_short_is_seen_as_cut_short() {
    let proxy = hasty();
    for (raw, reset) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello", true),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
            false,
        ),
    ] {
        for rewrite in [false, true] {
            let script = Script::raw(raw.replace(
                "OK\r\n",
                if rewrite {
                    "OK\r\nContent-Type: application/json\r\n"
                } else {
                    "OK\r\n"
                },
            ));
            proxy
                .jira
                .answer(PATH, if reset { script.reset() } else { script.close() });
            let answer = proxy.get("rest/api/2/field");
            assert!(!answer.complete, "{raw} came as whole: {}", answer.text());
        }
    }
    eventually(PATIENCE, || proxy.audit_text().contains("\"outcome\":\"aborted\""));
}

#[test]
fn an_upstream_that_cannot_be_reached_is_a_502_that_names_jira_and_nothing_internal() {
    let refusing = FakeUpstream::refusing();
    let proxy = Harness::with(Setup {
        url: Some(format!("http://{refusing}/")),
        ..Setup::default()
    });
    let answer = proxy.get("rest/api/2/field?secret-query");
    let problem = answer.assert_problem(502, "upstream_unreachable");
    assert_eq!(problem["detail"], "upstream `Jira` cannot be reached");
    assert!(!answer.text().contains(&refusing.to_string()) && !answer.text().contains("secret-query"));
}

#[test]
fn connections_that_are_closed_as_they_are_used_again_cost_no_get_and_repeat_no_post() {
    let proxy = Harness::with(Setup {
        server: "workers = 1",
        ..Setup::default()
    });
    let search = "/rest/api/2/search";
    let mut lost = 0;
    for round in 0..150 {
        let moment = Duration::from_micros(30 * (round % 50));
        for path in [PATH, search] {
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";
            proxy.jira.answer(path, Script::raw(answer).wait(moment).close());
        }
        assert_eq!(proxy.get("rest/api/2/field").text(), "good", "{round}");
        let id = format!("post-{round}");
        let answer = proxy.send("POST", "rest/api/2/search", &[JSON[0], ("X-Request-Id", &id)], b"{}");
        lost += usize::from(answer.status == 502);
        assert!(matches!(answer.status, 200 | 502), "{}", answer.text());
        let seen = proxy.jira.requests();
        let times = seen
            .iter()
            .filter(|seen| seen.header("x-request-id") == Some(&id))
            .count();
        assert!(times <= 1, "a POST was sent twice");
        proxy.jira.forget();
    }
    println!("{lost} of 150 POSTs met a connection that was being closed");
}

#[test]
fn a_client_that_leaves_frees_jira() {
    let proxy = Harness::start();
    proxy.jira.answer(PATH, Script::new().hang());
    let mut client = RawClient::connect(proxy.address);
    client.send_request("GET", TARGET, &[("Authorization", &proxy.token("ada"))], b"");
    eventually(PATIENCE, || !proxy.jira.requests().is_empty());
    client.reset();
    eventually(PATIENCE, || proxy.jira.open_connections() == 0);
    // In the middle of a body too.
    proxy.jira.answer(
        PATH,
        Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello").hang(),
    );
    let mut client = RawClient::connect(proxy.address);
    client.send_request("GET", TARGET, &[("Authorization", &proxy.token("ada"))], b"");
    assert_eq!(client.read_some(12), b"HTTP/1.1 200");
    client.half_close();
    eventually(PATIENCE, || proxy.jira.open_connections() == 0);
    eventually(PATIENCE, || proxy.audit_text().contains("\"status\":499"));
    assert!(
        !proxy.metrics().contains("reason=\"malformed\""),
        "who leaves sent nothing malformed"
    );
}

#[test]
fn a_client_that_leaves_frees_jira_however_much_it_has_sent_ahead() {
    let proxy = Harness::start();
    proxy.jira.answer(PATH, Script::new().hang());
    for leave in [drop as fn(RawClient), RawClient::reset] {
        proxy.jira.forget();
        let mut client = RawClient::connect(proxy.address);
        client.send_request("GET", TARGET, &[("Authorization", &proxy.token("ada"))], b"");
        client.send("x".repeat(80_000));
        eventually(PATIENCE, || !proxy.jira.requests().is_empty());
        leave(client);
        eventually(PATIENCE, || proxy.jira.open_connections() == 0);
    }
}

#[test]
fn request_bodies_are_bounded_in_size_and_time() {
    let proxy = Harness::with(Setup {
        upstream: "max_request_body_bytes = 1000\nidle_timeout_seconds = 1\nupload_timeout_seconds = 1",
        ..Setup::default()
    });
    let large = vec![b'x'; 1_001];
    proxy
        .send("POST", "rest/api/2/search", JSON, &large)
        .assert_problem(413, "content_too_large");
    assert_eq!(proxy.jira.connections(), 0, "its length was known beforehand");
    let token = proxy.token("ada");
    let send = |framing: &str, bytes: &[u8]| {
        let mut client = RawClient::connect(proxy.address);
        client.send(format!(
            "POST {PREFIX}/rest/api/2/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: {token}\r\n{framing}\r\n\r\n"
        ));
        client.send(bytes);
        client
    };
    proxy.jira.answer("/rest/api/2/search", Script::new().read_body());
    let chunk = [b"3e9\r\n".as_slice(), &large, b"\r\n0\r\n\r\n"].concat();
    send("Transfer-Encoding: chunked", &chunk)
        .read_response()
        .assert_problem(413, "content_too_large");
    send("Content-Length: 10", b"half")
        .read_response()
        .assert_problem(408, "request_timeout");
    // Framing that cannot be read: actix closes the connection without a word, unless the forwarder notices first.
    if let Ok(answer) = send("Transfer-Encoding: chunked", b"zz\r\n").try_read_response() {
        answer.assert_problem(400, "bad_request");
    }
    assert!(
        proxy.jira.requests().iter().all(|seen| !seen.complete),
        "no cut body was made whole"
    );
}

#[test]
fn links_in_json_lead_through_the_proxy_and_nothing_else_is_touched() {
    let proxy = Harness::with(Setup {
        base_path: "/jira",
        policy: "publish = [\"attachments\"]",
        ..Setup::default()
    });
    let own = format!("{}/jira", proxy.jira.url());
    let public = format!("http://{}{PREFIX}", proxy.address);
    let body = format!(
        r#"{{"self":"{own}/rest/api/2/issue/1","escaped":"{}","other":"{}/secure","evil":"{own}.evil/x"}}"#,
        own.replace('/', "\\/"),
        proxy.jira.url()
    );
    let json = [("Content-Type", "application/json;charset=UTF-8"), ("ETag", "\"1\"")];
    proxy
        .jira
        .answer("/jira/rest/api/2/field", Script::answer(200, &json, &body));
    let answer = proxy.get("rest/api/2/field");
    let expected = format!(
        r#"{{"self":"{public}/rest/api/2/issue/1","escaped":"{}","other":"{}/secure","evil":"{own}.evil/x"}}"#,
        public.replace('/', "\\/"),
        proxy.jira.url()
    );
    assert_eq!(answer.text(), expected);
    assert_eq!(
        (answer.header("etag"), answer.header("content-length")),
        (Some("W/\"1\""), None)
    );
    assert_eq!(proxy.jira.request().header("accept-encoding"), Some("identity"));

    let file = [
        ("Content-Type", "application/json"),
        ("Content-Disposition", "attachment; filename=a.json"),
    ];
    proxy
        .jira
        .answer("/jira/secure/attachment/1/a.json", Script::answer(200, &file, &body));
    assert_eq!(proxy.get("secure/attachment/1/a.json").text(), body, "a file is a file");
    proxy.jira.answer(
        "/jira/rest/api/2/field",
        Script::answer(200, &[("Content-Type", "text/plain")], &body),
    );
    assert_eq!(proxy.get("rest/api/2/field").text(), body);
    let packed = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    proxy
        .jira
        .answer("/jira/rest/api/2/field", Script::answer(200, &packed, "x"));
    proxy.get("rest/api/2/field").assert_problem(502, "upstream_invalid");
}

#[test]
fn without_rewriting_a_body_and_its_coding_are_jiras_own() {
    let proxy = Harness::with(Setup {
        upstream: "rewrite_links = false",
        ..Setup::default()
    });
    let body = format!("{{\"self\":\"{}/rest\"}}", proxy.jira.url());
    let fields = [
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip,gzip,br,x"),
        ("ETag", "\"1\""),
    ];
    proxy.jira.answer(PATH, Script::answer(200, &fields, &body));
    let answer = proxy.get_with("rest/api/2/field", &[("Accept-Encoding", "gzip, br;q=0.5")]);
    assert_eq!(
        (answer.text(), answer.header("etag"), answer.header("content-encoding")),
        (body, Some("\"1\""), Some("gzip,gzip,br,x"))
    );
    assert_eq!(proxy.jira.request().header("accept-encoding"), Some("gzip, br;q=0.5"));
}
