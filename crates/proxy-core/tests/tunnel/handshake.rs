//! What reaches the upstream of a handshake, and what its answer becomes.

use std::{
    io::{Read as _, Write as _},
    thread,
    time::Duration,
};

use proxy_testkit::{Ended, PATIENCE, RawClient, Script, eventually};

use crate::{
    harness::{ACCEPT, Harness, KEY, Setup, agreed, assert_ends, handshake, read},
    site::SECRET,
    upstream::{caller, head},
};

#[test]
fn upstreams_own_answer_to_the_handshake_is_relayed_and_nothing_else_of_its_head() {
    let proxy = Harness::start();
    let chosen = "Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\
                  Set-Cookie: access_token=x\r\nServer: y\r\nContent-Length: 5\r\n";
    proxy.upstream.otherwise(Script::new().send(agreed(chosen)).echo());
    let asked = "Sec-WebSocket-Protocol: a, b\r\nX-Request-Id: one\r\n\
                 Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    let mut client = proxy.ask_with("/x", "ada", asked);
    let answer = client.read_response();
    assert_eq!(answer.status, 101);
    let fields: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-accept", ACCEPT),
            ("sec-websocket-protocol", "b"),
            (
                "sec-websocket-extensions",
                "permessage-deflate; server_no_context_takeover"
            ),
            ("x-request-id", "one"),
        ]
    );
}

#[test]
fn upstream_gets_the_callers_handshake_and_of_everything_else_what_it_should() {
    let proxy = Harness::start();
    proxy.agreeing(Script::echo);
    let asked = "Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: v1.token.websocket.jupyter.org.X\r\n\
                 Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nOrigin: https://here\r\n\
                 Cookie: a=b\r\nAuthorization: Bearer mine\r\nKeep-Alive: 5\r\nX-Request-Id: one\r\n\r\n";
    let mut client = proxy.ask_with("/a%2Fb?x=1&token=t", "ada", asked);
    assert_eq!(client.read_response().status, 101);
    let seen = proxy.upstream.request();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/a%2Fb?x=1"));
    for (name, values) in [
        ("connection", &["upgrade"][..]),
        ("upgrade", &["websocket"]),
        ("sec-websocket-key", &[KEY]),
        ("sec-websocket-version", &["13"]),
        ("sec-websocket-protocol", &["a, b", "v1.token.websocket.jupyter.org.X"]),
        (
            "sec-websocket-extensions",
            &["permessage-deflate; client_max_window_bits"],
        ),
        ("origin", &["https://here"]),
        ("x-service-secret", &[SECRET]),
        ("x-request-id", &["one"]),
        ("cookie", &[]),
        ("authorization", &[]),
        ("x-auth-request-user", &[]),
        ("keep-alive", &[]),
        ("content-length", &[]),
    ] {
        assert_eq!(seen.header_values(name), values, "{name}");
    }
}

#[test]
fn bytes_right_behind_the_101_and_right_behind_the_handshake_arrive() {
    let proxy = Harness::start();
    let both = format!("{}early down", agreed(""));
    proxy
        .upstream
        .otherwise(Script::new().wait(Duration::from_millis(100)).send(both).echo());
    let mut client = proxy.ask_with("/x", "ada", "\r\nearly up");
    assert_eq!(client.read_response().status, 101);
    assert_eq!(read(&mut client, 18), b"early downearly up");
    client.send("more");
    assert_eq!(read(&mut client, 4), b"more");
}

#[test]
fn what_a_caller_sends_before_the_101_waits_in_order_however_much_it_is() {
    let proxy = Harness::start();
    let late = Script::new().wait(Duration::from_millis(300)).send(agreed(""));
    proxy.upstream.otherwise(late.echo());
    let mut client = caller(proxy.address, &handshake("/x", "ada", ""));
    let sent: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let (mut writer, pieces) = (client.try_clone().unwrap(), sent.clone());
    let writing = thread::spawn(move || writer.write_all(&pieces).unwrap());
    assert!(head(&mut client).starts_with("HTTP/1.1 101 "));
    let mut came = vec![0; sent.len()];
    client.read_exact(&mut came).unwrap();
    assert!(came == sent);
    writing.join().unwrap();
}

#[test]
fn a_101_that_does_not_answer_the_handshake_is_no_answer() {
    let proxy = Harness::start();
    let answers = [
        agreed("").replace("Upgrade: websocket\r\n", ""),
        agreed("").replace("websocket", "h2c"),
        agreed("").replace("Connection: Upgrade\r\n", ""),
        agreed("").replace(ACCEPT, KEY),
        agreed("").replace("Sec-WebSocket-Accept", "X-Accept"),
        agreed("").replace("HTTP/1.1", "HTTP/1.0"),
        agreed(&format!("Sec-WebSocket-Accept: {ACCEPT}\r\n")),
        agreed("Sec-WebSocket-Protocol: c\r\n"),
        agreed("Sec-WebSocket-Extensions: permessage-deflate\r\n"),
        agreed(&format!("X-Large: {}\r\n", "a".repeat(33_000))),
        agreed(&format!("X-Huge: {}\r\n", "a".repeat(400_000))),
        agreed(&"X-Many: 1\r\n".repeat(200)),
    ];
    for answer in &answers {
        proxy.upstream.otherwise(Script::new().send(answer).echo());
        let mut client = proxy.ask_with("/x", "ada", "Sec-WebSocket-Protocol: a, b\r\n\r\nearly");
        let told = client.read_response();
        told.assert_problem(502, "upstream_invalid");
        assert_eq!(told.header("connection"), Some("close"));
        assert!(!told.text().contains("127.0.0.1"));
        assert_ends(&mut client, Ended::Closed);
        proxy.assert_all_let_go();
    }
    let received = proxy.upstream.received().concat();
    assert!(
        !received.windows(5).any(|bytes| bytes == b"early"),
        "nobody agreed to it"
    );
    assert_eq!(proxy.events("request", answers.len()).len(), answers.len());
    assert!(proxy.events("tunnel", 0).is_empty());
}

#[test]
fn an_answer_without_an_upgrade_is_relayed_and_the_connection_ends() {
    let proxy = Harness::start();
    for (status, fields, body) in [
        (403, "Content-Length: 2\r\n", "no"),
        (200, "Content-Length: 3\r\nConnection: keep-alive\r\n", "yes"),
        (404, "Transfer-Encoding: chunked\r\n", "4\r\nnope\r\n0\r\n\r\n"),
        (302, "Location: /login\r\nContent-Length: 0\r\n", ""),
        (426, "Upgrade: h2c\r\nContent-Length: 0\r\n", ""),
        (500, "Set-Cookie: a=b\r\n", "to the end"),
        (204, "", ""),
    ] {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\n{fields}\r\n{body}");
        proxy.upstream.otherwise(Script::new().send(answer).close());
        let mut client = proxy.ask_with("/x", "ada", "\r\nGET /ws/second HTTP/1.1\r\nHost: x\r\n\r\n");
        let told = client.read_response();
        assert_eq!((told.status, told.complete), (status, true), "{told:?}");
        assert!(
            ["", "no", "yes", "nope", "to the end"].contains(&told.text().as_str()),
            "{told:?}"
        );
        assert_eq!(told.header("connection"), Some("close"));
        assert_eq!((told.header("set-cookie"), told.header("upgrade")), (None, None));
        assert!(told.header("x-request-id").is_some());
        assert_ends(&mut client, Ended::Closed);
        proxy.assert_all_let_go();
    }
    assert_eq!(
        proxy.upstream.requests().len(),
        7,
        "what came behind was no request to anybody"
    );
    let received = proxy.upstream.received().concat();
    assert!(!received.windows(6).any(|bytes| bytes == b"second"));
}

#[test]
fn a_connection_that_was_not_upgraded_is_used_for_nothing_else() {
    let proxy = Harness::start();
    let plain = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    proxy.upstream.answer("/x", Script::new().send(plain));
    assert_eq!(proxy.ask("/x").read_response().text(), "ok");
    let user = [("X-Auth-Request-User", "ada")];
    assert_eq!(RawClient::get(proxy.address, "/ws/y", &user).status, 200);
    assert_eq!(proxy.ask("/x").read_response().text(), "ok");
    assert_eq!(proxy.upstream.connections(), 3);
}

#[test]
fn a_plain_answer_that_is_cut_ends_in_a_reset() {
    let proxy = Harness::start();
    for framing in ["Content-Length: 9", "Transfer-Encoding: chunked"] {
        let cut = format!("HTTP/1.1 403 X\r\n{framing}\r\n\r\n4\r\nno");
        proxy.upstream.otherwise(Script::new().send(cut).close());
        let (_, ended) = proxy.ask("/x").read_to_end();
        assert_eq!(ended, Ended::Reset, "{framing}");
    }
}

#[test]
fn a_large_plain_answer_comes_whole() {
    let proxy = Harness::start();
    let head = "HTTP/1.1 403 X\r\nContent-Length: 3000000\r\n\r\n";
    proxy
        .upstream
        .otherwise(Script::new().send(head).send_times([b'x'; 1_000], 3_000));
    let told = proxy.ask("/x").read_response();
    assert_eq!((told.status, told.body.len(), told.complete), (403, 3_000_000, true));
}

#[test]
fn an_upstream_that_does_not_answer_in_time_or_at_all_is_told_of() {
    let quick = || {
        Harness::with(Setup {
            tenant: "response_timeout_seconds = 1",
            ..Setup::default()
        })
    };
    let proxy = quick();
    for script in [
        Script::new().hang(),
        Script::new().send("HTTP/1.1 101 Switch").hang(),
        Script::new().drip(agreed(""), Duration::from_millis(40)).echo(),
        Script::new()
            .send_times("HTTP/1.1 103 Early Hints\r\n\r\n", 200_000)
            .hang(),
    ] {
        proxy.upstream.otherwise(script);
        let mut client = proxy.ask("/x");
        client.read_response().assert_problem(504, "upstream_timeout");
        assert_ends(&mut client, Ended::Closed);
        eventually(PATIENCE, || proxy.held() == 0);
    }
    for script in [
        Script::new().close(),
        Script::new().reset(),
        Script::raw("nonsense\r\n\r\n"),
    ] {
        proxy.upstream.otherwise(script);
        assert_eq!(proxy.ask("/x").read_response().status, 502);
    }
    let nobody = Harness::with(Setup {
        url: Some(format!("http://{}", proxy_testkit::FakeUpstream::refusing())),
        ..Setup::default()
    });
    nobody
        .ask("/x")
        .read_response()
        .assert_problem(502, "upstream_unreachable");
    eventually(PATIENCE, || nobody.held() == 0);
}

#[test]
fn interim_answers_before_the_101_are_dropped() {
    let proxy = Harness::start();
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    proxy
        .upstream
        .otherwise(Script::new().send(interim).send(agreed("")).echo());
    let answer = proxy.ask("/x").read_response();
    assert_eq!(
        (answer.status, answer.interim.len(), answer.header("link")),
        (101, 0, None)
    );
}

#[test]
fn a_caller_who_leaves_during_the_handshake_takes_it_along() {
    let proxy = Harness::start();
    proxy.upstream.otherwise(Script::new().hang());
    for early in ["\r\n", "\r\nsomething early"] {
        let client = proxy.ask_with("/x", "ada", early);
        eventually(PATIENCE, || proxy.upstream.open_connections() == 1);
        drop(client);
        eventually(Duration::from_secs(1), || proxy.upstream.open_connections() == 0);
        proxy.assert_all_let_go();
    }
    let events = proxy.events("request", 2);
    assert!(events.iter().all(|event| event["status"] == 499), "{events:?}");
}
