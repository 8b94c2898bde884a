//! Reads small text files.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use rustix::io::Errno;
use secrecy::zeroize::Zeroizing;

/// Largest file of a secret, in bytes.
pub(crate) const MAX_SIZE: u64 = 64 * 1024;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) why: Why,
    what: String,
}

/// What has to happen before it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The file has to change.
    Unfit,
    /// What leads to it has to: it is missing, or closed to us. The file itself may stay as it is.
    Barred,
    /// The system has to recover: it reads no files just now, or none of this file system.
    Trouble,
}

impl Unreadable {
    pub(crate) fn unfit(what: impl Into<String>) -> Self {
        Self {
            why: Why::Unfit,
            what: what.into(),
        }
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        let why = match Errno::from_io_error(&error) {
            Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::STALE | Errno::NOTCONN | Errno::TIMEDOUT) => {
                Why::Trouble
            }
            _ => Why::Barred,
        };
        let what = unreadable(&error);
        Self { why, what }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

/// Reads one file after the other into the same memory, which is wiped in the end.
pub(crate) struct Reader {
    bytes: Zeroizing<Vec<u8>>,
    limit: u64,
}

impl Reader {
    /// For files of at most `limit` bytes.
    pub(crate) fn new(limit: u64) -> Self {
        // Large enough from the start: a buffer that grows leaves copies behind that nobody wipes.
        let bytes = Zeroizing::new(Vec::with_capacity(limit as usize + 64));
        Self { bytes, limit }
    }

    /// The text in a file, to the byte.
    pub(crate) fn read(&mut self, path: &Path) -> Result<&str, Unreadable> {
        // Looked at before it is opened: opening a named pipe waits for somebody to write into it.
        self.suits(&fs::metadata(path)?)?;
        let file = File::open(path)?;
        self.suits(&file.metadata()?)?;
        self.bytes.clear();
        file.take(self.limit + 1).read_to_end(&mut self.bytes)?;
        if self.bytes.len() as u64 > self.limit {
            return Err(self.too_large());
        }
        std::str::from_utf8(&self.bytes).map_err(|_| Unreadable::unfit("is not UTF-8: write it as text"))
    }

    fn suits(&self, metadata: &fs::Metadata) -> Result<(), Unreadable> {
        match metadata {
            _ if metadata.is_dir() => Err(Unreadable::unfit("is a directory: name a file in it")),
            _ if !metadata.is_file() => Err(Unreadable::unfit("is not a regular file: name one")),
            _ if metadata.len() > self.limit => Err(self.too_large()),
            _ => Ok(()),
        }
    }

    fn too_large(&self) -> Unreadable {
        Unreadable::unfit(format!(
            "is larger than {} bytes: make it smaller, or name the right one",
            self.limit
        ))
    }
}

/// What is said of what the file system refuses.
pub(crate) fn unreadable(error: &io::Error) -> String {
    format!("cannot be read ({error}): check the name, and who may read it")
}
