//! Ends of our making: a drain, access that was withdrawn, limits. Both sides are told in a close frame, between two of
//! their own.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use proxy_testkit::{Ended, PATIENCE, RawClient, Script, eventually};

use crate::{
    harness::{Harness, Setup, assert_ends, read},
    upstream::{Handing, rest},
};

const HELLO: &[u8] = b"\x81\x05hello";
/// 1001 and "the service stops".
const STOPS: &[u8] = b"\x88\x13\x03\xe9the service stops";
/// What a caller answers that with, masked by zeros.
const ANSWER: &[u8] = b"\x88\x82\x00\x00\x00\x00\x03\xe9";

fn handed() -> (Handing, Harness) {
    let handing = Handing::start();
    let proxy = Harness::with(Setup {
        url: Some(handing.url()),
        ..Setup::default()
    });
    (handing, proxy)
}

/// A masked close frame as it would be without its mask.
fn unmasked(frame: &[u8]) -> Vec<u8> {
    assert_eq!((frame[0], frame[1] & 0x80), (0x88, 0x80), "{frame:?}");
    let mask = &frame[2..6];
    let payload = frame[6..]
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask);
    [0x88, frame[1] & 0x7f].into_iter().chain(payload).collect()
}

#[test]
fn a_drain_closes_tunnels_with_1001_at_half_of_its_grace_and_does_not_wait_for_its_deadline() {
    let (handing, mut proxy) = handed();
    let mut client = proxy.open();
    let mut upstream = handing.next();
    upstream.write_all(HELLO).unwrap();
    assert_eq!(read(&mut client, HELLO.len()), HELLO);
    let since = Instant::now();
    proxy.drain(Duration::from_secs(3));
    assert_eq!(read(&mut client, STOPS.len()), STOPS);
    let took = since.elapsed();
    assert!(
        took > Duration::from_millis(1_400) && took < Duration::from_millis(2_500),
        "{took:?}"
    );
    client.send(ANSWER);
    assert_eq!(unmasked(&rest(&mut upstream, PATIENCE)), STOPS);
    drop(upstream);
    assert_ends(&mut client, Ended::Closed);
    let end = proxy.end_of_tunnel();
    assert_eq!((&end["ended_by"], &end["close_code"]), (&"drain".into(), &1001.into()));
    assert_eq!(end["close_reason"], "the service stops");
    assert_eq!(proxy.held(), 0);
    proxy.join();
    assert!(since.elapsed() < Duration::from_secs(6), "{:?}", since.elapsed());
}

#[test]
fn until_half_of_a_drains_grace_tunnels_are_opened_and_then_all_are_told_at_one_moment() {
    let mut proxy = Harness::start();
    proxy.agreeing(Script::echo);
    let mut before = proxy.open();
    proxy.drain(Duration::from_secs(4));
    eventually(PATIENCE, || RawClient::get(proxy.admin, "/readyz", &[]).status == 503);
    let mut within = proxy.open();
    for client in [&mut before, &mut within] {
        client.send(HELLO);
        assert_eq!(read(client, HELLO.len()), HELLO, "it is a tunnel like any other");
    }
    assert_eq!(read(&mut before, STOPS.len()), STOPS);
    let since = Instant::now();
    assert_eq!(read(&mut within, STOPS.len()), STOPS);
    assert!(since.elapsed() < Duration::from_millis(500), "{:?}", since.elapsed());
    proxy.join();
    let ends = proxy.events("tunnel", 2);
    assert!(ends.iter().all(|end| end["ended_by"] == "drain"), "{ends:?}");
}

#[test]
fn callers_who_do_not_answer_do_not_hold_up_a_drain() {
    let mut proxy = Harness::start();
    proxy.agreeing(Script::echo);
    let mut clients: Vec<_> = (0..20).map(|_| proxy.open()).collect();
    let since = Instant::now();
    proxy.drain(Duration::ZERO);
    proxy.join();
    assert!(since.elapsed() < Duration::from_secs(6), "{:?}", since.elapsed());
    for client in &mut clients {
        assert_eq!(client.read_to_end(), (STOPS.to_vec(), Ended::Closed));
    }
    assert_eq!(proxy.events("tunnel", 20).len(), 20);
}

#[test]
fn in_the_middle_of_a_frame_a_drain_waits_for_its_end() {
    let (handing, mut proxy) = handed();
    let mut client = proxy.open();
    let mut upstream = handing.next();
    upstream.write_all(&HELLO[..3]).unwrap();
    assert_eq!(read(&mut client, 3), &HELLO[..3]);
    proxy.drain(Duration::from_secs(8));
    assert_eq!(
        unmasked(&{
            let mut told = vec![0; STOPS.len() + 4];
            std::io::Read::read_exact(&mut upstream, &mut told).unwrap();
            told
        }),
        STOPS,
        "towards the upstream there was a boundary"
    );
    client.patience(Duration::from_millis(300));
    assert_eq!(client.read_some(1), b"");
    client.patience(PATIENCE);
    upstream.write_all(&[&HELLO[3..], HELLO, HELLO].concat()).unwrap();
    assert_eq!(read(&mut client, 4 + STOPS.len()), [&HELLO[3..], STOPS].concat());
}

#[test]
fn a_frame_that_does_not_end_within_the_grace_is_cut_off() {
    let (handing, mut proxy) = handed();
    let mut client = proxy.open();
    let mut upstream = handing.next();
    upstream.write_all(&HELLO[..3]).unwrap();
    assert_eq!(read(&mut client, 3), &HELLO[..3]);
    let since = Instant::now();
    proxy.drain(Duration::from_secs(2));
    assert_eq!(
        client.read_to_end(),
        (Vec::new(), Ended::Closed),
        "no frame of ours within one of theirs"
    );
    let took = since.elapsed();
    assert!(
        took > Duration::from_millis(1_900) && took < Duration::from_secs(6),
        "{took:?}"
    );
    proxy.join();
}

#[test]
fn withdrawn_access_is_told_with_its_own_code_and_reason_and_nothing_passes_any_more() {
    let (handing, proxy) = handed();
    let mut client = proxy.open();
    let mut upstream = handing.next();
    proxy.withdraw(1008, "access was withdrawn");
    let told = read(&mut client, 24);
    assert_eq!(told, b"\x88\x16\x03\xf0access was withdrawn");
    client.send(b"\x81\x80\x00\x00\x00\x00");
    upstream.write_all(HELLO).unwrap();
    assert_eq!(unmasked(&rest(&mut upstream, PATIENCE)), told);
    drop(upstream);
    assert_ends(&mut client, Ended::Closed);
    drop(client);
    let end = proxy.end_of_tunnel();
    assert_eq!(
        (&end["ended_by"], &end["close_code"]),
        (&"service".into(), &1008.into())
    );
    assert_eq!(end["close_reason"], "access was withdrawn");
    eventually(PATIENCE, || proxy.held() == 0);
}

#[test]
fn idle_and_old_tunnels_are_closed_where_that_is_configured() {
    let old = Setup {
        tunnels: "lifetime_seconds = 1",
        ..Setup::default()
    };
    let idle = Setup {
        tunnels: "idle_seconds = 1",
        ..Setup::default()
    };
    for (setup, by, reason) in [
        (old, "lifetime", "the connection was open for as long as it may be"),
        (idle, "idle", "nothing moved for too long"),
    ] {
        let proxy = Harness::with(setup);
        proxy.agreeing(Script::echo);
        let mut client = proxy.open();
        let told = read(&mut client, 4 + reason.len());
        assert_eq!(&told[..4], [0x88, reason.len() as u8 + 2, 0x03, 0xe9]);
        assert_eq!(&told[4..], reason.as_bytes());
        drop(client);
        assert_eq!(proxy.end_of_tunnel()["ended_by"], by);
        proxy.assert_all_let_go();
    }
}

#[test]
fn a_service_that_stops_at_once_lets_go_of_everything_and_tells_of_it() {
    let mut proxy = Harness::start();
    proxy.agreeing(Script::echo);
    let mut client = proxy.open();
    proxy.stop();
    proxy.join();
    eventually(PATIENCE, || proxy.held() == 0); // the worker's thread may end a moment later
    let end = proxy.end_of_tunnel();
    assert!(
        ["stopped", "drain"].contains(&end["ended_by"].as_str().unwrap()),
        "{end}"
    );
    let _ = client.read_to_end();
    eventually(PATIENCE, || proxy.upstream.open_connections() == 0);
}
