//! Reads files that belong together, such as those of one credential, as they were at one moment.
//!
//! Kubernetes renews a secret by pointing the symbolic link `..data` of its directory at a new directory. All files of a
//! directory are therefore read below what `..data` pointed at when the reading began, so user and password are never of
//! two different versions; if it points elsewhere afterwards, everything is read again.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{SecretString, zeroize::Zeroizing};

/// Largest file, in bytes.
const MAX_SIZE: u64 = 64 * 1024;
/// How often files that change meanwhile are read again.
const ATTEMPTS: usize = 50;
/// What lies between two of them: whoever is changing the files has time to finish.
const BETWEEN: Duration = Duration::from_millis(1);

/// What was read, and where it really was.
#[derive(Debug)]
pub(crate) struct Snapshot<T> {
    pub(crate) contents: Vec<T>,
    pub(crate) places: Vec<PathBuf>,
}

/// What is wrong with which of the files.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) index: usize,
    pub(crate) what: String,
}

/// Reads the secrets in all of `paths` in one state.
pub(super) fn read(paths: &[&Path]) -> Result<Snapshot<SecretString>, Flaw> {
    read_each(paths, read_one)
}

/// Reads all of `paths` in one state, each with `read`.
pub(crate) fn read_each<T>(paths: &[&Path], read: impl Fn(&Path) -> Result<T, String>) -> Result<Snapshot<T>, Flaw> {
    for _ in 0..ATTEMPTS {
        let before = places(paths);
        let contents = before.iter().enumerate().map(|(index, place)| {
            let content = place.as_ref().map_err(Clone::clone).and_then(|place| read(place));
            content.map_err(|what| Flaw { index, what })
        });
        let contents: Result<Vec<T>, Flaw> = contents.collect();
        // An error, too, is believed only if it is not one of a directory that was just replaced.
        if places(paths) == before {
            let places = before.into_iter().filter_map(Result::ok).collect();
            return contents.map(|contents| Snapshot { contents, places });
        }
        std::thread::sleep(BETWEEN);
    }
    Err(Flaw {
        index: 0,
        what: "changes faster than it can be read".to_owned(),
    })
}

/// Where the files really are: below what each directory's `..data` points at, if there is one.
fn places(paths: &[&Path]) -> Vec<Result<PathBuf, String>> {
    let mut volumes: HashMap<&Path, Option<PathBuf>> = HashMap::new();
    let mut places = Vec::new();
    for path in paths {
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let volume = volumes
            .entry(directory)
            .or_insert_with(|| fs::canonicalize(directory.join("..data")).ok());
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

pub(super) fn read_one(path: &Path) -> Result<SecretString, String> {
    let bytes = read_bytes(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "is not UTF-8: write the secret as text".to_owned())?;
    clean(text)
}

/// All that is in a file, if it is one and not too large.
pub(crate) fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    // Looked at before it is opened: opening a named pipe waits for somebody to write into it.
    suits(&fs::metadata(path).map_err(|error| unreadable(&error))?)?;
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    suits(&file.metadata().map_err(|error| unreadable(&error))?)?;
    // Large enough from the start: a buffer that grows leaves copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SIZE as usize + 64));
    file.take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(too_large());
    }
    Ok(bytes)
}

/// The secret of a file or variable, without what editors and templates put around it.
pub(super) fn clean(text: &str) -> Result<SecretString, String> {
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err("is empty: write the secret into it".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err(
            "holds a line break or another control character within the secret: write the secret alone into it"
                .to_owned(),
        );
    }
    Ok(SecretString::from(text))
}

fn suits(metadata: &fs::Metadata) -> Result<(), String> {
    match metadata {
        _ if metadata.is_dir() => Err("is a directory: name a file in it".to_owned()),
        _ if !metadata.is_file() => Err("is not a regular file: name one".to_owned()),
        _ if metadata.len() > MAX_SIZE => Err(too_large()),
        _ => Ok(()),
    }
}

/// Whether users that have nothing to do with the service may read the file. Its group may: that is how Kubernetes hands
/// a secret to a process that is not root (`fsGroup`).
pub(crate) fn is_public(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
}

fn too_large() -> String {
    format!("is larger than {MAX_SIZE} bytes: name a file that holds nothing else")
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read ({error}): check the name, and who may read it")
}

#[cfg(test)]
mod tests;
