use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path};

use tempfile::TempDir;

use super::{Journal, SPARE};
use crate::telemetry::Metrics;

fn open(directory: &Path) -> (Journal, BTreeSet<String>) {
    let (journal, left) = Journal::open(directory, "sessions", &Metrics::new("test", "0")).unwrap();
    (journal, left.into_iter().collect())
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_was_added_and_not_removed_is_there_after_a_crash() {
    let files = TempDir::new().unwrap();
    let directory = files.path().join("deep/data");
    let (journal, left) = open(&directory);
    assert_eq!(left, set(&[]));
    for name in ["a", "b", "c"] {
        journal.add(name);
    }
    journal.remove("b");
    journal.remove("unknown");
    drop(journal);
    assert_eq!(open(&directory).1, set(&["a", "c"]));
    for file in fs::read_dir(&directory).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others on the machine can read it");
    }
}

#[test]
fn torn_and_foreign_lines_say_nothing() {
    let files = TempDir::new().unwrap();
    let text = b"+ a\n+ b\nnonsense\n\xff\xfe\n\n- a\n+ torn".as_slice();
    fs::write(files.path().join("sessions-0.journal"), text).unwrap();
    let (journal, left) = open(files.path());
    assert_eq!(left, set(&["b"]));
    journal.add("c");
    drop(journal);
    assert_eq!(open(files.path()).1, set(&["b", "c"]));
}

#[test]
fn two_processes_share_a_directory_but_no_file_and_the_next_takes_over_from_the_dead() {
    let files = TempDir::new().unwrap();
    let (first, _) = open(files.path());
    let (second, left) = open(files.path());
    assert_eq!(left, set(&[]));
    first.add("a");
    second.add("b");
    let (third, left) = open(files.path());
    assert_eq!(left, set(&[]), "both are alive");
    drop((second, third));
    let (fourth, left) = open(files.path());
    assert_eq!(left, set(&["b"]));
    drop((first, fourth));
    assert_eq!(open(files.path()).1, set(&["a", "b"]));
    assert_eq!(open(files.path()).1, set(&["a", "b"]), "nothing is lost by reading it");
}

#[test]
fn what_others_leave_that_die_later_is_adopted_once() {
    let files = TempDir::new().unwrap();
    let (first, _) = open(files.path());
    let (second, _) = open(files.path());
    first.add("a");
    second.add("a");
    second.add("b");
    assert_eq!(first.adopt(), [""; 0], "it is alive");
    drop(second);
    let (third, left) = open(&files.path().join("elsewhere"));
    assert_eq!((third.adopt().len(), left.len()), (0, 0));
    assert_eq!(first.adopt(), ["b"]);
    assert_eq!(first.adopt(), [""; 0]);
    let (_fourth, left) = open(files.path());
    assert_eq!(left, set(&[]), "it is another's by now");
    drop(first);
    assert_eq!(open(files.path()).1, set(&["a", "b"]));
}

#[test]
fn the_file_is_written_anew_when_most_of_it_says_nothing() {
    let files = TempDir::new().unwrap();
    let (journal, _) = open(files.path());
    journal.add("stays");
    for number in 0..SPARE {
        journal.add(&number.to_string());
        journal.remove(&number.to_string());
    }
    let size = fs::metadata(files.path().join("sessions-0.journal")).unwrap().len();
    assert!(size < 8_000, "{size}");
    drop(journal);
    assert_eq!(open(files.path()).1, set(&["stays"]));
}

#[test]
fn a_disk_that_takes_nothing_is_counted_and_caught_up_with() {
    let files = TempDir::new().unwrap();
    let directory = files.path().join("data");
    let metrics = Metrics::new("test", "0");
    let (journal, _) = Journal::open(&directory, "sessions", &metrics).unwrap();
    journal.add("a");
    // /dev/full takes no byte, whoever writes.
    journal.inner.lock().unwrap().file = fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
    journal.add("b");
    let text = metrics.to_text();
    assert!(
        text.contains("nbgate_journal_writes_total{outcome=\"failed\"} 1"),
        "{text}"
    );
    journal.add("c");
    drop(journal);
    assert_eq!(open(&directory).1, set(&["a", "b", "c"]));
}
