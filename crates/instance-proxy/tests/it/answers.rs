//! What of an instance's answer reaches a caller: any size, at once, and nothing that changes the platform's origin.

use std::{thread, time::Duration};

use proxy_testkit::{RawClient, Script};

use crate::harness::{Harness, Setup};

#[test]
fn an_instance_sets_no_cookie_of_the_platform_and_none_beyond_its_own_path() {
    let harness = Harness::start();
    let fields = [
        ("Set-Cookie", "access_token=evil; Path=/"),
        ("Set-Cookie", "_xsrf=2|x; Domain=example.org; Path=/; Secure"),
        ("Set-Cookie", "username-8888=u; Path=/jupyter/42/; HttpOnly"),
        ("Clear-Site-Data", "\"*\""),
        ("Service-Worker-Allowed", "/"),
    ];
    harness.instance.otherwise(Script::answer(200, &fields, "x"));
    let answer = harness.get("/jupyter/42/lab");
    assert_eq!(
        answer.header_values("set-cookie"),
        [
            "_xsrf=2|x; Secure; Path=/jupyter/42",
            "username-8888=u; HttpOnly; Path=/jupyter/42/"
        ]
    );
    assert_eq!(answer.header("clear-site-data"), None);
    assert_eq!(answer.header("service-worker-allowed"), None);
    let answer = harness.get("/visafs/42/x");
    assert_eq!(
        answer.header_values("set-cookie")[0],
        "_xsrf=2|x; Secure; Path=/visafs/42/"
    );
}

#[test]
fn redirects_are_handed_back_and_lead_through_the_proxy() {
    let harness = Harness::start();
    let origin = harness.instance.url();
    for (target, location, expected) in [
        ("/jupyter/42", "/jupyter/42/lab?", "/jupyter/42/lab?".to_owned()),
        (
            "/jupyter/42",
            &format!("{origin}/jupyter/42/tree"),
            format!("http://{}/jupyter/42/tree", harness.address),
        ),
        ("/visafs/42/a", "/b", "/visafs/42/b".to_owned()),
        (
            "/visafs/42/a",
            &format!("{origin}/b"),
            format!("http://{}/visafs/42/b", harness.address),
        ),
        (
            "/visafs/42/a",
            "https://elsewhere.example/",
            "https://elsewhere.example/".to_owned(),
        ),
    ] {
        harness.instance.forget();
        harness
            .instance
            .otherwise(Script::answer(302, &[("Location", location)], ""));
        let answer = harness.get(target);
        assert_eq!(
            (answer.status, answer.header("location")),
            (302, Some(expected.as_str()))
        );
        assert_eq!(harness.instance.requests().len(), 1, "nobody follows it here");
    }
}

#[test]
fn an_instances_own_refusals_are_its_own() {
    let harness = Harness::start();
    for status in [401, 403, 404, 405, 407, 500, 503] {
        harness
            .instance
            .otherwise(Script::answer(status, &[("X-Own", "1")], "own words"));
        let answer = harness.get("/jupyter/42/api");
        assert_eq!((answer.status, answer.text().as_str()), (status, "own words"));
    }
}

#[test]
fn events_arrive_as_they_are_sent() {
    let harness = Harness::start();
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ndata: 1\r\n";
    harness
        .instance
        .answer("/jupyter/42/events", Script::new().send(head).hang());
    let mut client = RawClient::connect(harness.address);
    let bearer = format!("Bearer {}", harness.token("ada"));
    client.send_request("GET", "/jupyter/42/events", &[("Authorization", &bearer)], b"");
    let mut got = String::new();
    while !got.contains("data: 1") {
        got.push_str(&String::from_utf8_lossy(&client.read_some(1)));
    }
    assert!(got.contains("text/event-stream"));
}

#[test]
fn bodies_of_any_size_pass_both_ways_and_parts_of_them_too() {
    let harness = Harness::start();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 64 << 20);
    harness
        .instance
        .answer("/jupyter/42/large", Script::raw(head).send_times([7; 1 << 16], 1_024));
    let answer = harness.get("/jupyter/42/large");
    assert_eq!(
        (answer.status, answer.body.len(), answer.complete),
        (200, 64 << 20, true)
    );
    let bearer = format!("Bearer {}", harness.token("ada"));
    let body = vec![9; 8 << 20];
    let sent = RawClient::request(
        harness.address,
        "PUT",
        "/jupyter/42/api/contents/x",
        &[("Authorization", &bearer)],
        &body,
    );
    assert_eq!(sent.status, 200);
    let seen = harness.instance.requests().pop().unwrap();
    assert!(seen.complete && seen.body == body);
    let part = Script::answer(206, &[("Content-Range", "bytes 0-1/9")], "ab");
    harness.instance.answer("/jupyter/42/part", part);
    let answer = harness.get("/jupyter/42/part");
    assert_eq!(
        (answer.status, answer.header("content-range")),
        (206, Some("bytes 0-1/9"))
    );
}

#[test]
fn what_a_malicious_instance_sends_ends_with_its_own_request() {
    let harness = Harness::with(Setup {
        upstream: "response_timeout_seconds = 2".to_owned(),
        ..Setup::default()
    });
    let huge = format!(
        "HTTP/1.1 200 OK\r\nX-Huge: {}\r\nContent-Length: 0\r\n\r\n",
        "a".repeat(100_000)
    );
    let many = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(10_000);
    for (script, status) in [
        (Script::raw(huge), 502),
        (
            Script::raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n").close(),
            502,
        ),
        (Script::raw("SSH-2.0-OpenSSH\r\n\r\n").close(), 502),
        (
            Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            502,
        ),
        (Script::new().reset(), 502),
        (Script::raw(format!("{many}HTTP/1.1 204 No Content\r\n\r\n")), 204),
    ] {
        harness.instance.otherwise(script);
        let answer = harness.get("/jupyter/42/api");
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    // Two answers for one request: the second is nobody's.
    let twice = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".repeat(2);
    harness.instance.otherwise(Script::raw(twice));
    let token = harness.token("ada");
    for _ in 0..5 {
        assert_eq!(harness.get_with(&token, "/jupyter/42/api").text(), "ok");
        thread::sleep(Duration::from_millis(5));
    }
    let cut = Script::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort").close();
    harness.instance.otherwise(cut);
    let mut client = RawClient::connect(harness.address);
    client.send_request(
        "GET",
        "/jupyter/42/api",
        &[("Authorization", &format!("Bearer {token}"))],
        b"",
    );
    assert!(!client.read_response().complete, "what was cut is no success");
}

#[test]
fn one_users_connection_serves_nobody_else() {
    let harness = Harness::start();
    harness.visa.place("43", "eve", "127.0.0.1", "ACTIVE");
    let (ada, eve) = (harness.token("ada"), harness.token("eve"));
    for _ in 0..3 {
        assert_eq!(harness.get_with(&ada, "/jupyter/42/api").status, 200);
        assert_eq!(harness.get_with(&eve, "/jupyter/43/api").status, 200);
    }
    let requests = harness.instance.requests();
    let of = |path: &str| -> Vec<usize> {
        let mut all: Vec<_> = requests
            .iter()
            .filter(|seen| seen.path().contains(path))
            .map(|seen| seen.connection)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    assert!(of("42").iter().all(|connection| !of("43").contains(connection)));
}

#[test]
fn nobody_there_is_told_without_an_address() {
    let mut harness = Harness::start();
    let address = harness.instance.address().to_string();
    harness.instance.stop();
    let problem = harness
        .get("/visafs/42/")
        .assert_problem(502, "upstream_unreachable")
        .to_string();
    assert!(
        problem.contains("Visa Files") && !problem.contains(&address) && !problem.contains("127.0.0.1"),
        "{problem}"
    );
}
