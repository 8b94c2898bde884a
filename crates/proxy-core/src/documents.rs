//! Documents that a service hands out or goes by: a directory with a file for each, or one file with a list.
//!
//! It decides when what is on disk counts and keeps what was made of it. What a document means is the service's to say.
//! Which files change how, and what Kubernetes does to them: `files`.
//!
//! **Invariant**: a snapshot never mixes two versions of a `..data` volume, and whoever asks for one waits for no file and
//! no lock. A document that is no good is no good alone; a directory that cannot be read changes nothing. What is logged
//! are names, never content.

mod directory;
mod fields;
mod file;
mod looks;
mod place;
mod report;
mod snapshot;
mod state;
mod turns;

use std::{
    fmt,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use arc_swap::ArcSwap;
use secrecy::SecretString;

use self::{
    directory::Listing,
    state::{Changes, State},
    turns::Turns,
};
pub use self::{
    directory::is_name,
    fields::{Address, Fields},
    file::WatchedFile,
    snapshot::Snapshot,
};
use crate::{
    files::{
        Told,
        watch::{self, Watched},
    },
    telemetry::TenantMetrics,
};

/// How long [`Documents::look_now`] waits for somebody else's look: a file system that hangs keeps one thread, not all.
const PATIENCE: Duration = Duration::from_secs(5);
/// What lies between the two looks of [`Documents::look_now`]: longer than the clock of a file system takes for a step.
const TWICE: Duration = Duration::from_millis(20);

/// A directory of documents: one file each, such as a mounted Kubernetes secret. Cheap to clone; workers share it.
///
/// A document's name is its file's: 1 to 128 letters, digits, `.`, `_` and `-`, the first no dot. Symbolic links are
/// followed. Directories and whatever else is no file are passed over. A document is UTF-8 of at most 64 KiB and not
/// empty; a byte order mark is taken off. There are at most 10 000, of 64 MiB in all.
pub struct Documents<T>(Arc<Shared<T>>);

type Read<T> = dyn Fn(&str, &SecretString) -> Result<T, String> + Send + Sync;

struct Shared<T> {
    directory: PathBuf,
    metrics: TenantMetrics,
    read: Box<Read<T>>,
    current: ArcSwap<Snapshot<T>>,
    turns: Turns<State>,
}

impl<T: Send + Sync + 'static> Documents<T> {
    /// Reads all documents and begins to watch them: a change is in use within two seconds.
    ///
    /// `read` makes something of one document, from its name and its whole text. It is called once for each changed
    /// content, by the thread that watches or one that waits in [`Documents::look_now`]. What it refuses is no good
    /// alone; its error says what is wrong, is logged, and so must not repeat any of the text.
    ///
    /// # Errors
    /// The directory cannot be read, or holds too much: the error names it.
    pub fn open(
        directory: &Path,
        tenant: &TenantMetrics,
        read: impl Fn(&str, &SecretString) -> Result<T, String> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::read(directory, tenant, Box::new(read))?);
        watch::begin(&shared).context("no thread to watch documents can be had")?;
        Ok(Self(shared))
    }

    /// The documents as of now. Neither waits nor reads: the snapshot stays what it is, and all of it belongs together.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot<T>> {
        self.0.current.load_full()
    }

    /// Looks at the files now, for a credential that was just rejected: what is newer on disk is in the next snapshot.
    ///
    /// Reads files and sleeps (20 ms, where somebody writes in place), so call it by `web::block` and never in a worker's
    /// own thread. One look at a time: who comes meanwhile waits for one that began after he came. If the file system
    /// hangs, one caller's thread hangs with it; the others give up after 5 s, and the snapshot stays as it was.
    pub fn look_now(&self) {
        self.0.turns.after_now(PATIENCE, |state| {
            self.0.look_again(state);
            if state.has_pending() {
                thread::sleep(TWICE);
                self.0.look_again(state);
            }
        });
    }
}

impl<T> Clone for Documents<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Documents<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Documents({}: {:?})",
            self.0.directory.display(),
            self.0.current.load()
        )
    }
}

impl<T: Send + Sync> Watched for Shared<T> {
    fn look(&self) {
        // Whoever looks just now sees as much, and if the file system hangs, other files still have to be looked at.
        self.turns.if_free(|state| self.look_again(state));
    }
}

impl<T> Shared<T> {
    fn read(directory: &Path, metrics: &TenantMetrics, read: Box<Read<T>>) -> anyhow::Result<Self> {
        let mut state = State::new(Told::nothing(&metrics.unread_credentials));
        let listing = directory::look(directory, &state.known)
            .map_err(|what| anyhow!("the directory of documents {} {what}", directory.display()))?;
        let changes = listing.map(|listing| settle(metrics, directory, &mut state, listing, true));
        let changes = changes.unwrap_or_default();
        let (snapshot, report) = Snapshot::default().with(changes, |name, text| guarded(|| read(name, text)));
        report.begin(metrics.tenant(), directory);
        metrics.unread_credentials.add(snapshot.bad());
        Ok(Self {
            directory: directory.to_owned(),
            metrics: metrics.clone(),
            read,
            current: ArcSwap::from_pointee(snapshot),
            turns: Turns::new(state),
        })
    }

    fn look_again(&self, state: &mut State) {
        let listing = match directory::look(&self.directory, &state.known) {
            Ok(listing) => listing,
            Err(what) => return self.complain(state, &what),
        };
        if state.told.clear() {
            tracing::info!(tenant = self.tenant(), directory = %self.directory.display(), "the documents can be read again");
        }
        if let Some(listing) = listing {
            self.take_over(state, listing);
        }
    }

    fn take_over(&self, state: &mut State, listing: Listing) {
        let changes = settle(&self.metrics, &self.directory, state, listing, false);
        if changes.is_empty() {
            return;
        }
        let read = |name: &str, text: &SecretString| guarded(|| (self.read)(name, text));
        let known = self.current.load();
        let (next, report) = known.with(changes, read);
        self.metrics.unread_credentials.add(next.bad() - known.bad());
        self.current.store(Arc::new(next));
        report.tell(&self.metrics, &self.directory);
    }

    fn complain(&self, state: &mut State, what: &str) {
        state.forget();
        if state.told.is_news(what) {
            let (tenant, directory) = (self.tenant(), self.directory.display());
            tracing::warn!(
                tenant,
                "the directory of documents {directory} {what}; what was read before stays in use"
            );
            self.metrics.all().credential_reload(tenant, false);
        }
    }

    fn tenant(&self) -> &str {
        self.metrics.tenant()
    }
}

/// What counts of a listing. Files that no request could name are told of once, until there are others.
fn settle(metrics: &TenantMetrics, directory: &Path, state: &mut State, listing: Listing, at_once: bool) -> Changes {
    if listing.odd != state.odd {
        report::odd(metrics.tenant(), directory, &listing.odd);
    }
    state.settle(listing, at_once)
}

/// What `read` makes of a text. If it panics, that is a refusal: others' files still have to be watched.
fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err("makes the service panic: report it, without its content".to_owned()))
}

#[cfg(test)]
mod tests;
