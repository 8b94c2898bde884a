//! A mounted Kubernetes secret: `..data` points at a version, and a swap replaces all of it at once.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{Stage, exposed, reloads, write};
use crate::{
    documents::Documents,
    files::{tests::swap, watch},
    telemetry::Metrics,
};

fn swap_pair(volume: &Path, version: u32) {
    let (user, password) = (format!("user-{version}"), format!("pass-{version}"));
    swap(volume, version, &[("user", &user), ("password", &password)]);
}

#[test]
fn a_swap_counts_at_once_and_what_is_the_same_stays_the_same() {
    let volume = TempDir::new().unwrap();
    swap(volume.path(), 0, &[("a", "1"), ("b", "2"), ("c", "3")]);
    let stage = Stage::open(volume.path());
    let (before, a) = (stage.documents.snapshot(), stage.arc("a"));
    assert_eq!(
        (stage.all(), stage.reads()),
        (vec!["a=1".into(), "b=2".into(), "c=3".into()], 3)
    );
    swap(volume.path(), 1, &[("a", "1"), ("b", "two"), ("d", "4")]);
    stage.look();
    assert_eq!(stage.all(), ["a=1", "b=two", "d=4"]);
    assert!(Arc::ptr_eq(&a, &stage.arc("a")));
    assert_eq!(stage.reads(), 5, "`a` was not read again");
    assert_eq!(stage.reloads(), (1, 0));
    assert!(
        before.get("c").is_some() && before.get("d").is_none(),
        "a snapshot stays what it is"
    );
    swap(volume.path(), 2, &[("a", "1"), ("b", "two"), ("d", "4")]);
    let before = stage.documents.snapshot();
    stage.look();
    assert!(Arc::ptr_eq(&before, &stage.documents.snapshot()), "nothing has changed");
    assert_eq!((stage.reads(), stage.reloads()), (5, (1, 0)));
}

#[test]
fn a_hundred_swaps_under_a_reader_that_never_waits_never_part_a_pair() {
    let volume = TempDir::new().unwrap();
    swap_pair(volume.path(), 0);
    let stage = Stage::open(volume.path());
    let swapping = thread::spawn({
        let path = volume.path().to_owned();
        move || (1..=100).for_each(|version| swap_pair(&path, version))
    });
    let reading = thread::spawn({
        let documents = stage.documents.clone();
        move || {
            let (mut last, mut seen) = (0, 1);
            while last < 100 {
                let snapshot = documents.snapshot();
                let version = |name: &str, before: &str| -> u32 {
                    let text = snapshot.get(name).expect("never away").expect("never bad");
                    text.strip_prefix(before).unwrap().parse().unwrap()
                };
                let (user, password) = (version("user", "user-"), version("password", "pass-"));
                assert_eq!(user, password);
                assert!(user >= last, "never back to an older one");
                seen += u32::from(user > last);
                last = user;
            }
            seen
        }
    });
    while !reading.is_finished() {
        stage.look();
    }
    swapping.join().unwrap();
    assert!(reading.join().unwrap() > 2);
    assert_eq!(stage.reloads().1, 0, "no look failed");
}

#[test]
fn nothing_is_read_before_the_link_leads_elsewhere() {
    let volume = TempDir::new().unwrap();
    swap(volume.path(), 0, &[("a", "1"), ("b", "malformed")]);
    let stage = Stage::open(volume.path());
    write(volume.path(), "a", "changed");
    write(volume.path(), "..version-0/c", "new");
    (0..3).for_each(|_| stage.look());
    assert_eq!((stage.all().len(), stage.reads()), (2, 2));
    assert_eq!(*stage.arc("a"), "1");
    swap(volume.path(), 1, &[("a", "2")]);
    stage.look();
    assert_eq!(
        stage.all(),
        ["a=2"],
        "links that were left over at the top are nobody's"
    );
}

#[test]
fn what_was_closed_in_a_version_is_read_when_it_opens() {
    let volume = TempDir::new().unwrap();
    swap(volume.path(), 0, &[("a", "1")]);
    symlink("../elsewhere", volume.path().join("..version-0/b")).unwrap();
    let stage = Stage::open(volume.path());
    assert!(stage.flaw("b").contains("No such file"));
    write(volume.path(), "elsewhere", "2");
    stage.look();
    assert_eq!(stage.all(), ["a=1", "b=2"]);
}

#[test]
fn a_volume_that_was_away_is_read_again() {
    let parent = TempDir::new().unwrap();
    let (volume, away) = (parent.path().join("volume"), parent.path().join("away"));
    fs::create_dir(&volume).unwrap();
    swap(&volume, 0, &[("a", "1")]);
    let stage = Stage::open(&volume);
    fs::rename(&volume, &away).unwrap();
    stage.look();
    write(&away, "a", "2");
    fs::rename(&away, &volume).unwrap();
    stage.look();
    assert_eq!((stage.all(), stage.reloads()), (vec!["a=2".into()], (1, 1)));
}

#[test]
fn a_volume_that_has_lost_its_link_is_away_and_not_empty() {
    let volume = TempDir::new().unwrap();
    swap(volume.path(), 0, &[("a", "1")]);
    let stage = Stage::open(volume.path());
    fs::remove_file(volume.path().join("..data")).unwrap();
    (0..3).for_each(|_| stage.look());
    assert_eq!((stage.all(), stage.reloads()), (vec!["a=1".into()], (0, 1)));
    symlink("nowhere", volume.path().join("..data")).unwrap();
    (0..3).for_each(|_| stage.look());
    assert_eq!((stage.all(), stage.reloads()), (vec!["a=1".into()], (0, 2)));
    fs::remove_file(volume.path().join("..data")).unwrap();
    swap(volume.path(), 1, &[("a", "2")]);
    stage.look();
    assert_eq!((stage.all(), stage.reloads()), (vec!["a=2".into()], (1, 2)));
}

#[test]
fn the_watch_takes_a_swap_over_within_two_seconds_and_lets_go_of_what_is_dropped() {
    let volume = TempDir::new().unwrap();
    swap_pair(volume.path(), 0);
    let metrics = Metrics::new("test", "1");
    let read = |_: &str, text: &_| Ok(exposed(text));
    let documents = Documents::open(volume.path(), &metrics.tenant("default"), read).unwrap();
    swap_pair(volume.path(), 1);
    let changed = Instant::now();
    while documents.snapshot().get("user").unwrap().unwrap().as_str() != "user-1" {
        assert!(changed.elapsed() < 2 * watch::PERIOD, "later than promised");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(reloads(&metrics, "loaded"), 1);
    let weak = Arc::downgrade(&documents.0);
    drop(documents);
    let dropped = Instant::now();
    while weak.upgrade().is_some() {
        assert!(dropped.elapsed() < watch::PERIOD, "the watch keeps it alive");
    }
}
