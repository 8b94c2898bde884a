use std::future::poll_fn;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    task::unconstrained,
};

use super::*;

/// A text of five characters as a server sends it.
const HELLO: &[u8] = b"\x81\x05hello";
const CLOSE: &[u8] = b"\x88\x02\x03\xe9";

/// One direction with both of its ends: what is written to `from` comes out of `to`.
struct Bench {
    way: Way,
    moved: Count,
    source: DuplexStream,
    sink: DuplexStream,
    from: DuplexStream,
    to: DuplexStream,
}

impl Bench {
    /// `room`: so much the sink takes before it is read.
    fn new(room: usize) -> Self {
        let (from, source) = duplex(1 << 20);
        let (sink, to) = duplex(room);
        let (way, moved) = (Way::default(), Count::default());
        Self {
            way,
            moved,
            source,
            sink,
            from,
            to,
        }
    }

    /// As far as it goes without waiting: tokio's budget for one turn of a task must not end it, as nobody would go on.
    async fn poll(&mut self) -> Poll<Ended> {
        let poll = poll_fn(|context| {
            let poll = self.way.poll(&mut self.source, &mut self.sink, &self.moved, context);
            Poll::Ready(poll)
        });
        unconstrained(poll).await
    }

    /// What has come out.
    async fn out(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.to.read_exact(&mut bytes).await.unwrap();
        bytes
    }
}

#[actix_web::test]
async fn bytes_come_out_as_they_went_in_and_nothing_is_kept() {
    let mut bench = Bench::new(1 << 20);
    for _ in 0..3 {
        bench.from.write_all(b"any bytes at all").await.unwrap();
        assert!(bench.poll().await.is_pending());
        assert_eq!(bench.out(16).await, b"any bytes at all");
        assert_eq!((bench.way.pending.capacity(), bench.way.unflushed), (0, false));
    }
    assert_eq!(bench.moved.get(), 48);
}

#[actix_web::test]
async fn nothing_is_read_while_the_other_end_takes_nothing() {
    let mut bench = Bench::new(10);
    bench.from.write_all(&[7; 200_000]).await.unwrap();
    assert!(bench.poll().await.is_pending());
    assert_eq!(bench.way.pending.len(), AT_ONCE - 10);
    assert!(bench.poll().await.is_pending());
    assert_eq!(bench.moved.get(), AT_ONCE as u64, "one piece, and no more");
    let mut out = 0;
    while out < 200_000 {
        out += bench.out(10).await.len();
        assert!(bench.poll().await.is_pending());
    }
    assert_eq!(bench.way.pending.capacity(), 0);
}

#[actix_web::test]
async fn the_end_of_the_source_is_told_after_all_that_came_before_is_out() {
    let mut bench = Bench::new(10);
    bench.from.write_all(&[7; 15]).await.unwrap();
    bench.from.shutdown().await.unwrap();
    assert!(bench.poll().await.is_pending());
    bench.out(10).await;
    assert!(matches!(bench.poll().await, Poll::Ready(Ended::Source)));
    bench.out(5).await;
}

#[actix_web::test]
async fn a_sink_that_is_gone_is_told() {
    let mut bench = Bench::new(10);
    bench.from.write_all(b"hello").await.unwrap();
    drop(std::mem::replace(&mut bench.to, duplex(1).0));
    assert!(matches!(
        bench.poll().await,
        Poll::Ready(Ended::Sink(io::ErrorKind::BrokenPipe))
    ));
}

#[actix_web::test]
async fn at_a_boundary_a_close_frame_is_written_at_once_and_nothing_behind_it() {
    let mut bench = Bench::new(1 << 20);
    bench.from.write_all(HELLO).await.unwrap();
    assert!(bench.poll().await.is_pending());
    bench.way.cut(CLOSE.to_vec());
    bench.from.write_all(HELLO).await.unwrap();
    assert!(!bench.way.is_over() && bench.poll().await.is_pending());
    assert!(bench.way.is_over() && !bench.way.heard_close());
    assert_eq!(bench.out(11).await, [HELLO, CLOSE].concat());
    bench.from.write_all(CLOSE).await.unwrap();
    assert!(bench.poll().await.is_pending() && bench.way.heard_close());
    assert_eq!(bench.moved.get(), HELLO.len() as u64, "what is dropped is not counted");
}

#[actix_web::test]
async fn in_the_middle_of_a_frame_its_end_comes_first() {
    for split in 1..HELLO.len() {
        let mut bench = Bench::new(1 << 20);
        bench.from.write_all(&HELLO[..split]).await.unwrap();
        assert!(bench.poll().await.is_pending());
        bench.way.cut(CLOSE.to_vec());
        assert!(bench.poll().await.is_pending() && !bench.way.is_over());
        bench.from.write_all(&[&HELLO[split..], HELLO].concat()).await.unwrap();
        assert!(bench.poll().await.is_pending() && bench.way.is_over());
        assert_eq!(bench.out(11).await, [HELLO, CLOSE].concat(), "split at {split}");
    }
}

#[actix_web::test]
async fn behind_a_close_frame_of_the_source_none_of_ours_is_written() {
    for split in 0..=CLOSE.len() {
        let mut bench = Bench::new(1 << 20);
        bench.from.write_all(HELLO).await.unwrap();
        bench.from.write_all(&CLOSE[..split]).await.unwrap();
        assert!(bench.poll().await.is_pending());
        if split == 0 {
            continue; // the boundary before it is one: see above
        }
        bench.way.cut(b"\x88\x02\x03\xf0".to_vec());
        bench.from.write_all(&CLOSE[split..]).await.unwrap();
        assert!(bench.poll().await.is_pending() && bench.way.is_over() && bench.way.heard_close());
        assert_eq!(bench.out(11).await, [HELLO, CLOSE].concat(), "split at {split}");
        drop(bench.sink);
        assert_eq!(bench.to.read(&mut [0; 8]).await.unwrap(), 0, "and nothing more");
    }
}

#[actix_web::test]
async fn what_begins_the_stream_is_no_part_of_it() {
    let mut bench = Bench::new(1 << 20);
    bench.way.begin(BytesMut::from(&b"HTTP/1.1 101\r\n\r\n"[..]));
    bench.way.was_read(&HELLO[..3], &bench.moved);
    bench.way.cut(CLOSE.to_vec());
    bench.from.write_all(&HELLO[3..]).await.unwrap();
    assert!(bench.poll().await.is_pending() && bench.way.is_over());
    assert_eq!(
        bench.out(16 + 11).await,
        [b"HTTP/1.1 101\r\n\r\n", HELLO, CLOSE].concat()
    );
    assert_eq!(bench.moved.get(), HELLO.len() as u64);
}

#[actix_web::test]
async fn after_some_pieces_the_other_direction_has_its_turn() {
    let mut bench = Bench::new(2 << 20);
    bench.from.write_all(&vec![7; 1 << 20]).await.unwrap();
    assert!(bench.poll().await.is_pending());
    assert_eq!(bench.moved.get(), (IN_A_ROW * AT_ONCE) as u64);
    assert!(bench.poll().await.is_pending());
    assert_eq!(bench.moved.get(), 1 << 20);
}

#[test]
fn what_was_said_cannot_be_formatted() {
    let mut way = Way::default();
    way.went(b"s3cr3t", 1, &Count::default());
    assert_eq!(format!("{way:?}"), "Way { pending: 5, .. }");
}
