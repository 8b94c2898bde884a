//! One file, which is read again when it changes.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{exposed, logged, reloads, unread, write};
use crate::{
    documents::WatchedFile,
    files::{tests::swap, watch},
    telemetry::Metrics,
};

struct Stage {
    file: WatchedFile<String>,
    metrics: Arc<Metrics>,
    read: Arc<AtomicUsize>,
}

impl Stage {
    fn try_open(path: &Path) -> anyhow::Result<Self> {
        let (metrics, read) = (Metrics::new("test", "1"), Arc::new(AtomicUsize::new(0)));
        let count = read.clone();
        let reader = move |text: &_| {
            count.fetch_add(1, Ordering::Relaxed);
            let text: String = exposed(text);
            assert!(!text.contains("panic"), "a service's own mistake");
            if text.contains("malformed") {
                return Err("is not what it should be".to_owned());
            }
            Ok(text)
        };
        let file = WatchedFile::unwatched(path, &metrics.tenant("default"), Box::new(reader))?;
        Ok(Self { file, metrics, read })
    }

    fn look_twice(&self) {
        (0..2).for_each(|_| self.file.look());
    }

    /// What is in use, how often something was read, and what was counted: loaded, failed.
    fn state(&self) -> (String, usize, u64, u64) {
        (
            self.file.current().to_string(),
            self.read.load(Ordering::Relaxed),
            reloads(&self.metrics, "loaded"),
            reloads(&self.metrics, "failed"),
        )
    }
}

/// What may be wrong with a list, how to get there, and what is said of it.
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
        (
            "not UTF-8",
            |file| fs::write(file, b"hunter2\xff").unwrap(),
            "is not UTF-8",
        ),
        (
            "large",
            |file| fs::write(file, "a".repeat(1_048_577)).unwrap(),
            "is larger than 1048576 bytes",
        ),
        ("deleted", |file| fs::remove_file(file).unwrap(), "No such file"),
        (
            "directory",
            |file| replace(file, |file| fs::create_dir(file).unwrap()),
            "is a directory",
        ),
        (
            "device",
            |file| replace(file, |file| symlink("/dev/zero", file).unwrap()),
            "is not a regular file",
        ),
        (
            "loop",
            |file| replace(file, |file| symlink(file, file).unwrap()),
            "cannot be read",
        ),
    ]
}

fn replace(file: &Path, with: impl FnOnce(&Path)) {
    if fs::remove_file(file).is_err() {
        let _ = fs::remove_dir(file);
    }
    with(file);
}

#[test]
fn a_list_that_is_no_good_is_told_at_the_start_and_changes_nothing_later() {
    for (name, damage, expected) in damages() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("list");
        fs::write(&path, "good").unwrap();
        let stage = Stage::try_open(&path).unwrap();
        let good = stage.file.current();
        damage(&path);
        let error = format!("{:#}", Stage::try_open(&path).err().unwrap());
        assert!(
            error.contains(path.to_str().unwrap()) && error.contains(expected),
            "{name}: {error}"
        );
        let (_, log) = logged(|| (0..5).for_each(|_| stage.file.look()));
        assert_eq!(
            (log.matches(expected).count(), log.lines().count()),
            (1, 1),
            "{name}: {log}"
        );
        assert!(
            !format!("{log}{error}{:?}", stage.file).contains("hunter2"),
            "{name}: {log}"
        );
        let (text, read, loaded, failed) = stage.state();
        assert_eq!((text.as_str(), loaded, failed), ("good", 0, 1), "{name}");
        assert!(read <= 2, "{name}: read once, not once a second");
        assert_eq!(unread(&stage.metrics), 1, "{name}");
        replace(&path, |file| fs::write(file, "good").unwrap());
        stage.look_twice();
        assert!(
            Arc::ptr_eq(&good, &stage.file.current()),
            "{name}: it is the same again"
        );
        assert_eq!(unread(&stage.metrics), 0, "{name}");
        fs::write(&path, "better").unwrap();
        stage.look_twice();
        assert_eq!(stage.state(), ("better".to_owned(), read + 1, 1, 1), "{name}");
        assert_eq!(unread(&stage.metrics), 0, "{name}");
    }
}

#[test]
fn a_list_that_is_written_in_place_counts_when_it_looks_the_same_twice() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("list");
    fs::write(&path, "\u{feff}old\n").unwrap();
    let stage = Stage::try_open(&path).unwrap();
    for part in ["", "ada", "ada\nmalformed"] {
        fs::write(&path, part).unwrap();
        stage.file.look();
        assert_eq!(stage.state(), ("old\n".to_owned(), 1, 0, 0), "{part}");
    }
    fs::write(&path, "").unwrap();
    stage.look_twice();
    assert_eq!(stage.state(), (String::new(), 2, 1, 0), "a list may be empty");
}

#[test]
fn a_list_in_a_volume_counts_at_once() {
    let volume = TempDir::new().unwrap();
    swap(volume.path(), 0, &[("list", "old")]);
    let stage = Stage::try_open(&volume.path().join("list")).unwrap();
    swap(volume.path(), 1, &[("list", "new")]);
    stage.file.look();
    assert_eq!(stage.state(), ("new".to_owned(), 2, 1, 0));
}

#[test]
fn two_lists_of_a_tenant_are_counted_together() {
    let directory = TempDir::new().unwrap();
    let tenant = Metrics::new("test", "1").tenant("default");
    let files = ["a", "b"].map(|name| {
        write(directory.path(), name, "good");
        WatchedFile::unwatched(
            &directory.path().join(name),
            &tenant,
            Box::new(|text| Ok(exposed(text))),
        )
        .unwrap()
    });
    for (texts, expected) in [
        ([&b"\xff"[..], b"good"], 1),
        ([b"\xff", b"\xff"], 2),
        ([b"good", b"\xff"], 1),
        ([b"good", b"good"], 0),
    ] {
        write(directory.path(), "a", texts[0]);
        write(directory.path(), "b", texts[1]);
        (0..2).for_each(|_| files.iter().for_each(WatchedFile::look));
        assert_eq!(tenant.unread_credentials.get(), expected, "{texts:?}");
    }
}

#[test]
fn the_watch_takes_a_list_over() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "list", "old");
    let metrics = Metrics::new("test", "1");
    let read = |text: &_| Ok(exposed(text));
    let file = WatchedFile::open(&directory.path().join("list"), &metrics.tenant("default"), read).unwrap();
    write(directory.path(), "list", "new");
    let changed = Instant::now();
    while file.clone().current().as_str() != "new" {
        assert!(changed.elapsed() < 3 * watch::PERIOD, "later than promised");
        thread::sleep(Duration::from_millis(10));
    }
}
