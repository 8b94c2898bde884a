//! What is counted of identities: each series is resolved once, as resolving takes a lock that all workers share.

use prometheus::{IntCounter, IntGauge};

use super::Metrics;

/// What became of the callers that one identity kind examined.
#[derive(Clone, Debug)]
pub struct IdentityMetrics {
    /// Callers who are now known.
    pub authenticated: IntCounter,
    /// Callers whose credential is no good.
    pub rejected: IntCounter,
    /// Callers about whom the platform said nothing.
    pub unavailable: IntCounter,
}

/// Where one identity kind's answers came from.
#[derive(Clone, Debug)]
pub struct AnswerMetrics {
    /// Answers from the cache.
    pub hits: IntCounter,
    /// Answers that were looked up.
    pub misses: IntCounter,
    /// Credentials that the cache knows an answer for; set when one is added.
    pub entries: IntGauge,
}

/// Attempts to fetch an issuer's keys.
#[derive(Clone, Debug)]
pub struct KeyMetrics {
    /// Those that brought a key set.
    pub fetched: IntCounter,
    /// Those that left the old one in place.
    pub failed: IntCounter,
}

impl Metrics {
    /// The counters of one identity kind.
    #[must_use]
    pub fn identity(&self, kind: &str) -> IdentityMetrics {
        let counter = |outcome| self.identity_lookups.with_label_values(&[kind, outcome]);
        IdentityMetrics {
            authenticated: counter("authenticated"),
            rejected: counter("rejected"),
            unavailable: counter("unavailable"),
        }
    }

    /// The counter of callers without any credential.
    #[must_use]
    pub fn unidentified(&self) -> IntCounter {
        self.identity_lookups.with_label_values(&["none", "not_present"])
    }

    /// The metrics of one identity kind's cache.
    #[must_use]
    pub fn answers(&self, kind: &str) -> AnswerMetrics {
        AnswerMetrics {
            hits: self.identity_cache.with_label_values(&[kind, "hit"]),
            misses: self.identity_cache.with_label_values(&[kind, "miss"]),
            entries: self.identity_cache_entries.with_label_values(&[kind]),
        }
    }

    /// The counters of key sets.
    #[must_use]
    pub fn keys(&self) -> KeyMetrics {
        KeyMetrics {
            fetched: self.key_fetches.with_label_values(&["fetched"]),
            failed: self.key_fetches.with_label_values(&["failed"]),
        }
    }
}
