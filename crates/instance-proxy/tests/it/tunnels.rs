//! WebSockets: who may open one, and how it ends (contract: holes 3, 4, 7, 8, 12).

use std::time::Duration;

use proxy_testkit::{Ended, PATIENCE, RawClient, Script, eventually};
use serde_json::json;

use crate::{
    harness::{Harness, Setup, log},
    visa::{Asked, Mood},
};

pub(crate) const KERNEL: &str = "/jupyter/42/api/kernels/c0ffee-01/channels?session_id=5e55-10";
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// "hi", in one frame of a server.
const HI: &[u8] = b"\x81\x02hi";

/// An instance that agrees, says "hi", and then says nothing.
pub(crate) fn agrees(protocol: &str) -> Script {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{protocol}\r\n"
    );
    Script::new().send(head).send(HI).hang()
}

pub(crate) fn ask(harness: &Harness, target: &str, headers: &[(&str, &str)]) -> RawClient {
    let mut client = RawClient::connect(harness.address);
    let mut all = vec![
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
    ];
    all.extend(headers);
    client.send_request("GET", target, &all, b"");
    client
}

/// Opens a tunnel with `token`; the head of the 101, once "hi" has come too.
pub(crate) fn open(harness: &Harness, target: &str, token: &str) -> (RawClient, String) {
    let mut client = ask(harness, target, &[("Authorization", &format!("Bearer {token}"))]);
    let head = read_until_hi(&mut client);
    (client, head)
}

pub(crate) fn read_until_hi(client: &mut RawClient) -> String {
    let mut got = Vec::new();
    while !got.ends_with(HI) {
        let more = client.read_some(1);
        assert!(!more.is_empty(), "{}", String::from_utf8_lossy(&got));
        got.extend(more);
    }
    String::from_utf8_lossy(&got[..got.len() - HI.len()]).into_owned()
}

/// Code and reason of the close frame that ends a tunnel.
pub(crate) fn closed(client: &mut RawClient) -> (u16, String) {
    let (bytes, _) = client.read_to_end();
    let [0x88, length, high, low, reason @ ..] = bytes.as_slice() else {
        panic!("no close frame: {bytes:?}")
    };
    assert_eq!(usize::from(*length), reason.len() + 2);
    (
        u16::from_be_bytes([*high, *low]),
        String::from_utf8_lossy(reason).into_owned(),
    )
}

/// Nothing has come of a tunnel, no end either.
pub(crate) fn assert_open(client: &mut RawClient) {
    client.patience(Duration::from_millis(50));
    let (bytes, ended) = client.read_to_end();
    assert_eq!((String::from_utf8_lossy(&bytes).as_ref(), ended), ("", Ended::Silent));
    client.patience(PATIENCE);
}

/// What VISA was told of sessions: `open` or `close`, the instance, the token if there was one.
pub(crate) fn told(harness: &Harness) -> Vec<(String, Asked)> {
    let asked = harness.visa.asked().into_iter().filter(|asked| asked.method == "POST");
    asked
        .map(|asked| (asked.path.rsplit('/').next().unwrap().to_owned(), asked))
        .collect()
}

pub(crate) fn words(harness: &Harness) -> Vec<String> {
    told(harness).into_iter().map(|(word, _)| word).collect()
}

#[test]
fn whoever_is_refused_is_told_so_in_http_and_the_connection_ends() {
    let harness = Harness::start();
    harness.instance.otherwise(agrees(""));
    let eve = format!("Bearer {}", harness.token("eve"));
    for (target, headers, status) in [
        (KERNEL, vec![], 401),
        (KERNEL, vec![("Authorization", "Bearer forged")], 401),
        (KERNEL, vec![("Authorization", eve.as_str())], 404),
        ("/nothing/42/ws", vec![], 404),
        ("/jupyter/42abc/ws", vec![("Authorization", eve.as_str())], 404),
    ] {
        let mut client = ask(&harness, target, &headers);
        let answer = client.read_response();
        assert_eq!(answer.status, status, "{target} {headers:?}");
        assert_eq!(client.read_to_end().1, Ended::Closed);
    }
    let ada = format!("Bearer {}", harness.token("ada"));
    let answer = ask(&harness, "/visafs/42/ws", &[("Authorization", &ada)]).read_response();
    answer.assert_problem(404, "not_found"); // not a route that upgrades
    assert!(harness.instance.requests().is_empty() && told(&harness).is_empty());
}

#[test]
fn a_cookie_is_enough_for_the_platforms_own_pages_alone() {
    let harness = Harness::with(Setup {
        server: "public_url = \"https://public.example.org/\"".to_owned(),
        tenant: "allowed_origins = [\"https://visa.example.org\"]".to_owned(),
        ..Setup::default()
    });
    harness.instance.otherwise(agrees(""));
    let cookie = format!("access_token={}", harness.token("ada"));
    let own = format!("http://{}", harness.address);
    for origin in [&own, "https://visa.example.org", "https://public.example.org"] {
        let mut client = ask(&harness, KERNEL, &[("Cookie", &cookie), ("Origin", origin)]);
        assert!(read_until_hi(&mut client).starts_with("HTTP/1.1 101"), "{origin}");
    }
    let heard = || {
        (
            harness.visa.lookups(),
            opens(&harness),
            harness.instance.requests().len(),
        )
    };
    let before = heard();
    let cookie = format!("access_token={}", harness.token("ada")); // nobody has been asked about it yet
    for origin in [
        "https://evil.example",
        "null",
        "https://visa.example.org.evil",
        "https://VISA.example.org:444",
        "",
    ] {
        let answer = ask(&harness, KERNEL, &[("Cookie", &cookie), ("Origin", origin)]).read_response();
        answer.assert_problem(403, "policy_denied");
    }
    let answer = ask(&harness, KERNEL, &[("Cookie", &cookie)]).read_response();
    answer.assert_problem(403, "policy_denied");
    assert_eq!(heard(), before, "nobody hears of them");
    let (_, head) = open(&harness, KERNEL, &harness.token("ada"));
    assert!(
        head.starts_with("HTTP/1.1 101"),
        "a program has no origin, and its token no cookie"
    );
}

pub(crate) fn opens(harness: &Harness) -> usize {
    words(harness).iter().filter(|word| *word == "open").count()
}

#[test]
fn the_instances_own_handshake_is_handed_back_and_the_platforms_token_stays_here() {
    let harness = Harness::start();
    harness.instance.otherwise(agrees(
        "Sec-WebSocket-Protocol: v1.kernel.websocket.jupyter.org\r\nSec-WebSocket-Extensions: permessage-deflate\r\nSet-Cookie: access_token=evil\r\n",
    ));
    let token = harness.token("ada");
    let cookie = format!("_xsrf=x; access_token={token}");
    let headers = [
        ("Authorization", "token jupyters-own"),
        ("Cookie", cookie.as_str()),
        ("Origin", "http://127.0.0.1"),
        ("Host", "127.0.0.1"),
        (
            "Sec-WebSocket-Protocol",
            "v1.kernel.websocket.jupyter.org, v1.token.websocket.jupyter.org.abc",
        ),
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
    ];
    let mut client = ask(&harness, "/lab/42/terminals/websocket/1?token=own", &headers);
    let head = read_until_hi(&mut client).to_ascii_lowercase();
    assert!(
        head.contains("sec-websocket-protocol: v1.kernel.websocket.jupyter.org\r\n"),
        "{head}"
    );
    assert!(
        head.contains("sec-websocket-extensions: permessage-deflate\r\n") && !head.contains("evil"),
        "{head}"
    );
    let seen = harness.instance.request();
    assert_eq!(seen.target, "/jupyter/42/terminals/websocket/1?token=own");
    for (name, value) in &headers[2..] {
        assert_eq!(seen.header_values(name), [*value], "{name}");
    }
    assert_eq!(
        (seen.header("cookie"), seen.header("authorization")),
        (Some("_xsrf=x"), Some("token jupyters-own"))
    );
    assert!(!String::from_utf8_lossy(&seen.raw).contains(&token));
    assert!(told(&harness).is_empty(), "a terminal is no session");
}

#[test]
fn what_is_logged_of_an_agreement_that_is_refused_are_names_and_no_values() {
    let harness = Harness::start();
    let agreement = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Accept: s3cr3t-4ccept\r\nX-Of-The-Instance: s3cr3t-v4lue\r\n\r\n";
    harness.instance.otherwise(Script::new().send(agreement).hang());
    let bearer = format!("Bearer {}", harness.token("ada"));
    let answer = ask(&harness, KERNEL, &[("Authorization", &bearer)]).read_response();
    assert_eq!(answer.status, 502);
    let spoken = || log().lines().join("\n");
    eventually(PATIENCE, || spoken().contains("x-of-the-instance"));
    let told = log().lines().into_iter().filter(|line| line.contains("s3cr3t-"));
    assert_eq!(told.collect::<Vec<_>>(), [""; 0]);
    assert!(!answer.text().contains("s3cr3t-"));
}

/// A service that asks VISA anew all the time.
pub(crate) fn vigilant() -> Harness {
    let harness = Harness::with(Setup {
        refresh: Some(2),
        ..Setup::default()
    });
    harness.instance.otherwise(agrees(""));
    harness
        .instance
        .answer("/jupyter/42/api/status", Script::json(200, &json!({})));
    harness
}

#[test]
fn a_renewed_sign_in_never_ends_a_tunnel_and_the_instance_is_kept_alive() {
    let harness = vigilant();
    let mut token = harness.token_for("ada", 2);
    let (mut client, _) = open(&harness, KERNEL, &token);
    let before = harness.visa.lookups();
    for _ in 0..6 {
        let asked = harness.visa.lookups();
        eventually(PATIENCE, || harness.visa.lookups() > asked);
        harness.visa.revoke(&token);
        token = harness.token_for("ada", 2);
        assert_eq!(harness.get_with(&token, "/jupyter/42/api/status").status, 200);
    }
    assert_open(&mut client);
    let asked = harness.visa.asked();
    let last: Vec<_> = asked
        .iter()
        .filter(|asked| asked.method == "GET")
        .skip(before)
        .collect();
    assert!(last.len() >= 8, "{last:?}");
    assert!(words(&harness).iter().all(|word| word == "open"));
}

#[test]
fn access_that_is_withdrawn_ends_tunnels_with_a_reason() {
    let harness = vigilant();
    let token = harness.token("ada");
    let (mut client, _) = open(&harness, KERNEL, &token);
    let (mut other, _) = open(&harness, "/jupyter/42/terminals/websocket/1", &token);
    harness.visa.revoke(&token);
    assert_eq!(closed(&mut client), (1008, "your sign-in has ended".to_owned()));
    assert_eq!(closed(&mut other).0, 1008);
    eventually(PATIENCE, || words(&harness) == ["open", "close"]);
    let token = harness.token("ada");
    let (mut client, _) = open(&harness, KERNEL, &token);
    harness.visa.place("42", "eve", "127.0.0.1", "ACTIVE");
    assert_eq!(
        closed(&mut client),
        (1008, "the instance is not yours to use any more".to_owned())
    );
}

#[test]
fn an_api_server_that_does_not_answer_ends_no_tunnel() {
    let harness = vigilant();
    let (mut client, _) = open(&harness, KERNEL, &harness.token("ada"));
    harness.visa.mood(Mood::Dead);
    let asked = harness.visa.lookups();
    eventually(PATIENCE, || harness.visa.lookups() >= asked + 3);
    assert_open(&mut client);
}
