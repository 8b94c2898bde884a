//! Bytes both ways, and who ends it.

use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use proxy_testkit::{Ended, PATIENCE, Script, eventually};

use crate::{
    harness::{Harness, Setup, agreed, assert_ends, handshake, read},
    upstream::{Handing, caller, head, rest},
};

#[test]
fn bytes_go_both_ways_unchanged_and_are_counted_and_told_of() {
    let proxy = Harness::start();
    proxy.agreeing(Script::echo);
    let mut client = proxy.open();
    let all: Vec<u8> = (0..=255).collect();
    for piece in [&b"x"[..], &all, &[0; 30_000]] {
        client.send(piece);
        assert_eq!(read(&mut client, piece.len()), piece);
    }
    assert_eq!((proxy.open_tunnels(), proxy.held()), (Some(1), 1));
    let start = &proxy.events("request", 1)[0];
    assert_eq!(
        (&start["status"], &start["outcome"], &start["user"]),
        (&101.into(), &"completed".into(), &"ada".into())
    );
    assert!(proxy.events("tunnel", 0).is_empty());
    let counted =
        "nbgate_requests_total{method=\"GET\",route=\"none\",service=\"tunnels\",status=\"101\",tenant=\"default\"} 1";
    assert!(proxy.metrics().contains(counted), "{}", proxy.metrics());
    drop(client);
    let end = proxy.end_of_tunnel();
    assert_eq!(
        (&end["bytes"], &end["bytes_received"]),
        (&30_257.into(), &30_257.into())
    );
    assert_eq!(
        (&end["ended_by"], &end["request_id"]),
        (&"caller".into(), &start["request_id"])
    );
    assert_eq!(
        (&end["user"], &end["tenant"], end.get("close_code")),
        (&"ada".into(), &"default".into(), None)
    );
    assert!(end["duration_ms"].as_f64().unwrap() > 0.0);
    proxy.assert_all_let_go();
}

#[test]
fn a_tunnel_outlives_every_deadline_of_http() {
    let proxy = Harness::with(Setup {
        server: "head_timeout_seconds = 1\nkeep_alive_seconds = 1\nwrite_timeout_seconds = 1",
        tenant: "response_timeout_seconds = 1",
        ..Setup::default()
    });
    proxy.agreeing(Script::echo);
    let mut client = proxy.open();
    thread::sleep(Duration::from_millis(2_500));
    client.send("still here");
    assert_eq!(read(&mut client, 10), b"still here");
}

#[test]
fn a_caller_who_leaves_is_noticed_by_the_upstream_at_once_and_gets_the_last_word() {
    let handing = Handing::start();
    let proxy = Harness::with(Setup {
        url: Some(handing.url()),
        ..Setup::default()
    });
    for reset in [false, true] {
        let mut client = proxy.open();
        let mut upstream = handing.next();
        client.send("last words");
        let mut came = [0; 10];
        upstream.read_exact(&mut came).unwrap();
        match reset {
            true => client.reset(),
            false => drop(client),
        }
        let since = Instant::now();
        assert_eq!(rest(&mut upstream, Duration::from_secs(5)), b"");
        assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
        eventually(PATIENCE, || proxy.held() == 0);
    }
    let half = proxy.open();
    let mut upstream = handing.next();
    half.half_close();
    assert_eq!(
        rest(&mut upstream, Duration::from_secs(5)),
        b"",
        "no half of a tunnel goes on"
    );
    let ends = proxy.events("tunnel", 3);
    assert!(ends.iter().all(|end| end["ended_by"] == "caller"), "{ends:?}");
}

#[test]
fn what_an_upstream_sent_before_it_left_arrives_and_then_the_end() {
    let proxy = Harness::start();
    proxy.agreeing(|script| script.send_times([b'x'; 10_000], 300).close());
    let (bytes, ended) = proxy.open().read_to_end();
    assert_eq!((bytes.len(), ended), (3_000_000, Ended::Closed));
    proxy.agreeing(|script| script.send(b"x").half_close());
    assert_eq!(proxy.open().read_to_end(), (b"x".to_vec(), Ended::Closed));
    proxy.agreeing(|script| script.wait(Duration::from_millis(50)).reset());
    let (bytes, ended) = proxy.open().read_to_end();
    assert_eq!(
        (bytes.len(), ended),
        (0, Ended::Closed),
        "a reset of the upstream is none of ours"
    );
    let both = format!("{}{}", agreed(""), "all there is");
    proxy.upstream.otherwise(Script::new().send(both).close());
    assert_eq!(proxy.open().read_to_end().0, b"all there is");
    let ends = proxy.events("tunnel", 4);
    assert!(ends.iter().all(|end| end["ended_by"] == "upstream"), "{ends:?}");
    proxy.assert_all_let_go();
}

#[test]
fn a_caller_who_does_not_read_holds_up_the_upstream_and_not_our_memory() {
    const ALL: usize = 100 << 20;
    let handing = Handing::start();
    let proxy = Harness::with(Setup {
        url: Some(handing.url()),
        ..Setup::default()
    });
    let mut client = caller(proxy.address, &handshake("/x", "ada", ""));
    head(&mut client);
    let (mut upstream, sent) = (handing.next(), Arc::<AtomicUsize>::default());
    let count = sent.clone();
    let writing = thread::spawn(move || {
        let piece = vec![7; 1 << 20];
        for _ in 0..ALL / piece.len() {
            upstream.write_all(&piece).unwrap();
            count.fetch_add(piece.len(), Ordering::SeqCst);
        }
        upstream
    });
    // Until nothing moves any more: what the system takes on the way is not ours to bound.
    let mut before = usize::MAX;
    eventually(PATIENCE, || {
        thread::sleep(Duration::from_millis(200));
        std::mem::replace(&mut before, sent.load(Ordering::SeqCst)) == before
    });
    let taken = sent.load(Ordering::SeqCst);
    assert!(taken < 40 << 20, "{taken} bytes are somewhere");
    let (mut came, mut piece) = (0, vec![0; 1 << 20]);
    while came < ALL {
        came += client.read(&mut piece).unwrap();
    }
    drop(writing.join().unwrap());
    assert_eq!(client.read(&mut piece).unwrap(), 0);
    assert_eq!(proxy.end_of_tunnel()["bytes"], ALL);
}

#[test]
fn an_upstream_that_does_not_read_holds_up_the_caller_and_all_arrives_in_the_end() {
    const ALL: usize = 30 << 20;
    let handing = Handing::start();
    let proxy = Harness::with(Setup {
        url: Some(handing.url()),
        ..Setup::default()
    });
    let mut client = caller(proxy.address, &handshake("/x", "ada", ""));
    head(&mut client);
    let mut upstream = handing.next();
    let writing = thread::spawn(move || {
        client.write_all(&vec![7; ALL]).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        client
    });
    thread::sleep(Duration::from_millis(300));
    assert_eq!(rest(&mut upstream, PATIENCE).len(), ALL);
    drop(writing.join().unwrap());
    assert_eq!(proxy.end_of_tunnel()["bytes_received"], ALL);
}

#[test]
fn a_caller_who_takes_nothing_for_too_long_is_given_up() {
    let proxy = Harness::with(Setup {
        server: "write_timeout_seconds = 1",
        ..Setup::default()
    });
    proxy.agreeing(|script| script.send_times([b'x'; 100_000], 1_000).hang());
    let client = proxy.open();
    eventually(PATIENCE, || proxy.held() == 0);
    assert_eq!(proxy.end_of_tunnel()["ended_by"], "stalled");
    eventually(PATIENCE, || proxy.upstream.open_connections() == 0);
    drop(client);
}

#[test]
fn a_hundred_tunnels_at_once_do_not_mix() {
    let proxy = Harness::with(Setup {
        tunnels: "max_tunnels_per_user = 100",
        ..Setup::default()
    });
    proxy.agreeing(Script::echo);
    let mut clients: Vec<_> = (0..100).map(|_| proxy.open()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("{number:03}"));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(read(client, 3), format!("{number:03}").into_bytes());
    }
    assert_eq!((proxy.held(), proxy.open_tunnels()), (100, Some(100)));
    drop(clients);
    proxy.assert_all_let_go();
}

#[test]
fn a_caller_who_ends_with_a_close_frame_is_answered_by_the_upstream_itself() {
    let proxy = Harness::start();
    let masked = b"\x88\x82\x00\x00\x00\x00\x03\xe8";
    proxy.agreeing(|script| script.send(b"\x88\x02\x03\xe8").half_close());
    let mut client = proxy.open();
    assert_eq!(read(&mut client, 4), b"\x88\x02\x03\xe8");
    client.send(masked);
    assert_ends(&mut client, Ended::Closed);
    proxy.assert_all_let_go();
}
