//! How many lookups may be in progress: of credentials that were good before, and, apart from those, of all others.
//!
//! **Invariant**: whatever callers make up, it takes no place from a credential that a platform has accepted not long ago.

use std::time::Duration;

use moka::future::Cache;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{ENTRIES, Key};

/// Most lookups of one scheme and pool in progress, for the whole process: what callers make up must not become the platform's
/// load.
pub(super) const LOOKUPS: usize = 32;
/// Longest wait until another lookup ends.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// How long a credential is known that is asked about no more: longer than any answer is believed.
const KNOWN_FOR: Duration = Duration::from_secs(600);

/// Places for lookups.
#[derive(Debug)]
pub(super) struct Pools {
    pub(super) known: Semaphore,
    pub(super) others: Semaphore,
    /// Credentials whose last answer was good.
    good: Cache<Key, ()>,
}

impl Pools {
    pub(super) fn new() -> Self {
        let good = Cache::builder().max_capacity(ENTRIES).time_to_live(KNOWN_FOR);
        Self {
            known: Semaphore::new(LOOKUPS),
            others: Semaphore::new(LOOKUPS),
            good: good.build(),
        }
    }

    /// A place for a lookup of the credential `key`. `None`: all are taken, and stay so.
    pub(super) async fn place(&self, key: &Key) -> Option<SemaphorePermit<'_>> {
        let pool = match self.good.contains_key(key) {
            true => &self.known,
            false => &self.others,
        };
        timeout(PATIENCE, pool.acquire()).await.ok()?.ok()
    }

    /// Notes what a platform has said of the credential `key`.
    pub(super) async fn judged(&self, key: Key, good: bool) {
        match good {
            true => self.good.insert(key, ()).await,
            false => self.good.invalidate(&key).await,
        }
    }
}
