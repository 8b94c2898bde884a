//! One file that is read again when it changes.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, anyhow};
use arc_swap::ArcSwap;
use secrecy::SecretString;

use super::guarded;
use crate::{
    files::{
        self, Followed, Mark, Reader, Told,
        watch::{self, Watched},
    },
    telemetry::TenantMetrics,
};

/// Largest file, in bytes: as much as Kubernetes puts into one secret or configuration map.
const MAX_SIZE: u64 = 1024 * 1024;

/// One file that is read again when it changes, such as a list of keys or of revocations. Cheap to clone; workers share
/// it.
///
/// The file is UTF-8 of at most 1 MiB; a byte order mark is taken off. An empty one is a text like any other: a list may
/// be empty, and where it may not, `read` has to say so.
pub struct WatchedFile<T>(Arc<Shared<T>>);

pub(super) type Read<T> = dyn Fn(&SecretString) -> Result<T, String> + Send + Sync;
/// The text, and where it was.
type Found = Result<(SecretString, Vec<PathBuf>), String>;

struct Shared<T> {
    path: PathBuf,
    metrics: TenantMetrics,
    read: Box<Read<T>>,
    current: ArcSwap<T>,
    last: Mutex<Last>,
}

/// What was seen when the file was looked at last, what was made of it, and what was said of it.
struct Last {
    file: Followed,
    /// Of what is in use.
    good: Mark,
    /// Of what was refused since, and why.
    refused: Option<(Mark, String)>,
    told: Told,
}

impl<T: Send + Sync + 'static> WatchedFile<T> {
    /// Reads the file and begins to watch it: a change is in use within two seconds, one in place when it looks the same
    /// twice. What is no good then (gone, unreadable, refused) changes nothing but a metric and a line of the log.
    ///
    /// `read` makes something of the whole text. It is called once for each changed content; its error says what is
    /// wrong, is logged, and so must not repeat any of the text.
    ///
    /// # Errors
    /// There is no such file, or it is no good: the error names it.
    pub fn open(
        path: &Path,
        tenant: &TenantMetrics,
        read: impl Fn(&SecretString) -> Result<T, String> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::read(path, tenant, Box::new(read))?);
        watch::begin(&shared).context("no thread to watch files can be had")?;
        Ok(Self(shared))
    }

    /// What was made of the file as it is now. Neither waits nor reads.
    #[must_use]
    pub fn current(&self) -> Arc<T> {
        self.0.current.load_full()
    }

    /// One that looks only when it is told to.
    #[cfg(test)]
    pub(super) fn unwatched(path: &Path, tenant: &TenantMetrics, read: Box<Read<T>>) -> anyhow::Result<Self> {
        Shared::read(path, tenant, read).map(|shared| Self(Arc::new(shared)))
    }

    #[cfg(test)]
    pub(super) fn look(&self) {
        self.0.look();
    }
}

impl<T> Clone for WatchedFile<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for WatchedFile<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WatchedFile({})", self.0.path.display())
    }
}

impl<T: Send + Sync> Watched for Shared<T> {
    fn look(&self) {
        // Only the thread that watches looks.
        let last = &mut *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last.file.settled(text_of(&self.path), Mark::of_secret, true) {
            Some(Ok(text)) => self.take_over(last, &text),
            Some(Err(what)) => self.complain(&mut last.told, &what),
            None => {}
        }
    }
}

impl<T> Shared<T> {
    fn read(path: &Path, metrics: &TenantMetrics, read: Box<Read<T>>) -> anyhow::Result<Self> {
        let named = |what: String| anyhow!("the file {} {what}", path.display());
        let (text, places) = text_of(path).map_err(named)?;
        let current = guarded(|| read(&text)).map_err(named)?;
        if files::is_public(path) {
            tracing::warn!(tenant = metrics.tenant(), file = %path.display(), "everybody on this machine may read this file: if it holds secrets, set its mode to 0400 or 0440");
        }
        let last = Last {
            file: Followed::at(places),
            good: Mark::of_secret(&text),
            refused: None,
            told: Told::nothing(&metrics.unread_credentials),
        };
        Ok(Self {
            path: path.to_owned(),
            metrics: metrics.clone(),
            read,
            current: ArcSwap::from_pointee(current),
            last: Mutex::new(last),
        })
    }

    fn take_over(&self, last: &mut Last, text: &SecretString) {
        let mark = Mark::of_secret(text);
        if mark == last.good {
            last.told.clear();
            return;
        }
        if let Some((refused, what)) = &last.refused
            && *refused == mark
        {
            return self.complain(&mut last.told, what);
        }
        match guarded(|| (self.read)(text)) {
            Ok(next) => {
                self.current.store(Arc::new(next));
                last.good = mark;
                last.told.clear();
                let tenant = self.metrics.tenant();
                tracing::info!(tenant, file = %self.path.display(), "the file has changed");
                self.metrics.all().credential_reload(tenant, true);
            }
            Err(what) => {
                self.complain(&mut last.told, &what);
                last.refused = Some((mark, what));
            }
        }
    }

    fn complain(&self, told: &mut Told, what: &str) {
        if told.is_news(what) {
            let (tenant, file) = (self.metrics.tenant(), self.path.display());
            tracing::warn!(tenant, "the file {file} {what}; what was read before stays in use");
            self.metrics.all().credential_reload(tenant, false);
        }
    }
}

fn text_of(path: &Path) -> Found {
    let read = |place: &Path| {
        let mut reader = Reader::new(MAX_SIZE);
        let text = reader.read(place).map_err(|what| what.to_string())?;
        Ok(SecretString::from(text.strip_prefix('\u{feff}').unwrap_or(text)))
    };
    let (texts, places) = files::together(&[path], read).map_err(|flaw| flaw.what)?;
    let text = texts.into_iter().next().expect("one file has one text");
    Ok((text, places))
}
