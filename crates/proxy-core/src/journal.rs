//! What has to be done even if the process dies first: a set of short texts, on disk before anything depends on it.
//!
//! A line for each change is appended and synced; when most lines say nothing any more, the set is written anew beside the file
//! and takes its place. Several processes may be given one directory: each has a file of its own there, held by a lock that the
//! system gives back whatever becomes of the process, and takes over what dead ones have left: at its start, and when it is told to.
//!
//! **Invariant**: what was added and not removed is there after a crash, whatever line the crash tore. A disk that takes
//! nothing is told of and counted, and stops nobody: what is known is then written as a whole when the disk takes it again.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;

use crate::telemetry::Metrics;

/// Most processes that share a directory.
const MAX_FILES: usize = 64;
/// Lines that may say nothing before the file is written anew.
const SPARE: usize = 1_000;

/// The journal of one process.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    name: String,
    inner: Mutex<Inner>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    entries: HashSet<String>,
    file: File,
    lines: usize,
    /// The file does not say what `entries` does.
    behind: bool,
    /// Held for as long as the journal is.
    _lock: File,
}

impl Journal {
    /// Opens a journal in `directory`, which is made if it is not there, and returns what is left of earlier ones.
    ///
    /// # Errors
    /// The directory or a file in it cannot be read or made, or has as many journals in use as it may have.
    pub fn open(directory: &Path, name: &str, metrics: &Arc<Metrics>) -> anyhow::Result<(Self, Vec<String>)> {
        let what = || format!("the journal in {}", directory.display());
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(what)?;
        let mut own = None;
        let (mut entries, mut orphans) = (HashSet::new(), Vec::new());
        for number in 0..MAX_FILES {
            let files = Files::new(directory, name, number);
            if own.is_some() && !files.lock.exists() {
                continue;
            }
            let Some((lock, left)) = files.take().with_context(what)? else {
                continue;
            };
            entries.extend(left);
            match own {
                None => own = Some((files.journal, lock)),
                Some(_) => orphans.push((files.journal, lock)),
            }
        }
        let (path, lock) = own.with_context(|| {
            format!(
                "{} is in use by {MAX_FILES} other processes: give each a directory of its own",
                directory.display()
            )
        })?;
        let file = append_to(&path).with_context(what)?;
        let mut inner = Inner {
            path,
            entries,
            file,
            lines: 0,
            behind: true,
            _lock: lock,
        };
        inner.take_over(&orphans);
        let left = inner.entries.iter().cloned().collect();
        let journal = Self {
            directory: directory.to_owned(),
            name: name.to_owned(),
            inner: Mutex::new(inner),
            metrics: metrics.clone(),
        };
        Ok((journal, left))
    }

    /// Notes `entry`, one line of text. It is on disk when this returns, unless the disk takes nothing. Blocks.
    pub fn add(&self, entry: &str) {
        self.change(entry, '+');
    }

    /// Notes that `entry` is done with. Blocks.
    pub fn remove(&self, entry: &str) {
        self.change(entry, '-');
    }

    /// Takes over what others of the same directory have left that have died since, and returns what of it is new. Blocks.
    pub fn adopt(&self) -> Vec<String> {
        let mut inner = self.inner();
        let (mut new, mut orphans) = (Vec::new(), Vec::new());
        for number in 0..MAX_FILES {
            let files = Files::new(&self.directory, &self.name, number);
            if files.journal == inner.path || !files.say_something() {
                continue;
            }
            match files.take() {
                Ok(None) => {} // it is alive
                Ok(Some((lock, left))) => {
                    new.extend(left.into_iter().filter(|entry| inner.entries.insert(entry.clone())));
                    orphans.push((files.journal, lock));
                }
                Err(error) => {
                    tracing::warn!(%error, path = %files.journal.display(), "a dead process's journal cannot be read");
                }
            }
        }
        if !orphans.is_empty() {
            inner.take_over(&orphans);
        }
        new
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, entry: &str, sign: char) {
        let mut inner = self.inner();
        let changed = match sign {
            '+' => inner.entries.insert(entry.to_owned()),
            _ => inner.entries.remove(entry),
        };
        if !changed {
            return;
        }
        let written = inner.write(&format!("{sign} {entry}\n"));
        self.metrics.journal_write(written.is_ok());
        if let Err(error) = written {
            let path = inner.path.display();
            tracing::error!(%error, %path, "the journal cannot be written: what a crash would lose is more than nothing");
        }
    }
}

/// The files of one process.
struct Files {
    journal: PathBuf,
    lock: PathBuf,
}

impl Files {
    fn new(directory: &Path, name: &str, number: usize) -> Self {
        let path = |kind: &str| directory.join(format!("{name}-{number}.{kind}"));
        Self {
            journal: path("journal"),
            lock: path("lock"),
        }
    }

    fn say_something(&self) -> bool {
        fs::metadata(&self.journal).is_ok_and(|file| file.len() > 0)
    }

    /// The lock, and what is left. `None`: another process has them.
    fn take(&self) -> io::Result<Option<(File, HashSet<String>)>> {
        match try_lock(&self.lock)? {
            Some(lock) => Ok(Some((lock, read(&self.journal)?))),
            None => Ok(None),
        }
    }
}

impl Inner {
    /// Writes what is known; those whose entries are in it by now are emptied only then.
    fn take_over(&mut self, orphans: &[(PathBuf, File)]) {
        match self.rewrite() {
            Ok(()) => orphans.iter().for_each(|(journal, _)| drop(File::create(journal))),
            Err(error) => tracing::warn!(%error, path = %self.path.display(), "the journal cannot be written"),
        }
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        if self.behind || self.lines > 2 * self.entries.len() + SPARE {
            return self.rewrite();
        }
        let written = self
            .file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_data());
        self.lines += 1;
        self.behind = written.is_err();
        written
    }

    /// All of it anew, in the old file's place.
    fn rewrite(&mut self) -> io::Result<()> {
        self.behind = true;
        let text: String = self.entries.iter().map(|entry| format!("+ {entry}\n")).collect();
        let beside = self.path.with_extension("new");
        let mut file = private().write(true).truncate(true).create(true).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        if let Some(directory) = self.path.parent() {
            File::open(directory)?.sync_all()?;
        }
        self.file = append_to(&self.path)?;
        self.lines = self.entries.len();
        self.behind = false;
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    private().append(true).create(true).open(path)
}

/// Who is told of what is nobody else's business.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// `None`: another process has it.
fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = append_to(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The entries that a file leaves. A line that was torn, or is no line of ours, says nothing.
fn read(path: &Path) -> io::Result<HashSet<String>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
        read => read?,
    };
    let mut entries = HashSet::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
        match line.and_then(|line| line.split_at_checked(2)) {
            Some(("+ ", entry)) => drop(entries.insert(entry.to_owned())),
            Some(("- ", entry)) => drop(entries.remove(entry)),
            _ => {
                tracing::warn!(path = %path.display(), "a line of the journal cannot be read: it was torn by a crash, or the disk was full")
            }
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests;
