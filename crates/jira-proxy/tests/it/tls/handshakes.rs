//! Handshakes that fail, are slow, or are none.

use std::{
    io::Write as _,
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use proxy_testkit::{Ended, FakeAuthority, PATIENCE, RawClient, eventually};
use rustls::version::{TLS12, TLS13};

use super::{PATH, Stage};
use crate::harness::{Setup, log};

/// The beginning of a handshake: more is announced than comes.
const HALF_HELLO: &[u8] = &[0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3];

/// A whole ClientHello of TLS 1.1, as a client sends it that knows no newer version.
fn old_hello() -> Vec<u8> {
    let (version, random, session) = ([3, 2], [7; 32], [0]);
    let (ciphers, compression) = ([0, 4, 0xc0, 0x13, 0, 0x2f], [1, 0]);
    let hello = [&version[..], &random, &session, &ciphers, &compression].concat();
    let length = u8::try_from(hello.len()).unwrap();
    [&[0x16, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat()
}

#[test]
fn http_in_the_clear_is_told_so_and_reaches_nobody() {
    let stage = Stage::start();
    let mut client = RawClient::connect(stage.proxy.address);
    client.send(stage.head("HTTP/1.1") + "\r\n");
    let answer = client.read_response();
    assert_eq!((answer.status, answer.complete), (400, true));
    assert!(answer.text().contains("this port speaks https"), "{}", answer.text());
    assert_eq!(client.read_to_end().1, Ended::Closed);
    eventually(PATIENCE, || stage.failed() == 1);
    assert_eq!(stage.proxy.jira.connections(), 0);
    assert_eq!(stage.proxy.audit_text(), "", "no request began");
    let told = |line: &String| line.contains("a TLS handshake failed") && line.contains("speaks http, not https");
    eventually(PATIENCE, || log().lines().iter().any(told));
    assert!(
        !log()
            .lines()
            .iter()
            .any(|line| line.contains(&stage.proxy.token("ada")))
    );
}

#[test]
fn a_handshake_that_never_ends_is_given_up_and_keeps_nobody_waiting() {
    let stage = Stage::with(Setup {
        server: "workers = 1\nhead_timeout_seconds = 2",
        ..Setup::default()
    });
    let began = Instant::now();
    let slow: Vec<RawClient> = (0..20)
        .map(|number| {
            let mut client = RawClient::connect(stage.proxy.address);
            client.send(&HALF_HELLO[..number % HALF_HELLO.len()]);
            client
        })
        .collect();
    assert_eq!(stage.get(PATH).status, 200);
    assert_eq!(stage.failed(), 0, "they are all still waited for");
    for mut client in slow {
        assert_ne!(client.read_to_end().1, Ended::Silent, "the connection is still open");
    }
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    eventually(PATIENCE, || stage.failed() == 20);
    // Nor does one that drips.
    let mut stream = TcpStream::connect(stage.proxy.address).unwrap();
    let began = Instant::now();
    for byte in HALF_HELLO.iter().chain([&0; 180]) {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        eventually(PATIENCE, || began.elapsed() > Duration::from_millis(50));
    }
    eventually(PATIENCE, || stage.failed() == 21);
}

#[test]
fn after_a_handshake_a_head_has_its_deadline_as_ever() {
    let stage = Stage::with(Setup {
        server: "head_timeout_seconds = 1",
        ..Setup::default()
    });
    let mut client = stage.connect();
    client.send("GET /half HTTP/1.1\r\nHo");
    assert_eq!(client.read_to_end().1, Ended::Unannounced);
    assert_eq!(stage.count("nbgate_connections_closed_total{reason=\"head\"}"), 1);
    assert_eq!(stage.failed(), 0);
}

#[test]
fn tls_1_1_and_other_protocols_than_http_1_1_are_refused() {
    let stage = Stage::start();
    let mut old = RawClient::connect(stage.proxy.address);
    old.send(old_hello());
    let (alert, ended) = old.read_to_end();
    // A fatal alert: handshake_failure or protocol_version.
    assert!(matches!(alert[..], [0x15, _, _, 0, 2, 2, 40 | 70]), "{alert:?}");
    assert_ne!(ended, Ended::Silent);

    let mut tls = (*stage.trust()).clone();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let refused = RawClient::connect_over_tls(stage.proxy.address, &Arc::new(tls)).unwrap_err();
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");

    RawClient::connect(stage.proxy.address).send([0; 8]);
    eventually(PATIENCE, || stage.failed() == 3);
    assert_eq!(stage.proxy.jira.connections(), 0);
    for why in [
        "no version or cipher that is spoken here",
        "other protocols (ALPN) than http/1.1",
        "not TLS as it should be",
    ] {
        eventually(PATIENCE, || log().lines().iter().any(|line| line.contains(why)));
    }
}

#[test]
fn a_client_that_does_not_trust_the_certificate_is_told_of_and_one_that_only_knocks_is_not() {
    let stage = Stage::start();
    // As the probe of a load balancer does.
    drop(TcpStream::connect(stage.proxy.address).unwrap());
    let stranger = FakeAuthority::new();
    for versions in [[&TLS12], [&TLS13]] {
        let tls = stranger.client(&versions);
        let refused = RawClient::connect_over_tls(stage.proxy.address, &tls).unwrap_err();
        assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    }
    eventually(PATIENCE, || stage.failed() == 2);
    let told = |line: &String| line.contains("the client ended it with the alert UnknownCA");
    eventually(PATIENCE, || log().lines().iter().any(told));
}

#[test]
fn a_drain_waits_for_no_handshake() {
    let mut stage = Stage::start();
    let mut mute = RawClient::connect(stage.proxy.address);
    mute.send(HALF_HELLO);
    let mut idle = stage.connect();
    assert_eq!(stage.ask(&mut idle, "GET", PATH, &[], b"").status, 200);
    let began = Instant::now();
    stage.proxy.drain(Duration::ZERO);
    stage.proxy.join();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(idle.read_to_end().1, Ended::Closed, "it ends as TLS should");
}
