//! All documents, as they were at one moment.

use std::{collections::BTreeMap, fmt, sync::Arc};

use secrecy::SecretString;

use super::{
    report::Report,
    state::{Change, Changes},
};

/// What was made of a document, or what is wrong with it.
type Document<T> = Result<Arc<T>, Arc<str>>;

/// All documents of a directory, as they were at one moment.
pub struct Snapshot<T> {
    documents: BTreeMap<Arc<str>, Document<T>>,
}

impl<T> Snapshot<T> {
    /// What was made of a document, or what is wrong with it; `None` if there is no such document. As long as its content
    /// is the same, so is the `Arc`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Result<&Arc<T>, &str>> {
        self.documents.get(name).map(shown)
    }

    /// All names, in order, also those of documents that are no good.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.documents.keys().map(|name| &**name)
    }

    /// All documents, in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Result<&Arc<T>, &str>)> {
        self.documents.iter().map(|(name, document)| (&**name, shown(document)))
    }

    /// How many are no good.
    pub(super) fn bad(&self) -> i64 {
        self.documents
            .values()
            .map(|document| i64::from(document.is_err()))
            .sum()
    }

    /// The snapshot that follows, and what to say of it.
    pub(super) fn with(
        &self,
        changes: Changes,
        read: impl Fn(&str, &SecretString) -> Result<T, String>,
    ) -> (Self, Report) {
        let mut documents = self.documents.clone();
        let mut report = Report::default();
        for (name, change) in changes {
            let document: Document<T> = match change {
                Change::Text(text) => read(&name, &text).map(Arc::new).map_err(Arc::from),
                Change::Flaw(flaw) => Err(Arc::from(flaw.to_string())),
                Change::Gone => {
                    documents.remove(&name);
                    report.removed.push(name);
                    continue;
                }
            };
            if let Err(what) = &document {
                report.bad.push((name.clone(), what.clone()));
            }
            match documents.insert(name.clone(), document) {
                Some(_) => report.changed.push(name),
                None => report.added.push(name),
            }
        }
        (Self { documents }, report)
    }
}

impl<T> Default for Snapshot<T> {
    fn default() -> Self {
        let documents = BTreeMap::new();
        Self { documents }
    }
}

impl<T> fmt::Debug for Snapshot<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.documents.keys()).finish()
    }
}

fn shown<T>(document: &Document<T>) -> Result<&Arc<T>, &str> {
    document.as_ref().map_err(|what| &**what)
}
