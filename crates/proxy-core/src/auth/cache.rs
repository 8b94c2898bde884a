//! Answers about credentials, shared by all workers: one lookup however many requests ask at once.
//!
//! Decides how long an answer is believed, and how many lookups may be in progress. What the answer is, is left to the lookup that a scheme hands in. What the
//! answer depends on is in the key: the scheme and the whole credential, nothing of the request besides (its host, path
//! and method play no part in who somebody is).
//!
//! **Invariant**: an answer never outlives the token it is about, by the monotonic clock as by the wall clock. That a
//! platform did not answer is never remembered.

mod pools;

use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::digest::{Context, SHA256};
use moka::{Expiry, future::Cache};
use tokio::sync::SemaphorePermit;

use self::pools::Pools;
use super::{CacheState, Identity, Outcome};
use crate::{
    error::Reason,
    telemetry::{AnswerMetrics, Metrics},
};

/// How long a rejection is believed: long enough to blunt a loop, too short to notice after a token was made.
const REJECTED_FOR: Duration = Duration::from_secs(5);
/// When to try again with a platform that does not answer.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Most good credentials that are remembered, and most bad ones.
const ENTRIES: u64 = 10_000;

type Key = [u8; 32];

/// What a platform says of a credential that is good.
pub trait Lasting: Clone + Send + Sync + 'static {
    /// When that ends by its own account.
    fn expires(&self) -> Option<SystemTime>;
}

impl Lasting for Identity {
    fn expires(&self) -> Option<SystemTime> {
        Identity::expires(self)
    }
}

/// Why a lookup brought no good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer<R> {
    /// The platform says no.
    Rejected(R),
    /// The platform did not say. Whoever makes this value has logged why.
    Unavailable,
}

/// The same of who calls.
pub(super) type Failure = NoAnswer<Reason>;

impl<R> From<R> for NoAnswer<R> {
    fn from(reason: R) -> Self {
        Self::Rejected(reason)
    }
}

impl<R> NoAnswer<R> {
    /// Notes, once for each question, why a platform's answer is none. `detail` holds no credential.
    pub fn unavailable(kind: &'static str, detail: impl std::fmt::Display) -> Self {
        tracing::warn!(identity = kind, %detail, "the identity provider does not answer as it should");
        Self::Unavailable
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rejected(reason) => Self::Rejected(reason),
            Failure::Unavailable => Self::Unavailable {
                retry_after: RETRY_AFTER,
            },
        }
    }
}

/// The answers of one scheme: good ones, and reasons why there is none.
#[derive(Debug)]
pub struct AnswerCache<A: Lasting = Identity, R: Clone + Send + Sync + 'static = Reason> {
    kind: &'static str,
    proven: Cache<Key, A>,
    /// Of its own, so that a flood of bad credentials cannot drive good ones out.
    rejected: Cache<Key, R>,
    /// Who may look up now. `None`: a lookup costs the platform nothing.
    pools: Option<Pools>,
    metrics: AnswerMetrics,
}

impl<A: Lasting, R: Clone + Send + Sync + 'static> AnswerCache<A, R> {
    /// A cache that believes no answer for longer than `longest`.
    #[must_use]
    pub fn new(kind: &'static str, longest: Duration, metrics: &Metrics) -> Self {
        let proven = Cache::builder()
            .max_capacity(ENTRIES)
            .expire_after(Lifetimes { longest });
        let rejected = Cache::builder()
            .max_capacity(ENTRIES)
            .time_to_live(REJECTED_FOR.min(longest));
        Self {
            kind,
            proven: proven.build(),
            rejected: rejected.build(),
            pools: Some(Pools::new()),
            metrics: metrics.answers(kind),
        }
    }

    /// For a scheme that decides without asking: its lookups wait for nobody.
    pub(super) fn unbounded(self) -> Self {
        Self { pools: None, ..self }
    }

    /// What is known of `credential`, or what `lookup` finds out about it. Of any number of callers that ask at once, one
    /// runs its lookup and the others wait for it; if that one goes away, the next runs its own. Nearly every request is a
    /// hit: what only a miss needs is boxed, lest each request carries room for it.
    ///
    /// # Errors
    /// What the lookup found, or that too many are in progress.
    pub async fn answer(
        &self,
        credential: &[&[u8]],
        lookup: impl Future<Output = Result<A, NoAnswer<R>>>,
    ) -> Result<(A, CacheState), NoAnswer<R>> {
        let key = key(self.kind, credential);
        if let Some(known) = self.known(&key).await {
            self.metrics.hits.inc();
            return known
                .map(|answer| (answer, CacheState::Hit))
                .map_err(NoAnswer::Rejected);
        }
        self.metrics.misses.inc();
        let answer = Box::pin(self.proven.try_get_with(key, self.look_up(key, lookup))).await;
        let entries = self.proven.entry_count() + self.rejected.entry_count();
        self.metrics.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
        match answer {
            Ok(answer) => Ok((answer, CacheState::Miss)),
            Err(failure) => Err(NoAnswer::clone(&failure)),
        }
    }

    /// What `lookup` finds out about `credential`, whatever is known of it: that takes the old answer's place. One that was
    /// good stays while the platform does not answer.
    ///
    /// # Errors
    /// As of [`AnswerCache::answer`].
    pub async fn ask_again(
        &self,
        credential: &[&[u8]],
        lookup: impl Future<Output = Result<A, NoAnswer<R>>>,
    ) -> Result<A, NoAnswer<R>> {
        let key = key(self.kind, credential);
        let answer = self.in_turn(key, lookup).await;
        match &answer {
            Ok(good) => {
                self.rejected.invalidate(&key).await;
                self.proven.insert(key, good.clone()).await;
            }
            Err(NoAnswer::Rejected(_)) => self.proven.invalidate(&key).await,
            Err(NoAnswer::Unavailable) => {}
        }
        answer
    }

    /// Forgets what is known of `credential`: something speaks against it.
    pub async fn forget(&self, credential: &[&[u8]]) {
        self.proven.invalidate(&key(self.kind, credential)).await;
    }

    async fn known(&self, key: &Key) -> Option<Result<A, R>> {
        if let Some(answer) = self.proven.get(key).await {
            if !is_over(&answer, SystemTime::now) {
                return Some(Ok(answer));
            }
            self.proven.invalidate(key).await;
        }
        self.rejected.get(key).await.map(Err)
    }

    async fn look_up(&self, key: Key, lookup: impl Future<Output = Result<A, NoAnswer<R>>>) -> Result<A, NoAnswer<R>> {
        // Somebody else's lookup may have ended since this caller looked.
        if let Some(reason) = self.rejected.get(&key).await {
            return Err(reason.into());
        }
        self.in_turn(key, lookup).await
    }

    /// What `lookup` finds out, once it may ask.
    async fn in_turn(&self, key: Key, lookup: impl Future<Output = Result<A, NoAnswer<R>>>) -> Result<A, NoAnswer<R>> {
        let _place = self.place(&key).await?;
        let answer = lookup.await;
        if let (Some(pools), Ok(_) | Err(NoAnswer::Rejected(_))) = (&self.pools, &answer) {
            pools.judged(key, answer.is_ok()).await;
        }
        if let Err(NoAnswer::Rejected(reason)) = &answer {
            self.rejected.insert(key, reason.clone()).await;
        }
        answer
    }

    async fn place(&self, key: &Key) -> Result<Option<SemaphorePermit<'_>>, NoAnswer<R>> {
        let Some(pools) = &self.pools else {
            return Ok(None);
        };
        let place = pools.place(key).await;
        let busy = || NoAnswer::unavailable(self.kind, "too many lookups are in progress");
        place.map(Some).ok_or_else(busy)
    }
}

impl AnswerCache {
    /// The same as an authenticator has it.
    pub(super) async fn outcome(
        &self,
        credential: &[&[u8]],
        lookup: impl Future<Output = Result<Identity, Failure>>,
    ) -> Outcome {
        match self.answer(credential, lookup).await {
            Ok((identity, cache)) => Outcome::Authenticated(identity, cache),
            Err(failure) => failure.into(),
        }
    }
}

/// How long to believe that a credential proves this.
fn lifetime(answer: &impl Lasting, longest: Duration, now: SystemTime) -> Duration {
    let left = answer.expires().map(|end| end.duration_since(now).unwrap_or_default());
    left.unwrap_or(longest).min(longest)
}

/// The monotonic clock may stand still while a machine sleeps; the token's end does not wait for it.
fn is_over(answer: &impl Lasting, now: impl FnOnce() -> SystemTime) -> bool {
    answer.expires().is_some_and(|end| end <= now())
}

#[derive(Debug)]
struct Lifetimes {
    longest: Duration,
}

impl<A: Lasting> Expiry<Key, A> for Lifetimes {
    fn expire_after_create(&self, _: &Key, answer: &A, _: Instant) -> Option<Duration> {
        Some(lifetime(answer, self.longest, SystemTime::now()))
    }

    /// An answer that takes the place of one that is over has its own time, not what the other had left.
    fn expire_after_update(&self, _: &Key, answer: &A, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(lifetime(answer, self.longest, SystemTime::now()))
    }
}

/// A name for whoever has a token that tells none: it tells nothing of the token.
pub(crate) fn fingerprint(token: &str) -> String {
    let hash = key("fingerprint", &[token.as_bytes()]);
    let digits: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("token-{digits}")
}

/// SHA-256 of all parts, each after its length: no two lists of parts read the same. The cache holds no token.
fn key(kind: &str, credential: &[&[u8]]) -> Key {
    let mut hash = Context::new(&SHA256);
    for part in [kind.as_bytes()].iter().chain(credential) {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut key = Key::default();
    key.copy_from_slice(hash.finish().as_ref());
    key
}

#[cfg(test)]
mod tests;
