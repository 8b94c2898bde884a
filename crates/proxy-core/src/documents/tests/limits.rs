//! How many, how large, and under which names.

use std::{
    fs,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{Stage, logged, write};

#[test]
fn names_that_no_document_can_have_are_passed_over_with_one_warning() {
    let directory = TempDir::new().unwrap();
    let longest = "n".repeat(128);
    for name in ["a", "A.b_c-9", "-", "_", "0", "a..b", longest.as_str()] {
        write(directory.path(), name, "good");
    }
    for name in [".swp", ".", "..", "..2024_11_25", ".gitkeep", "...", ".-"] {
        let _ = fs::write(directory.path().join(name), "hidden");
    }
    for name in ["b c", "b%20c", "\u{e9}", "x\ny", "a:b", "a~", &"n".repeat(129)] {
        write(directory.path(), name, "odd");
    }
    fs::create_dir(directory.path().join("lost+found")).unwrap();
    let (stage, log) = logged(|| {
        let stage = Stage::open(directory.path());
        (0..3).for_each(|_| stage.look());
        stage
    });
    let names: Vec<String> = stage.documents.snapshot().names().map(str::to_owned).collect();
    assert_eq!(names, ["-", "0", "A.b_c-9", "_", "a", "a..b", longest.as_str()]);
    assert_eq!(log.matches("passed over").count(), 1, "{log}");
    assert!(log.contains("count=7") && log.contains("first=\"a:b\""), "{log}");
    write(directory.path(), "what?", "odd");
    let (_, log) = logged(|| (0..3).for_each(|_| stage.look()));
    assert!(
        log.matches("passed over").count() == 1 && log.contains("count=8"),
        "{log}"
    );
}

#[test]
fn ten_thousand_documents_are_read_in_seconds_and_one_more_is_too_many() {
    let directory = TempDir::new().unwrap();
    for number in 0..10_000 {
        write(
            directory.path(),
            &format!("key-{number}"),
            format!("{{\"number\": {number:0>1000}}}"),
        );
    }
    let (begun, before) = (Instant::now(), memory());
    let (stage, log) = logged(|| Stage::open(directory.path()));
    let (took, grown) = (begun.elapsed(), memory().saturating_sub(before));
    assert_eq!(
        (stage.documents.snapshot().iter().len(), stage.reads()),
        (10_000, 10_000)
    );
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(grown < 200 << 20, "{grown} bytes");
    assert!(log.contains("documents=10000") && log.len() < 2000, "{log}");

    let begun = Instant::now();
    stage.look();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(stage.reads(), 10_000);
    write(directory.path(), "one-more", "1");
    let (_, log) = logged(|| (0..3).for_each(|_| stage.look()));
    assert_eq!(log.matches("holds more than 10000 files").count(), 1, "{log}");
    assert_eq!(
        (stage.documents.snapshot().names().len(), stage.reloads()),
        (10_000, (0, 1))
    );
    let error = Stage::try_open(directory.path()).err().unwrap().to_string();
    assert!(error.contains("holds more than 10000 files"), "{error}");

    for number in 100..10_000 {
        fs::remove_file(directory.path().join(format!("key-{number}"))).unwrap();
    }
    let (_, log) = logged(|| (0..2).for_each(|_| stage.look()));
    assert!(
        log.contains(" and 9890 more") && log.len() < 2000,
        "a line has an end: {log}"
    );
    assert_eq!(
        (stage.documents.snapshot().names().len(), stage.reloads()),
        (101, (1, 1))
    );
}

#[test]
fn more_than_64_mebibytes_change_nothing() {
    let directory = TempDir::new().unwrap();
    let large = "a".repeat(65_536);
    for number in 0..1024 {
        write(directory.path(), &format!("key-{number}"), &large);
    }
    write(directory.path(), "too-large", large.repeat(2));
    let stage = Stage::open(directory.path());
    assert_eq!(
        stage.documents.snapshot().names().len(),
        1025,
        "what is not read does not count"
    );
    write(directory.path(), "z", "1");
    let (_, log) = logged(|| (0..3).for_each(|_| stage.look()));
    assert_eq!(log.matches("holds more than 67108864 bytes").count(), 1, "{log}");
    assert_eq!(
        (stage.documents.snapshot().names().len(), stage.reloads()),
        (1025, (0, 1))
    );
    fs::remove_file(directory.path().join("key-0")).unwrap();
    (0..2).for_each(|_| stage.look());
    assert!(stage.documents.snapshot().get("z").is_some() && stage.documents.snapshot().get("key-0").is_none());
}

/// Resident bytes of this process.
fn memory() -> u64 {
    let statistics = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statistics.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
