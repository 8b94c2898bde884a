//! What operators are told of documents: names, and what is wrong with which.

use std::{path::Path, sync::Arc};

use super::directory::Odd;
use crate::{files, telemetry::TenantMetrics};

/// Most names, or documents that are no good, that are told of at once: a line of the log has an end.
const MOST: usize = 10;

/// What has changed.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) added: Vec<Arc<str>>,
    pub(super) changed: Vec<Arc<str>>,
    pub(super) removed: Vec<Arc<str>>,
    /// Of those that were added or changed.
    pub(super) bad: Vec<(Arc<str>, Arc<str>)>,
}

impl Report {
    /// Says what there is when all begins.
    pub(super) fn begin(&self, tenant: &str, directory: &Path) {
        let documents = self.added.len();
        tracing::info!(tenant, directory = %directory.display(), documents, "the documents are read");
        self.tell_bad(tenant, directory);
        let public = self.added.iter().map(|name| directory.join(&**name));
        let mut public = public.filter(|path| files::is_public(path));
        if let Some(first) = public.next() {
            let others = public.count();
            tracing::warn!(tenant, file = %first.display(), others, "everybody on this machine may read the documents in this file and others beside it: set their mode to 0400 or 0440");
        }
    }

    /// Says and counts what has changed.
    pub(super) fn tell(&self, metrics: &TenantMetrics, directory: &Path) {
        let tenant = metrics.tenant();
        let (added, changed, removed) = (listed(&self.added), listed(&self.changed), listed(&self.removed));
        tracing::info!(tenant, directory = %directory.display(), added, changed, removed, "documents have changed");
        self.tell_bad(tenant, directory);
        for _ in &self.bad {
            metrics.all().credential_reload(tenant, false);
        }
        if self.added.len() + self.changed.len() + self.removed.len() > self.bad.len() {
            metrics.all().credential_reload(tenant, true);
        }
    }

    fn tell_bad(&self, tenant: &str, directory: &Path) {
        for (name, what) in self.bad.iter().take(MOST) {
            let file = directory.join(&**name);
            tracing::warn!(tenant, file = %file.display(), "the document {name} {what}; it is not used, the others are");
        }
        if let Some(others) = self.bad.len().checked_sub(MOST).filter(|others| *others > 0) {
            tracing::warn!(tenant, directory = %directory.display(), others, "more documents are no good and not used");
        }
    }
}

/// Says that files are passed over because of their names.
pub(super) fn odd(tenant: &str, directory: &Path, odd: &Odd) {
    let Odd { count, name } = odd;
    if *count > 0 {
        tracing::warn!(tenant, directory = %directory.display(), count, first = ?name, "files are passed over because of their names: a document's has 1 to 128 letters, digits, `.`, `_` and `-`");
    }
}

fn listed(names: &[Arc<str>]) -> String {
    let mut list = names[..names.len().min(MOST)].join(", ");
    if let Some(others) = names.len().checked_sub(MOST).filter(|others| *others > 0) {
        list.push_str(&format!(" and {others} more"));
    }
    list
}
