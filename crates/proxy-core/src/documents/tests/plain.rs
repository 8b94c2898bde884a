//! Files without a `..data`, which somebody writes in place.

use std::{fs, sync::Arc};

use tempfile::TempDir;

use super::{Stage, logged, write};
use crate::{
    documents::{
        directory::{self, Content},
        looks::{Known, Looks, Stamp},
        place::Place,
    },
    files::Mark,
};

#[test]
fn a_half_written_file_does_not_count_until_it_looks_the_same_twice() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "a", "old");
    write(directory.path(), "b", "same");
    let stage = Stage::open(directory.path());
    let b = stage.arc("b");
    for part in ["", "malf", "malformed", "malformed no more: {"] {
        write(directory.path(), "a", part);
        stage.look();
        assert_eq!(stage.all(), ["a=old", "b=same"], "{part}");
    }
    write(directory.path(), "a", "new\n");
    stage.look();
    stage.look();
    assert_eq!(stage.all(), ["a=new\n", "b=same"]);
    assert!(Arc::ptr_eq(&b, &stage.arc("b")));
    assert_eq!(
        (stage.reads(), stage.reloads()),
        (3, (1, 0)),
        "no part was ever read as a document"
    );
}

#[test]
fn a_file_that_comes_or_goes_counts_when_that_is_seen_twice() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "a", "1");
    let stage = Stage::open(directory.path());
    write(directory.path(), "b", "2");
    stage.look();
    assert_eq!(stage.all(), ["a=1"]);
    stage.look();
    assert_eq!(stage.all(), ["a=1", "b=2"]);
    // As editors save: away for a moment.
    fs::rename(directory.path().join("a"), directory.path().join(".a~")).unwrap();
    stage.look();
    write(directory.path(), "a", "1");
    (0..2).for_each(|_| stage.look());
    assert_eq!((stage.all(), stage.reads()), (vec!["a=1".into(), "b=2".into()], 2));
    fs::remove_file(directory.path().join("a")).unwrap();
    stage.look();
    assert_eq!(stage.all(), ["a=1", "b=2"]);
    stage.look();
    assert_eq!(stage.all(), ["b=2"]);
    assert_eq!(stage.reloads(), (2, 0));
    write(directory.path(), "c", "3");
    stage.look();
    fs::remove_file(directory.path().join("c")).unwrap();
    (0..2).for_each(|_| stage.look());
    assert_eq!(
        (stage.all(), stage.reloads()),
        (vec!["b=2".into()], (2, 0)),
        "what came and went was never there"
    );
}

#[test]
fn a_change_and_the_way_back_are_no_change() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "a", "1");
    let stage = Stage::open(directory.path());
    let a = stage.arc("a");
    write(directory.path(), "a", "2");
    stage.look();
    write(directory.path(), "a", "1");
    (0..3).for_each(|_| stage.look());
    assert!(Arc::ptr_eq(&a, &stage.arc("a")));
    assert_eq!((stage.reads(), stage.reloads()), (1, (0, 0)));
}

#[test]
fn a_file_with_the_same_stamp_is_not_opened_and_any_other_is() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "a", "1");
    let metadata = fs::metadata(directory.path().join("a")).unwrap();
    let mut known = Known {
        place: Some(Place::of(directory.path()).unwrap()),
        ..Known::default()
    };
    let looks = Looks {
        seen: Ok(Mark::of("what was read")),
        stamp: Some(Stamp::of(&metadata)),
    };
    known.looks.insert("a".into(), looks);
    let is_known = |known: &Known| {
        let listing = directory::look(directory.path(), known).unwrap().unwrap();
        matches!(listing.found["a"].content, Content::Known)
    };
    assert!(is_known(&known));
    let other = TempDir::new().unwrap();
    let place = known.place.replace(Place::of(other.path()).unwrap());
    assert!(!is_known(&known), "a stamp says nothing in another directory");
    known.place = place;
    assert!(is_known(&known));
    write(directory.path(), "a", "22");
    assert!(!is_known(&known));
}

#[test]
fn the_stamp_of_a_file_that_has_just_been_written_is_not_trusted() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(Stamp::of(&file.as_file().metadata().unwrap()).settled(), None);
    let old = Stamp::of(&fs::metadata("/usr/bin").unwrap());
    assert_eq!(old.clone().settled(), Some(old));
}

#[test]
fn a_directory_that_is_gone_changes_nothing_is_told_once_and_comes_back() {
    let parent = TempDir::new().unwrap();
    let (directory, away) = (parent.path().join("documents"), parent.path().join("away"));
    fs::create_dir(&directory).unwrap();
    write(&directory, "a", "1");
    let stage = Stage::open(&directory);
    let a = stage.arc("a");
    fs::rename(&directory, &away).unwrap();
    let (_, log) = logged(|| (0..5).for_each(|_| stage.look()));
    assert_eq!(
        (log.matches("No such file").count(), log.lines().count()),
        (1, 1),
        "{log}"
    );
    assert!(log.contains(directory.to_str().unwrap()), "{log}");
    assert_eq!((stage.all(), stage.reloads()), (vec!["a=1".into()], (0, 1)));
    fs::write(&directory, "a file").unwrap();
    (0..5).for_each(|_| stage.look());
    assert_eq!((stage.all(), stage.reloads()), (vec!["a=1".into()], (0, 2)));
    assert_eq!(stage.unread(), 1, "two failures, one directory");
    fs::remove_file(&directory).unwrap();
    fs::rename(&away, &directory).unwrap();
    let (_, log) = logged(|| stage.look());
    assert!(log.contains("can be read again"), "{log}");
    assert_eq!(stage.unread(), 0);
    assert!(Arc::ptr_eq(&a, &stage.arc("a")));
    fs::remove_dir_all(&directory).unwrap();
    stage.look();
    fs::create_dir(&directory).unwrap();
    stage.look();
    assert_eq!(stage.all(), ["a=1"], "whoever puts it back may not be done");
    write(&directory, "a", "2");
    (0..2).for_each(|_| stage.look());
    assert_eq!((stage.all(), stage.reloads()), (vec!["a=2".into()], (1, 3)));
}

#[test]
fn what_was_seen_before_a_directory_was_gone_does_not_count_as_the_first_of_two_looks() {
    let parent = TempDir::new().unwrap();
    let (directory, away) = (parent.path().join("documents"), parent.path().join("away"));
    fs::create_dir(&directory).unwrap();
    write(&directory, "a", "1");
    let stage = Stage::open(&directory);
    write(&directory, "a", "2");
    stage.look();
    fs::rename(&directory, &away).unwrap();
    stage.look();
    fs::rename(&away, &directory).unwrap();
    stage.look();
    assert_eq!(stage.all(), ["a=1"]);
    stage.look();
    assert_eq!(stage.all(), ["a=2"]);
}

#[test]
fn a_directory_has_to_be_there_at_the_start_but_may_be_empty() {
    let parent = TempDir::new().unwrap();
    let stage = Stage::open(parent.path());
    assert!(stage.all().is_empty() && stage.documents.snapshot().get("a").is_none());
    write(parent.path(), "file", "1");
    for (name, expected) in [
        ("absent", "No such file"),
        ("file", "is not a directory"),
        ("file/x", "Not a directory"),
    ] {
        let path = parent.path().join(name);
        let error = format!("{:#}", Stage::try_open(&path).err().unwrap());
        assert!(
            error.contains(path.to_str().unwrap()) && error.contains(expected),
            "{name}: {error}"
        );
    }
}
