//! What change of the documents counts. Pure.

use std::{collections::BTreeMap, mem, sync::Arc};

use secrecy::SecretString;

use super::{
    directory::{Content, Found, Listing, Odd},
    looks::{Known, Looks, Seen},
};
use crate::files::{Told, Unreadable};

/// What earlier looks found, and what was said of it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) known: Known,
    /// What the last look found that does not count yet; without looks, that there was no such file.
    pending: BTreeMap<Arc<str>, Option<Seen>>,
    pub(super) told: Told,
    pub(super) odd: Odd,
}

/// What has become of a document.
#[derive(Debug)]
pub(super) enum Change {
    Text(SecretString),
    Flaw(Unreadable),
    Gone,
}

/// Everything that counts now and did not before.
pub(super) type Changes = BTreeMap<Arc<str>, Change>;

impl State {
    /// Nothing was looked at yet.
    pub(super) fn new(told: Told) -> Self {
        Self {
            known: Known::default(),
            pending: BTreeMap::new(),
            told,
            odd: Odd::default(),
        }
    }

    /// What counts of a listing and is new. Of files that are written in place it is what the look before saw too: it may
    /// have met one half-written. A version, and what there is when all begins, counts `at_once`.
    pub(super) fn settle(&mut self, listing: Listing, at_once: bool) -> Changes {
        let at_once = at_once || listing.place.versioned;
        let earlier = mem::take(&mut self.pending);
        let counts = |name: &str, now: &Option<Seen>| at_once || earlier.get(name) == Some(now);
        let mut changes = Changes::new();
        let looks = &mut self.known.looks;
        let missing = looks.keys().filter(|name| !listing.found.contains_key(*name));
        for name in missing.cloned().collect::<Vec<_>>() {
            if counts(&name, &None) {
                looks.remove(&name);
                changes.insert(name, Change::Gone);
            } else {
                self.pending.insert(name, None);
            }
        }
        for (name, Found { stamp, content, .. }) in listing.found {
            let (seen, change) = match content {
                Content::Known => {
                    looks.entry(name).and_modify(|looks| looks.stamp = stamp);
                    continue;
                }
                Content::Text(mark, text) => (Ok(mark), Change::Text(text)),
                Content::Flaw(flaw) => (Err(flaw.clone()), Change::Flaw(flaw)),
            };
            let now = Some(seen.clone());
            if counts(&name, &now) {
                looks.insert(name.clone(), Looks { seen, stamp });
                changes.insert(name, change);
            } else {
                self.pending.insert(name, now);
            }
        }
        self.known.versioned |= listing.place.versioned;
        self.known.place = Some(listing.place);
        self.odd = listing.odd;
        changes
    }

    /// Whether something was seen that does not count yet.
    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The directory could not be read: what it was like before says nothing about what it will be like.
    pub(super) fn forget(&mut self) {
        self.known.place = None;
        self.pending.clear();
    }
}
