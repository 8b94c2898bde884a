//! What only this user may read: the temporary directory of one run, and what is in it.

use std::fs::{OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

pub(crate) fn private_directory() -> anyhow::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("nbgate-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .context("cannot make a temporary directory")
}

/// Without a newline at the end: the Python snippet puts the token into a header as it is.
pub(crate) fn write_private(directory: &Path, name: &str, content: &str) -> anyhow::Result<PathBuf> {
    let path = directory.join(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(content.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
