use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    panic,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::io::Errno;
use tempfile::TempDir;

use super::{
    MAX_SIZE, Reader, Unreadable, Why, is_public, together,
    watch::{self, Watched},
};

/// What Kubernetes does to a mounted secret when it changes.
pub(crate) fn swap(volume: &Path, version: u32, files: &[(&str, &str)]) {
    let directory = format!("..version-{version}");
    fs::create_dir(volume.join(&directory)).unwrap();
    for (name, content) in files {
        fs::write(volume.join(&directory).join(name), content).unwrap();
        let link = volume.join(name);
        if link.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    let old = fs::read_link(volume.join("..data"));
    std::os::unix::fs::symlink(&directory, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    if let Ok(old) = old {
        fs::remove_dir_all(volume.join(old)).unwrap();
    }
}

fn read(path: &Path) -> Result<String, String> {
    let mut reader = Reader::new(MAX_SIZE);
    reader.read(path).map(str::to_owned).map_err(|what| what.to_string())
}

#[test]
fn files_of_two_directories_are_read_too() {
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = [one.path().join("a"), two.path().join("b")];
    fs::write(&files[0], "one").unwrap();
    let flaw = together(&[&files[0], &files[1]], read).unwrap_err();
    assert!(flaw.index == 1 && flaw.what.contains("No such file"), "{flaw:?}");
    fs::write(&files[1], "two").unwrap();
    let (texts, places) = together(&[&files[0], &files[1]], read).unwrap();
    assert_eq!((texts, places.len()), (vec!["one".to_owned(), "two".to_owned()], 2));
}

#[test]
fn a_file_beside_a_versioned_directory_is_read_where_it_is() {
    let volume = TempDir::new().unwrap();
    fs::create_dir(volume.path().join("..data")).unwrap();
    fs::write(volume.path().join("token"), "here").unwrap();
    assert!(together(&[&volume.path().join("token")], read).is_ok());
}

#[test]
fn one_text_leaves_nothing_in_the_next() {
    let directory = TempDir::new().unwrap();
    let (long, short) = (directory.path().join("long"), directory.path().join("short"));
    fs::write(&long, "a longer text\n").unwrap();
    fs::write(&short, "short").unwrap();
    let mut reader = Reader::new(16);
    assert_eq!(reader.read(&long).unwrap(), "a longer text\n");
    assert_eq!(reader.read(&short).unwrap(), "short");
    fs::write(&short, "seventeen letters").unwrap();
    assert!(
        reader
            .read(&short)
            .unwrap_err()
            .to_string()
            .contains("is larger than 16 bytes")
    );
}

#[test]
fn only_everybodys_files_are_public() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "x").unwrap();
    for (mode, public) in [
        (0o400, false),
        (0o440, false),
        (0o640, false),
        (0o604, true),
        (0o644, true),
        (0o601, true),
    ] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(is_public(&file), public, "{mode:o}");
    }
}

#[test]
fn a_systems_trouble_is_not_a_files() {
    let why = |errno| Unreadable::from(io::Error::from(errno)).why;
    for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::STALE, Errno::NOTCONN] {
        assert_eq!(why(errno), Why::Trouble, "{errno}");
    }
    for errno in [
        Errno::NOENT,
        Errno::ACCESS,
        Errno::PERM,
        Errno::LOOP,
        Errno::NAMETOOLONG,
        Errno::IO,
    ] {
        assert_eq!(why(errno), Why::Barred, "{errno}");
    }
}

/// Panics at every look, which it counts.
struct Mistaken(AtomicUsize);

impl Watched for Mistaken {
    fn look(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        // As a panic does, but without its report.
        panic::resume_unwind(Box::new("a mistake"));
    }
}

#[test]
fn the_watch_outlives_a_panic() {
    let mistaken = Arc::new(Mistaken(AtomicUsize::new(0)));
    watch::begin(&mistaken).unwrap();
    let begun = Instant::now();
    while mistaken.0.load(Ordering::Relaxed) < 2 {
        assert!(begun.elapsed() < 4 * watch::PERIOD, "it looked once and never again");
        thread::sleep(Duration::from_millis(10));
    }
}
