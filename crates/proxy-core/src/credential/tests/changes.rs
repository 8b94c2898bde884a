//! How a change gets in, and what a rejection does.

use std::{
    fs,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{super::CredentialSource as _, basic_files, pair_of, shown, start, started, swap_pair, token_file, value};
use crate::{error::ProxyError, files::watch};

#[actix_web::test]
async fn what_is_written_in_place_counts_when_it_looks_the_same_twice() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "old").unwrap();
    let source = started(&token_file(file.clone()));
    for part in ["n", "ne", "new"] {
        fs::write(&file, part).unwrap();
        source.look();
        assert_eq!(value(&source).await, "Bearer old", "{part}");
    }
    source.look();
    assert_eq!(value(&source).await, "Bearer new");
}

#[actix_web::test]
async fn a_swapped_volume_counts_at_once() {
    let volume = TempDir::new().unwrap();
    swap_pair(volume.path(), 0);
    let source = started(&basic_files(volume.path()));
    let first = source.current().unwrap();
    assert_eq!(shown(&first), pair_of(0));
    source.look();
    assert_eq!(source.current().unwrap().generation(), first.generation());
    swap_pair(volume.path(), 1);
    source.look();
    let second = source.current().unwrap();
    assert!(second.generation() > first.generation() && shown(&second) == pair_of(1));
    assert_eq!(shown(&first), pair_of(0), "a request under way keeps what it has");
}

#[test]
fn a_hundred_swaps_under_load_never_mix_a_pair_and_never_fail() {
    let volume = TempDir::new().unwrap();
    swap_pair(volume.path(), 0);
    let (source, metrics) = start(&basic_files(volume.path()));
    let source = source.unwrap();
    let swapping = std::thread::spawn({
        let path = volume.path().to_owned();
        move || (1..=100).for_each(|version| swap_pair(&path, version))
    });
    let pairs: Vec<String> = (0..=100).map(pair_of).collect();
    let mut last = 0;
    while last < 100 || !swapping.is_finished() {
        let done = swapping.is_finished();
        source.look();
        let now = shown(&source.current().unwrap());
        let version = pairs
            .iter()
            .position(|pair| *pair == now)
            .expect("a pair of one version");
        assert!(version >= last, "never back to an older one");
        last = version;
        assert!(!done || last == 100, "the last version counts");
    }
    swapping.join().unwrap();
    assert!(
        !metrics.to_text().contains("outcome=\"failed\""),
        "{}",
        metrics.to_text()
    );
}

#[actix_web::test]
async fn a_rejected_credential_is_looked_for_at_once() {
    let volume = TempDir::new().unwrap();
    swap_pair(volume.path(), 0);
    let source = started(&basic_files(volume.path()));
    let old = source.current().unwrap().generation();
    assert!(source.renewed(old).await.is_none(), "nothing newer on disk");
    swap_pair(volume.path(), 1);
    let renewed = futures_util::future::join_all((0..20).map(|_| source.renewed(old))).await;
    let generations: Vec<u64> = renewed
        .into_iter()
        .map(|credential| credential.unwrap().generation())
        .collect();
    assert!(
        generations
            .iter()
            .all(|generation| *generation == generations[0] && *generation > old),
        "{generations:?}"
    );
    assert!(source.renewed(generations[0]).await.is_none());
    assert_eq!(value(&source).await, pair_of(1));
}

#[actix_web::test]
async fn three_rejections_stop_the_asking_until_the_credential_changes() {
    let volume = TempDir::new().unwrap();
    swap_pair(volume.path(), 0);
    let source = started(&basic_files(volume.path()));
    let generation = source.current().unwrap().generation();
    for _ in 0..3 {
        assert!(source.current().is_ok());
        source.rejected(generation);
    }
    let error = source.current().unwrap_err();
    assert!(
        matches!(&error, ProxyError::UpstreamCredentialRejected { upstream } if upstream == "Jira"),
        "{error:?}"
    );
    swap_pair(volume.path(), 1);
    source.look();
    assert_eq!(value(&source).await, pair_of(1));
    source.accepted(generation);
    source.rejected(generation);
    assert_eq!(value(&source).await, pair_of(1));
}

#[actix_web::test]
async fn the_watch_takes_a_change_over_within_two_seconds_and_lets_go_of_what_is_dropped() {
    let volume = TempDir::new().unwrap();
    swap_pair(volume.path(), 0);
    let source = started(&basic_files(volume.path()));
    swap_pair(volume.path(), 1);
    let changed = Instant::now();
    while value(&source).await != pair_of(1) {
        assert!(changed.elapsed() < 2 * watch::PERIOD, "later than promised");
        actix_rt::time::sleep(Duration::from_millis(10)).await;
    }
    let weak = source.weak();
    drop(source);
    let dropped = Instant::now();
    while weak.upgrade().is_some() {
        assert!(dropped.elapsed() < watch::PERIOD, "the watch keeps it alive");
    }
}
