//! Files as they were at one moment, though somebody may be changing them.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::unreadable;

/// The link that Kubernetes points at the version of a volume that counts.
pub(crate) const DATA: &str = "..data";
/// How often files that change meanwhile are read again.
const ATTEMPTS: usize = 50;
/// What lies between two of them: whoever is changing the files has time to finish.
const BETWEEN: Duration = Duration::from_millis(1);
/// What is said of files that were never the same for long enough.
pub(crate) const FASTER: &str = "changes faster than it can be read";

/// What the `..data` of a directory says, if it has one. Two failures to follow it are one only if that is the same.
pub(crate) fn version(directory: &Path) -> Option<PathBuf> {
    fs::read_link(directory.join(DATA)).ok()
}

/// What is wrong with which of the files.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) index: usize,
    pub(crate) what: String,
}

/// What `read` makes of a place that is the same before and after, with the place. What it found in one that was replaced
/// meanwhile, errors too, is not believed. `None`: every attempt was in vain.
pub(crate) fn steady<P: PartialEq, R>(mut place: impl FnMut() -> P, mut read: impl FnMut(&P) -> R) -> Option<(P, R)> {
    for _ in 0..ATTEMPTS {
        let before = place();
        let read = read(&before);
        if place() == before {
            return Some((before, read));
        }
        thread::sleep(BETWEEN);
    }
    None
}

/// What `read` makes of each of `paths`, all in one state, and where they really were.
pub(crate) fn together<R>(
    paths: &[&Path],
    mut read: impl FnMut(&Path) -> Result<R, String>,
) -> Result<(Vec<R>, Vec<PathBuf>), Flaw> {
    let versions = || paths.iter().map(|path| version(directory(path))).collect::<Vec<_>>();
    let all = |(_, places): &(_, Vec<Result<PathBuf, String>>)| {
        let each = places.iter().enumerate().map(|(index, place)| {
            let read = place.as_ref().map_err(Clone::clone).and_then(|place| read(place));
            read.map_err(|what| Flaw { index, what })
        });
        each.collect::<Result<Vec<R>, Flaw>>()
    };
    let ((_, places), read) = steady(|| (versions(), places(paths)), all).ok_or_else(|| Flaw {
        index: 0,
        what: FASTER.to_owned(),
    })?;
    read.map(|read| (read, places.into_iter().filter_map(Result::ok).collect()))
}

/// Where the files really are: below what each directory's `..data` points at, if there is one.
fn places(paths: &[&Path]) -> Vec<Result<PathBuf, String>> {
    let mut volumes: HashMap<&Path, Option<PathBuf>> = HashMap::new();
    let mut places = Vec::new();
    for path in paths {
        let directory = directory(path);
        let volume = volumes
            .entry(directory)
            .or_insert_with(|| fs::canonicalize(directory.join(DATA)).ok());
        let versioned = volume
            .as_ref()
            .zip(path.file_name())
            .map(|(volume, name)| volume.join(name));
        let place = versioned
            .filter(|path| path.symlink_metadata().is_ok())
            .unwrap_or_else(|| path.to_path_buf());
        places.push(fs::canonicalize(place).map_err(|error| unreadable(&error)));
    }
    places
}

fn directory(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}
