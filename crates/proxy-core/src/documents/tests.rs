mod flaws;
mod limits;
mod list;
mod plain;
mod turns;
mod volume;

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use secrecy::{ExposeSecret as _, SecretString};
use tracing::Level;

use super::{Documents, Shared};
use crate::{
    files::watch::Watched as _,
    telemetry::{Lines, Metrics},
};

/// Documents of a test that looks at them itself: what the watch sees between two steps would be chance.
struct Stage {
    documents: Documents<String>,
    metrics: Arc<Metrics>,
    /// How often a document was read.
    read: Arc<AtomicUsize>,
}

#[expect(clippy::disallowed_methods, reason = "a test looks at what was read")]
fn exposed(text: &SecretString) -> String {
    text.expose_secret().to_owned()
}

impl Stage {
    fn try_open(directory: &Path) -> anyhow::Result<Self> {
        let metrics = Metrics::new("test", "1");
        let read = Arc::new(AtomicUsize::new(0));
        let count = read.clone();
        let reader = move |_: &str, text: &SecretString| {
            count.fetch_add(1, Ordering::Relaxed);
            let text = exposed(text);
            assert!(!text.contains("panic"), "a service's own mistake");
            if text.contains("malformed") {
                return Err("is not what it should be".to_owned());
            }
            Ok(text)
        };
        let shared = Shared::read(directory, &metrics.tenant("default"), Box::new(reader))?;
        let documents = Documents(Arc::new(shared));
        Ok(Self {
            documents,
            metrics,
            read,
        })
    }

    fn open(directory: &Path) -> Self {
        Self::try_open(directory).unwrap()
    }

    fn look(&self) {
        self.documents.0.look();
    }

    fn reads(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }

    /// All documents as `name=text`, those that are no good as `name!what`.
    fn all(&self) -> Vec<String> {
        let snapshot = self.documents.snapshot();
        let shown = snapshot.iter().map(|(name, document)| match document {
            Ok(text) => format!("{name}={text}"),
            Err(what) => format!("{name}!{what}"),
        });
        shown.collect()
    }

    fn arc(&self, name: &str) -> Arc<String> {
        self.documents.snapshot().get(name).unwrap().unwrap().clone()
    }

    /// What is wrong with a document.
    fn flaw(&self, name: &str) -> String {
        self.documents.snapshot().get(name).unwrap().unwrap_err().to_owned()
    }

    /// How many reloads were counted: loaded, failed.
    fn reloads(&self) -> (u64, u64) {
        (reloads(&self.metrics, "loaded"), reloads(&self.metrics, "failed"))
    }

    /// How much on disk cannot be used as it is.
    fn unread(&self) -> i64 {
        unread(&self.metrics)
    }
}

fn unread(metrics: &Arc<Metrics>) -> i64 {
    metrics.tenant("default").unread_credentials.get()
}

fn reloads(metrics: &Metrics, outcome: &str) -> u64 {
    let text = metrics.to_text();
    let series = format!("nbgate_credential_reloads_total{{outcome=\"{outcome}\",tenant=\"default\"}} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&series));
    value.map_or(0, |value| value.parse().unwrap())
}

/// What is logged meanwhile, by this thread.
fn logged<R>(run: impl FnOnce() -> R) -> (R, String) {
    let (lines, captured) = Lines::memory();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .with_writer(lines)
        .finish();
    let result = tracing::subscriber::with_default(subscriber, run);
    (result, captured.lines().join("\n"))
}

fn write(directory: &Path, name: &str, text: impl AsRef<[u8]>) {
    fs::write(directory.join(name), text).unwrap();
}
