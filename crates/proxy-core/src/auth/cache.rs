//! Answers about credentials, shared by all workers: one lookup however many requests ask at once.
//!
//! Decides how long an answer is believed. What the answer is, is left to the lookup that a scheme hands in. What the
//! answer depends on is in the key: the scheme and the whole credential, nothing of the request besides (its host, path
//! and method play no part in who somebody is).
//!
//! **Invariant**: an answer never outlives the token it is about, by the monotonic clock as by the wall clock. That a
//! platform did not answer is never remembered.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use aws_lc_rs::digest::{Context, SHA256};
use moka::{Expiry, future::Cache};

use super::{CacheState, Identity, Outcome};
use crate::{error::Reason, telemetry::Metrics};

/// How long a rejection is believed: long enough to blunt a loop, too short to notice after a token was made.
const REJECTED_FOR: Duration = Duration::from_secs(5);
/// When to try again with a platform that does not answer.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Most credentials that are remembered.
const ENTRIES: u64 = 10_000;

type Key = [u8; 32];

/// Why a lookup did not identify anybody.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// The platform knows the credential to be no good.
    Rejected(Reason),
    /// The platform did not say. Whoever makes this value has logged why.
    Unavailable,
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self::Rejected(reason)
    }
}

impl Failure {
    /// Notes, once for each question, why a platform's answer is none. `detail` holds no credential.
    pub(super) fn unavailable(kind: &'static str, detail: impl std::fmt::Display) -> Self {
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

/// What is remembered of a credential.
#[derive(Clone, Debug)]
enum Verdict {
    Proven(Identity),
    Rejected(Reason),
}

impl Verdict {
    fn lifetime(&self, longest: Duration, now: SystemTime) -> Duration {
        match self {
            Self::Rejected(_) => REJECTED_FOR.min(longest),
            Self::Proven(identity) => {
                let left = identity
                    .expires()
                    .map(|end| end.duration_since(now).unwrap_or_default());
                left.unwrap_or(longest).min(longest)
            }
        }
    }

    /// The monotonic clock may stand still while a machine sleeps; the token's end does not wait for it.
    fn is_over(&self, now: SystemTime) -> bool {
        matches!(self, Self::Proven(identity) if identity.expires().is_some_and(|end| end <= now))
    }

    fn into_outcome(self, state: CacheState) -> Outcome {
        match self {
            Self::Proven(identity) => Outcome::Authenticated(identity, state),
            Self::Rejected(reason) => Outcome::Rejected(reason),
        }
    }
}

/// The answers of one scheme.
#[derive(Debug)]
pub(super) struct AnswerCache {
    kind: &'static str,
    answers: Cache<Key, Verdict>,
    metrics: Arc<Metrics>,
}

impl AnswerCache {
    pub(super) fn new(kind: &'static str, longest: Duration, metrics: &Arc<Metrics>) -> Self {
        let answers = Cache::builder()
            .max_capacity(ENTRIES)
            .expire_after(Lifetimes { longest })
            .build();
        Self {
            kind,
            answers,
            metrics: metrics.clone(),
        }
    }

    /// What is known of `credential`, or what `lookup` finds out about it. Of any number of callers that ask at once, one
    /// runs its lookup and the others wait for it; if that one goes away, the next runs its own.
    pub(super) async fn outcome(
        &self,
        credential: &[&[u8]],
        lookup: impl Future<Output = Result<Identity, Failure>>,
    ) -> Outcome {
        let key = key(self.kind, credential);
        if let Some(verdict) = self.answers.get(&key).await {
            if !verdict.is_over(SystemTime::now()) {
                self.metrics.identity_cache(self.kind, true, self.answers.entry_count());
                return verdict.into_outcome(CacheState::Hit);
            }
            self.answers.invalidate(&key).await;
        }
        self.metrics
            .identity_cache(self.kind, false, self.answers.entry_count());
        let answer = self.answers.try_get_with(key, async {
            match lookup.await {
                Ok(identity) => Ok(Verdict::Proven(identity)),
                Err(Failure::Rejected(reason)) => Ok(Verdict::Rejected(reason)),
                Err(Failure::Unavailable) => Err(Unanswered),
            }
        });
        match answer.await {
            Ok(verdict) => verdict.into_outcome(CacheState::Miss),
            Err(_) => Failure::Unavailable.into(),
        }
    }
}

/// What followers of a lookup without an answer are told.
struct Unanswered;

#[derive(Debug)]
struct Lifetimes {
    longest: Duration,
}

impl Expiry<Key, Verdict> for Lifetimes {
    fn expire_after_create(&self, _: &Key, verdict: &Verdict, _: Instant) -> Option<Duration> {
        Some(verdict.lifetime(self.longest, SystemTime::now()))
    }

    /// An answer that takes the place of one that is over has its own time, not what the other had left.
    fn expire_after_update(&self, _: &Key, verdict: &Verdict, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(verdict.lifetime(self.longest, SystemTime::now()))
    }
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
