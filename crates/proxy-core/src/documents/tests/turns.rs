//! One look at a time, and nobody waits for ever.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    },
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{Stage, write};
use crate::{documents::turns::Turns, files::tests::swap};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(10);

#[test]
fn who_comes_during_a_look_shares_the_next_one() {
    let turns = Turns::new(0);
    let (begun, looks) = (Barrier::new(2), AtomicUsize::new(0));
    let (end, wait) = channel::<()>();
    thread::scope(|scope| {
        let turns = &turns;
        let (begun, looks) = (&begun, &looks);
        scope.spawn(move || {
            turns.after_now(LONG, |_| {
                begun.wait();
                wait.recv().unwrap();
            });
        });
        begun.wait();
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let (called, calling) = channel();
                let call = scope.spawn(move || {
                    called.send(()).unwrap();
                    turns.after_now(LONG, |state| {
                        *state += 1;
                        looks.fetch_add(1, Ordering::Relaxed);
                    });
                });
                calling.recv().unwrap();
                call
            })
            .collect();
        // They have called, but not all need be waiting yet: those that are late look for themselves.
        let deadline = Instant::now() + SHORT;
        while Instant::now() < deadline {
            thread::yield_now();
        }
        end.send(()).unwrap();
        calls.into_iter().for_each(|call| call.join().unwrap());
    });
    let looks = looks.into_inner();
    assert!((1..20).contains(&looks), "{looks}");
    turns.if_free(|state| assert_eq!(*state, looks, "never two at a time"));
}

#[test]
fn nobody_is_kept_by_a_look_that_hangs() {
    let turns = Turns::new(());
    let begun = Instant::now();
    turns.if_free(|()| {
        turns.after_now(SHORT, |()| panic!("two at a time"));
        turns.if_free(|()| panic!("two at a time"));
    });
    assert!(begun.elapsed() < 500 * SHORT, "{:?}", begun.elapsed());
    let mut looked = false;
    turns.after_now(SHORT, |()| looked = true);
    assert!(looked, "it comes back");
}

#[test]
fn a_look_that_panics_is_not_the_last() {
    let turns = Turns::new(());
    let panicked = thread::scope(|scope| scope.spawn(|| turns.if_free(|()| panic!("a mistake"))).join());
    assert!(panicked.is_err());
    let mut looked = false;
    turns.if_free(|()| looked = true);
    assert!(looked);
}

#[test]
fn who_asks_has_what_is_on_disk_at_once() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "a", "1");
    let stage = Stage::open(directory.path());
    stage.documents.look_now();
    assert_eq!(stage.all(), ["a=1"]);
    write(directory.path(), "a", "2");
    stage.documents.look_now();
    assert_eq!((stage.all(), stage.reloads()), (vec!["a=2".into()], (1, 0)));
    let volume = TempDir::new().unwrap();
    swap(volume.path(), 0, &[("a", "1")]);
    let stage = Stage::open(volume.path());
    swap(volume.path(), 1, &[("a", "2")]);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                stage.documents.look_now();
                assert_eq!(stage.all(), ["a=2"]);
            });
        }
    });
    assert_eq!(stage.reads(), 2);
}
