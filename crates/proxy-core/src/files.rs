//! Files that change while what they hold is in use: how they are read, and what change counts when.
//!
//! Kubernetes renews a secret by pointing the symbolic link `..data` of its directory at a new directory. What is read is
//! therefore read below what `..data` pointed at when the reading began, so no two files of it are ever of two different
//! versions; if it points elsewhere afterwards, everything is read again. A file that somebody writes in place has no
//! such moment: it counts when it looks the same twice.
//!
//! **Invariant**: nothing that this module says repeats a byte of a file's content, and it keeps no content.

mod followed;
mod mark;
mod reader;
mod volume;
pub(crate) mod watch;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

pub(crate) use self::{
    followed::{Followed, Told},
    mark::Mark,
    reader::{MAX_SIZE, Reader, Unreadable, Why, unreadable},
    volume::{DATA, FASTER, Flaw, steady, together, version},
};

/// Whether users that have nothing to do with the service may read the file. Its group may: that is how Kubernetes hands
/// a secret to a process that is not root (`fsGroup`).
pub(crate) fn is_public(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
}

#[cfg(test)]
pub(crate) mod tests;
