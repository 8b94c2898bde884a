use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    time::Duration,
};

use super::*;
use crate::tunnel::way::AT_ONCE;

/// A tunnel that is away, with both of its ends.
struct Bench {
    caller: TcpStream,
    upstream: TcpStream,
    traffic: Arc<Traffic>,
    lent: Lent,
}

/// Two ends of a connection: the other's, and ours as a worker has it.
fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    other.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let ours = listener.accept().unwrap().0;
    ours.set_nonblocking(true).unwrap();
    (other, ours)
}

fn away(caller: TcpStream, upstream: TcpStream) -> Box<Away> {
    Box::new(Away {
        caller,
        upstream,
        to_caller: Way::default(),
        to_upstream: Way::default(),
        traffic: Traffic::new(),
        refused: false,
    })
}

fn eventually(mut is_so: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Bench {
    fn start() -> Self {
        let ((caller, ours), (upstream, theirs)) = (connected(), connected());
        let away = away(ours, theirs);
        let traffic = away.traffic.clone();
        Self {
            caller,
            upstream,
            traffic,
            lent: relay(away).unwrap(),
        }
    }

    /// What comes out at the other end, once it is there.
    fn through(&mut self, by_caller: bool, bytes: &[u8]) {
        let (from, to) = if by_caller {
            (&mut self.caller, &mut self.upstream)
        } else {
            (&mut self.upstream, &mut self.caller)
        };
        from.write_all(bytes).unwrap();
        let mut out = vec![0; bytes.len()];
        to.read_exact(&mut out).unwrap();
        assert_eq!(out, bytes);
    }

    async fn back(&mut self) -> Away {
        let back = tokio::time::timeout(Duration::from_secs(10), self.lent.back()).await;
        *back.expect("it comes back").expect("its connections are not lost")
    }
}

#[actix_web::test]
async fn bytes_go_both_ways_and_are_counted_and_followed() {
    let mut bench = Bench::start();
    for _ in 0..100 {
        bench.through(true, b"\x81\x05hello");
        bench.through(false, b"\x81\x03ada");
    }
    bench.through(false, b"\x81\x7e"); // the beginning of a frame
    bench.lent.call_back();
    let away = bench.back().await;
    assert!(away.to_upstream.is_clear() && away.to_upstream.at_boundary());
    assert!(away.to_caller.is_clear() && !away.to_caller.at_boundary());
    assert!(!away.refused);
    assert_eq!(
        (bench.traffic.to_upstream.get(), bench.traffic.to_caller.get()),
        (700, 502)
    );
}

#[actix_web::test]
async fn tunnels_do_not_get_what_is_of_others_also_where_one_has_taken_the_place_of_another() {
    let mut benches: Vec<_> = (0..20).map(|_| Bench::start()).collect();
    for round in 0..3 {
        for (number, bench) in benches.iter_mut().enumerate() {
            bench.through(number % 2 == 0, format!("{round} of {number}").as_bytes());
        }
        let mut number = 0;
        benches.retain(|_| {
            number += 1;
            number % 3 > 0
        });
        benches.extend((0..5).map(|_| Bench::start()));
    }
}

#[actix_web::test]
async fn a_tunnel_of_which_one_end_ends_comes_back_with_all_that_came_before() {
    for by_caller in [true, false] {
        let mut bench = Bench::start();
        bench.through(true, b"first");
        let end = if by_caller {
            &mut bench.caller
        } else {
            &mut bench.upstream
        };
        end.write_all(b"last").unwrap();
        end.shutdown(std::net::Shutdown::Write).unwrap();
        let mut away = bench.back().await;
        // What came with the end is either through, or still to be read.
        let (ours, other) = if by_caller {
            (&mut away.caller, &mut bench.upstream)
        } else {
            (&mut away.upstream, &mut bench.caller)
        };
        let mut rest = Vec::new();
        ours.read_to_end(&mut rest).unwrap();
        if rest.is_empty() {
            rest = vec![0; 4];
            other.read_exact(&mut rest).unwrap();
        }
        assert_eq!(rest, b"last");
    }
}

#[actix_web::test]
async fn a_tunnel_whose_end_takes_no_more_comes_back_with_what_is_not_written() {
    let mut bench = Bench::start();
    let flood: Vec<u8> = (0..=255).cycle().take(AT_ONCE * 1024).collect();
    bench.upstream.set_nonblocking(true).unwrap();
    let (mut sent, mut full) = (0, None);
    // Nobody reads, so that at some time neither end takes any more.
    eventually(|| {
        while let Ok(count) = bench.upstream.write(&flood[sent..]) {
            sent += count;
        }
        match bench.lent.back.try_recv() {
            // Only a long burst.
            Ok(away) if away.to_caller.is_clear() => bench.lent = relay(away).unwrap(),
            Ok(away) => full = Some(away),
            Err(_) => {}
        }
        full.is_some()
    });
    let away = full.unwrap();
    let read = usize::try_from(bench.traffic.to_caller.get()).unwrap();
    let pending = away.to_caller.pending();
    assert!(pending.len() <= AT_ONCE);
    let mut through = vec![0; read - pending.len()];
    bench.caller.read_exact(&mut through).unwrap();
    assert_eq!([&through, pending].concat(), flood[..read]);
}

#[actix_web::test]
async fn what_an_end_refuses_that_is_gone_is_not_taken_for_written() {
    let ((mut caller, ours), (_upstream, theirs)) = (connected(), connected());
    theirs.shutdown(std::net::Shutdown::Write).unwrap();
    let mut away = away(ours, theirs);
    caller.write_all(b"to nobody").unwrap();
    let mut scratch = [0; 100];
    eventually(|| !away.pass(true, &mut scratch));
    assert_eq!(away.to_upstream.pending(), b"to nobody");
    assert!(away.pass(false, &mut scratch), "nothing came the other way");
}

#[actix_web::test]
async fn both_connections_of_a_tunnel_that_is_let_go_of_are_closed() {
    let Bench {
        mut caller,
        mut upstream,
        lent,
        ..
    } = Bench::start();
    drop(lent);
    for end in [&mut caller, &mut upstream] {
        assert_eq!(end.read(&mut [0; 8]).unwrap(), 0);
    }
}

#[actix_web::test]
async fn a_relay_ends_with_its_worker() {
    let worker = std::thread::spawn(|| Bench::start().lent.relay.orders.clone());
    let orders = worker.join().unwrap();
    eventually(|| orders.send(Order::GiveBack(0)).is_err());
}

#[actix_web::test]
async fn a_relay_that_has_died_is_replaced_and_costs_no_tunnel_that_it_did_not_have() {
    let mut bench = Bench::start();
    bench.lent.relay.tell(Order::End).unwrap();
    assert!(bench.lent.back().await.is_none());
    eventually(|| bench.lent.relay.tell(Order::GiveBack(0)).is_err());
    let ((_caller, ours), (_upstream, theirs)) = (connected(), connected());
    let kept = relay(away(ours, theirs)).unwrap_err();
    assert!(kept.caller.peer_addr().is_ok());
    let mut lent = relay(kept).unwrap();
    lent.call_back();
    assert!(lent.back().await.is_some());
}
