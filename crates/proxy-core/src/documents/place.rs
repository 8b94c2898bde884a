//! Which directory counts.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::files::{DATA, unreadable};

/// The directory that holds the documents at a moment; another one under the same name is another place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    device: u64,
    inode: u64,
    /// It is what `..data` points at: nobody writes into it, it is replaced.
    pub(super) versioned: bool,
}

impl Place {
    /// What `directory` is now: the version that its `..data` points at, or itself.
    pub(super) fn of(directory: &Path) -> Result<Self, String> {
        let (path, versioned, metadata) = find(directory).map_err(|error| unreadable(&error))?;
        if !metadata.is_dir() {
            return Err("is not a directory: name the one that holds the files".to_owned());
        }
        Ok(Self {
            path,
            device: metadata.dev(),
            inode: metadata.ino(),
            versioned,
        })
    }
}

fn find(directory: &Path) -> io::Result<(PathBuf, bool, fs::Metadata)> {
    let data = directory.join(DATA);
    let versioned = match data.symlink_metadata() {
        Ok(metadata) => metadata.is_symlink(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => false,
        Err(error) => return Err(error),
    };
    let path = fs::canonicalize(if versioned { &data } else { directory })?;
    let metadata = fs::metadata(&path)?;
    Ok((path, versioned, metadata))
}
