//! What tells that a document has changed.

use std::{
    collections::BTreeMap,
    fs::Metadata,
    os::unix::fs::MetadataExt as _,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use super::place::Place;
use crate::files::{Mark, Unreadable, Why};

/// Seconds in which a file may change again without its times showing it: file systems count in steps of up to two.
const STEP: u64 = 2;

/// What was read of a file, or why nothing was.
pub(super) type Seen = Result<Mark, Unreadable>;

/// What a document looked like when it was read.
#[derive(Debug)]
pub(super) struct Looks {
    pub(super) seen: Seen,
    /// As long as the file has this stamp, it needs no reading.
    pub(super) stamp: Option<Stamp>,
}

/// What the file system says of a file; it changes with the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// The stamp, unless the file is so new that another change could leave it as it is.
    pub(super) fn settled(self) -> Option<Self> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_secs());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        (now.abs_diff(self.changed.0) > STEP).then_some(self)
    }
}

/// What counts of all that earlier looks have found.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) place: Option<Place>,
    pub(super) looks: BTreeMap<Arc<str>, Looks>,
    /// There was a `..data` once.
    pub(super) versioned: bool,
}

impl Known {
    /// Whether all is known of `place` that there is to know: a version never changes, but what was closed may open.
    pub(super) fn is_all_of(&self, place: &Place) -> bool {
        let barred = |looks: &Looks| looks.seen.as_ref().is_err_and(|flaw| flaw.why == Why::Barred);
        place.versioned && self.place.as_ref() == Some(place) && !self.looks.values().any(barred)
    }

    /// What a document looked like, and its stamp if that was taken in `place`.
    pub(super) fn of(&self, name: &str, place: &Place) -> (Option<&Seen>, Option<&Stamp>) {
        let looks = self.looks.get(name);
        let here = looks.filter(|_| self.place.as_ref() == Some(place));
        (
            looks.map(|looks| &looks.seen),
            here.and_then(|looks| looks.stamp.as_ref()),
        )
    }
}
