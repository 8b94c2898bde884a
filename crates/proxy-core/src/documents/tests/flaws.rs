//! A document that is no good is no good alone, and nothing says what is in it.

use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
    path::Path,
    process::Command,
};

use tempfile::TempDir;

use super::{Stage, logged, write};
use crate::{documents::directory, files::tests::swap};

/// What may be wrong with a document, how to get there, and what is said of it.
type Damage = (&'static str, fn(&Path), &'static str);

fn damages() -> Vec<Damage> {
    vec![
        (
            "malformed",
            |file| fs::write(file, "malformed: hunter2").unwrap(),
            "is not what it should be",
        ),
        (
            "panic",
            |file| fs::write(file, "panic: hunter2").unwrap(),
            "makes the service panic",
        ),
        ("truncated", |file| fs::write(file, "").unwrap(), "is empty"),
        ("white space", |file| fs::write(file, " \n\t\n").unwrap(), "is empty"),
        (
            "a mark alone",
            |file| fs::write(file, "\u{feff}\r\n").unwrap(),
            "is empty",
        ),
        (
            "not UTF-8",
            |file| fs::write(file, b"hunter2\xff").unwrap(),
            "is not UTF-8",
        ),
        (
            "large",
            |file| fs::write(file, "a".repeat(65_537)).unwrap(),
            "is larger than 65536 bytes",
        ),
        (
            "ten megabytes",
            |file| fs::write(file, "a".repeat(10_000_000)).unwrap(),
            "is larger than 65536 bytes",
        ),
        (
            "huge",
            |file| fs::File::create(file).unwrap().set_len(1 << 40).unwrap(),
            "is larger than 65536 bytes",
        ),
        (
            "dangling link",
            |file| replace(file, |file| symlink("absent", file).unwrap()),
            "No such file",
        ),
        (
            "loop",
            |file| replace(file, |file| symlink(file, file).unwrap()),
            "cannot be read",
        ),
        (
            "a file for a directory",
            |file| replace(file, |file| symlink("good/x", file).unwrap()),
            "Not a directory",
        ),
    ]
}

fn replace(file: &Path, with: impl FnOnce(&Path)) {
    let _ = fs::remove_file(file);
    with(file);
}

#[test]
fn what_is_wrong_with_a_document_is_wrong_with_it_alone_at_the_start() {
    for (name, damage, expected) in damages() {
        let directory = TempDir::new().unwrap();
        write(directory.path(), "good", "1");
        damage(&directory.path().join("bad"));
        let (stage, log) = logged(|| Stage::open(directory.path()));
        assert_eq!(*stage.arc("good"), "1", "{name}");
        assert!(stage.flaw("bad").contains(expected), "{name}: {}", stage.flaw("bad"));
        assert_eq!(stage.documents.snapshot().names().collect::<Vec<_>>(), ["bad", "good"]);
        assert!(
            log.contains("the document bad") && log.contains(expected),
            "{name}: {log}"
        );
        assert!(
            !format!("{log} {}", stage.flaw("bad")).contains("hunter2"),
            "{name}: {log}"
        );
        assert_eq!(stage.unread(), 1, "{name}");
    }
}

#[test]
fn a_good_document_that_is_damaged_is_bad_from_then_on_and_can_be_mended() {
    for (name, damage, expected) in damages() {
        let directory = TempDir::new().unwrap();
        write(directory.path(), "good", "1");
        write(directory.path(), "a", "before");
        let stage = Stage::open(directory.path());
        damage(&directory.path().join("a"));
        let (_, log) = logged(|| (0..5).for_each(|_| stage.look()));
        assert!(stage.flaw("a").contains(expected), "{name}: {}", stage.flaw("a"));
        assert_eq!((stage.arc("good").as_str(), stage.reloads()), ("1", (0, 1)), "{name}");
        assert_eq!(stage.unread(), 1, "{name}");
        assert_eq!(log.matches(expected).count(), 1, "{name}: told once\n{log}");
        assert!(
            log.contains("changed=\"a\"") && !log.contains("hunter2"),
            "{name}: {log}"
        );
        assert!(stage.reads() <= 3, "{name}: read once, not once a second");
        replace(&directory.path().join("a"), |file| fs::write(file, "after").unwrap());
        (0..2).for_each(|_| stage.look());
        assert_eq!(
            (stage.all(), stage.reloads()),
            (vec!["a=after".into(), "good=1".into()], (1, 1)),
            "{name}"
        );
        assert_eq!(stage.unread(), 0, "{name}");
    }
}

#[test]
fn documents_that_are_no_good_are_counted_until_they_are_mended_or_gone() {
    let volume = TempDir::new().unwrap();
    swap(volume.path(), 0, &[("a", "1"), ("b", "malformed"), ("c", "3")]);
    let stage = Stage::open(volume.path());
    assert_eq!(stage.unread(), 1);
    for (version, texts, expected) in [
        (1, vec![("a", "malformed"), ("b", "malformed"), ("c", "malformed")], 3),
        (2, vec![("a", "malformed, too"), ("b", "2"), ("c", "malformed")], 2),
        (3, vec![("a", "1"), ("b", "2")], 0),
    ] {
        swap(volume.path(), version, &texts);
        (0..3).for_each(|_| stage.look());
        assert_eq!(stage.unread(), expected, "{version}");
    }
}

#[test]
fn a_version_with_a_bad_document_counts_at_once() {
    let volume = TempDir::new().unwrap();
    swap(volume.path(), 0, &[("a", "1"), ("b", "2")]);
    let stage = Stage::open(volume.path());
    swap(volume.path(), 1, &[("a", "malformed"), ("b", "3")]);
    stage.look();
    assert_eq!(stage.all(), ["a!is not what it should be", "b=3"]);
    assert_eq!(stage.reloads(), (1, 1));
}

#[test]
fn what_is_no_file_is_passed_over_and_never_opened() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    write(directory.path(), "a", "1");
    fs::create_dir(path("directory")).unwrap();
    drop(UnixListener::bind(path("socket")).unwrap());
    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    for (name, target) in [
        ("to-directory", "directory"),
        ("to-socket", "socket"),
        ("to-pipe", "pipe"),
        ("to-device", "/dev/zero"),
        ("to-file", "a"),
    ] {
        symlink(target, path(name)).unwrap();
    }
    let stage = Stage::open(directory.path());
    assert_eq!(stage.all(), ["a=1", "to-file=1"]);
    replace(&path("a"), |file| fs::create_dir(file).unwrap());
    (0..2).for_each(|_| stage.look());
    assert!(stage.all().is_empty(), "a directory is no document");
}

#[test]
fn a_document_is_its_file_to_the_byte_but_for_a_mark() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "a", "\u{feff}{\r\n\t\"user\": \"\u{e9}\"\n}\n\n");
    write(directory.path(), "b", "a".repeat(65_536));
    let stage = Stage::open(directory.path());
    assert_eq!(*stage.arc("a"), "{\r\n\t\"user\": \"\u{e9}\"\n}\n\n");
    assert_eq!(stage.arc("b").len(), 65_536);
}

#[test]
fn nothing_shows_what_is_in_a_document() {
    let directory = TempDir::new().unwrap();
    let (_, log) = logged(|| {
        write(directory.path(), "a", "hunter2");
        write(directory.path(), "b", "hunter2, malformed");
        let stage = Stage::open(directory.path());
        write(directory.path(), "a", "hunter2 again");
        write(directory.path(), "c", "hunter2");
        (0..3).for_each(|_| stage.look());
        stage.documents.look_now();
        let known = Default::default();
        let listing = directory::look(directory.path(), &known).unwrap();
        let shown = format!("{:?} {:?} {listing:?}", stage.documents, stage.documents.snapshot());
        assert!(shown.contains("\"a\"") && !shown.contains("hunter2"), "{shown}");
        fs::remove_dir_all(directory.path()).unwrap();
        stage.look();
        stage
    });
    assert!(log.contains("No such file") && log.contains("added=\"c\""), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}
