use std::future::pending;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    sync::{oneshot, watch},
    task::{JoinHandle, LocalSet, spawn_local},
};

use super::*;
use crate::tunnel::{Close, Until, ending::ending};

mod lent;

const HELLO: &[u8] = b"\x81\x05hello";
const MASKED_CLOSE: &[u8] = b"\x88\x82\x00\x00\x00\x00\x03\xe9";
const CLOSE: &[u8] = b"\x88\x02\x03\xe9";

impl Lend for DuplexStream {
    fn lend(&mut self) -> Option<std::net::TcpStream> {
        None
    }

    fn give_back(&mut self, _: std::net::TcpStream) {}
}

/// A tunnel with both of its ends.
struct Bench {
    caller: DuplexStream,
    upstream: DuplexStream,
    drain: watch::Sender<Option<Instant>>,
    traffic: Arc<Traffic>,
    end: JoinHandle<End>,
}

#[derive(Default)]
struct Limits {
    until: Option<Until>,
    idle: Option<Duration>,
    lifetime: Option<Duration>,
}

impl Bench {
    fn start(limits: Limits) -> Self {
        let (caller, ours) = duplex(1 << 16);
        let (theirs, upstream) = duplex(1 << 16);
        let (drain, traffic) = (watch::Sender::new(None), Traffic::new());
        let Limits { until, idle, lifetime } = limits;
        let control = Control::new(ending(until, drain.subscribe(), idle, lifetime, traffic.clone()));
        let pump = Pump::new(ours, theirs, control, traffic.clone());
        Self {
            caller,
            upstream,
            drain,
            traffic,
            end: spawn_local(pump.run()),
        }
    }

    fn drain(&self, grace: Duration) {
        self.drain.send_replace(Some(Instant::now() + grace));
    }
}

/// Time is the test's own: it passes when nothing else can happen.
async fn locally<T>(test: impl Future<Output = T>) -> T {
    LocalSet::new().run_until(test).await
}

async fn read(from: &mut DuplexStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    from.read_exact(&mut bytes).await.unwrap();
    bytes
}

async fn rest(from: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// A masked close frame, without its mask.
fn unmasked(frame: &[u8]) -> Vec<u8> {
    assert_eq!((frame[0], frame[1] & 0x80), (0x88, 0x80), "{frame:?}");
    let mask = &frame[2..6];
    let payload = frame[6..]
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask);
    [0x88, frame[1] & 0x7f].into_iter().chain(payload).collect()
}

#[tokio::test(start_paused = true)]
async fn bytes_go_both_ways_until_one_side_ends_it() {
    locally(async {
        for caller_ends in [true, false] {
            let mut bench = Bench::start(Limits::default());
            bench.caller.write_all(b"up").await.unwrap();
            bench.upstream.write_all(b"down").await.unwrap();
            assert_eq!(read(&mut bench.upstream, 2).await, b"up");
            assert_eq!(read(&mut bench.caller, 4).await, b"down");
            let why = if caller_ends {
                bench.caller.write_all(b"last").await.unwrap();
                drop(bench.caller);
                assert_eq!(rest(&mut bench.upstream).await, b"last");
                Why::Caller
            } else {
                bench.upstream.write_all(b"last").await.unwrap();
                drop(bench.upstream);
                assert_eq!(rest(&mut bench.caller).await, b"last");
                drop(bench.caller);
                Why::Upstream
            };
            let end = bench.end.await.unwrap();
            assert_eq!((end.why, end.close), (why, None));
            let (down, up) = (bench.traffic.to_caller.get(), bench.traffic.to_upstream.get());
            assert_eq!((down, up), if caller_ends { (4, 6) } else { (8, 2) });
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_told_to_both_sides_and_their_answers_end_it_at_once() {
    locally(async {
        let mut bench = Bench::start(Limits::default());
        bench.upstream.write_all(HELLO).await.unwrap();
        assert_eq!(read(&mut bench.caller, 7).await, HELLO);
        let began = Instant::now();
        bench.drain(Duration::from_secs(20));
        let told = read(&mut bench.caller, 4 + 17).await;
        assert_eq!(&told[..4], b"\x88\x13\x03\xe9", "{told:?}");
        assert_eq!(&told[4..], b"the service stops");
        assert_eq!(unmasked(&read(&mut bench.upstream, 8 + 17).await), told);
        bench.caller.write_all(MASKED_CLOSE).await.unwrap();
        bench.upstream.write_all(CLOSE).await.unwrap();
        assert_eq!(rest(&mut bench.caller).await, b"", "nothing comes behind a close frame");
        assert_eq!(rest(&mut bench.upstream).await, b"");
        drop(bench.caller);
        let end = bench.end.await.unwrap();
        assert_eq!((end.why, end.close.map(|close| close.code)), (Why::Drain, Some(1001)));
        assert!(began.elapsed() < Duration::from_millis(10));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_waited_for_two_seconds() {
    locally(async {
        let bench = Bench::start(Limits::default());
        let began = Instant::now();
        bench.drain(Duration::from_secs(20));
        let end = bench.end.await.unwrap();
        assert_eq!(end.why, Why::Drain);
        let took = began.elapsed();
        assert!(
            took >= ANSWER && took <= 2 * ANSWER + Duration::from_millis(10),
            "{took:?}"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn in_the_middle_of_a_frame_a_drain_waits_until_its_grace_is_over() {
    locally(async {
        let mut bench = Bench::start(Limits::default());
        bench.upstream.write_all(&HELLO[..3]).await.unwrap();
        assert_eq!(read(&mut bench.caller, 3).await, &HELLO[..3]);
        let began = Instant::now();
        bench.drain(Duration::from_secs(20));
        assert_eq!(rest(&mut bench.caller).await, b"", "no close frame within a frame");
        assert!(began.elapsed() >= Duration::from_secs(20));
        let told = rest(&mut bench.upstream).await;
        assert_eq!(unmasked(&told)[..4], *b"\x88\x13\x03\xe9", "upstream was at a boundary");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_ends_within_the_grace_is_followed_by_the_close_frame() {
    locally(async {
        let mut bench = Bench::start(Limits::default());
        bench.upstream.write_all(&HELLO[..3]).await.unwrap();
        read(&mut bench.caller, 3).await;
        bench.drain(Duration::from_secs(20));
        tokio::time::sleep(Duration::from_secs(19)).await;
        bench.upstream.write_all(&[&HELLO[3..], HELLO].concat()).await.unwrap();
        let told = read(&mut bench.caller, 4 + 4).await;
        assert_eq!((&told[..4], &told[4..]), (&HELLO[3..], &b"\x88\x13\x03\xe9"[..]));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_service_ends_a_tunnel_with_its_own_code_and_reason() {
    locally(async {
        let (end, ended) = oneshot::channel::<()>();
        let until = async move {
            let _ = ended.await;
            Close {
                code: 1008,
                reason: "no longer yours".into(),
            }
        };
        let mut bench = Bench::start(Limits {
            until: Some(Box::pin(until)),
            ..Limits::default()
        });
        bench.caller.write_all(b"x").await.unwrap();
        read(&mut bench.upstream, 1).await;
        end.send(()).unwrap();
        assert_eq!(read(&mut bench.caller, 19).await, b"\x88\x11\x03\xf0no longer yours");
        drop(bench.caller);
        let end = bench.end.await.unwrap();
        assert_eq!((end.why, end.close.map(|close| close.code)), (Why::Service, Some(1008)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_is_idle_only_when_nothing_moves_either_way() {
    locally(async {
        let idle = Duration::from_secs(40);
        let mut bench = Bench::start(Limits {
            idle: Some(idle),
            ..Limits::default()
        });
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(30)).await;
            bench.caller.write_all(b"x").await.unwrap();
            read(&mut bench.upstream, 1).await;
        }
        let since = Instant::now();
        let mut first = [0];
        bench.caller.read_exact(&mut first).await.unwrap();
        assert_eq!(first, [0x88]);
        let (took, late) = (since.elapsed(), idle / 7);
        assert!(took >= idle && took <= idle + late, "{took:?}");
        drop(bench.caller);
        assert_eq!(bench.end.await.unwrap().why, Why::Idle);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_ends_however_much_moves() {
    locally(async {
        let mut bench = Bench::start(Limits {
            until: Some(Box::pin(pending())),
            idle: Some(Duration::from_secs(60)),
            lifetime: Some(Duration::from_secs(100)),
        });
        let began = Instant::now();
        let mut last = [0];
        while last != [0x88] {
            bench.upstream.write_all(b"\x81\x00").await.unwrap();
            bench.caller.read_exact(&mut last).await.unwrap();
            if last != [0x88] {
                bench.caller.read_exact(&mut [0]).await.unwrap();
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(began.elapsed() <= Duration::from_secs(102), "{:?}", began.elapsed());
        drop(bench.caller);
        assert_eq!(bench.end.await.unwrap().why, Why::Lifetime);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_ends_in_the_middle_of_everything_ends_the_tunnel_too() {
    locally(async {
        let mut bench = Bench::start(Limits::default());
        bench.upstream.write_all(&HELLO[..3]).await.unwrap();
        read(&mut bench.caller, 3).await;
        bench.drain(Duration::from_secs(20));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let began = Instant::now();
        drop(bench.caller);
        bench.end.await.unwrap();
        assert!(began.elapsed() <= ANSWER * 2, "{:?}", began.elapsed());
    })
    .await;
}
