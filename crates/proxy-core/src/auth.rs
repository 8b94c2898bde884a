//! Who is calling? A list of authenticators, asked in order: the first that finds its own kind of credential decides.
//!
//! **Invariant**: a bad credential never falls through to a weaker scheme, and a platform that does not answer never
//! means "allowed" nor "rejected". Only authenticators make an [`Identity`].

mod bearer;
mod cache;
pub mod config;
mod gafaelfawr;
mod gateway;
mod identity;
mod introspection;
mod jupyterhub;
mod oidc;
pub(crate) mod presented;

use std::{sync::Arc, time::Duration};

use actix_http::RequestHead;
use async_trait::async_trait;
use prometheus::IntCounter;

#[cfg(fuzzing)]
pub use self::oidc::fuzzing;
pub(crate) use self::{cache::fingerprint, gafaelfawr::KIND as GAFAELFAWR, gateway::KIND as GATEWAY};
pub use self::{
    cache::{AnswerCache, Lasting, NoAnswer, RETRY_AFTER},
    config::{IdentityConfig, Required},
    identity::{Claims, Identity},
    presented::{Presented, presented_as_basic, presented_as_bearer},
};
use crate::{
    client::PlatformClient,
    error::{ProxyError, Reason},
    telemetry::{IdentityMetrics, Metrics},
};

/// Whether an answer came from the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheState {
    /// It did.
    Hit,
    /// The platform was asked, or somebody else's question was waited for.
    Miss,
    /// This scheme has nothing to cache.
    None,
}

/// What one authenticator says of a request.
#[derive(Debug)]
pub enum Outcome {
    /// No credential of this kind: the next scheme may try.
    NotPresent,
    /// The caller is known.
    Authenticated(Identity, CacheState),
    /// There is a credential of this kind, and it is no good.
    Rejected(Reason),
    /// The platform cannot be asked now: nobody is let in, nobody is called unknown.
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

/// One way to prove identity.
#[async_trait(?Send)] // a worker is one thread, and the platform client belongs to it
pub trait Authenticator: Send + Sync {
    /// The kind, as configuration, metrics and audit events name it.
    fn kind(&self) -> &'static str;

    /// Looks only at its own kind of credential.
    async fn authenticate(&self, head: &RequestHead, client: &PlatformClient) -> Outcome;

    /// What this entry demands of everybody whom it has identified.
    fn required(&self) -> &Required;

    /// Which of the scopes that this entry requires the identity lacks.
    fn missing_scopes(&self, identity: &Identity) -> Vec<String> {
        self.required().missing_scopes(identity)
    }

    /// Fetches what must be known before the first request (signing keys), and keeps it fresh: called at start and then
    /// again after the time it returns. `None`: nothing to keep.
    async fn refresh(&self, _client: &PlatformClient) -> Option<Duration> {
        None
    }

    /// Whether requests can be decided at all.
    fn ready(&self) -> bool {
        true
    }
}

/// The configured schemes, shared by all workers.
#[derive(Clone)]
pub struct Authenticators {
    schemes: Arc<[Arc<Scheme>]>,
    /// Counts callers without any credential.
    unidentified: IntCounter,
}

struct Scheme {
    authenticator: Box<dyn Authenticator>,
    metrics: IdentityMetrics,
}

impl Authenticators {
    /// Builds the schemes in the order of the configuration.
    ///
    /// # Errors
    /// A file that an entry names cannot be read.
    pub fn new(config: &[IdentityConfig], metrics: &Arc<Metrics>) -> anyhow::Result<Self> {
        let schemes = config
            .iter()
            .map(|entry| Ok(Scheme::new(entry.build(metrics)?, metrics)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self {
            schemes: schemes.into(),
            unidentified: metrics.unidentified(),
        })
    }

    /// One scheme of the service's own, and no other.
    #[must_use]
    pub fn only(scheme: Box<dyn Authenticator>, metrics: &Arc<Metrics>) -> Self {
        Self {
            schemes: Arc::new([Scheme::new(scheme, metrics)]),
            unidentified: metrics.unidentified(),
        }
    }

    /// The same schemes behind one of the service's own, which is asked first.
    #[must_use]
    pub fn behind(&self, first: Box<dyn Authenticator>, metrics: &Arc<Metrics>) -> Self {
        let first = Scheme::new(first, metrics);
        Self {
            schemes: std::iter::once(first).chain(self.schemes.iter().cloned()).collect(),
            unidentified: self.unidentified.clone(),
        }
    }

    /// The caller, proven. What the deciding entry requires beyond that is told by [`Known::admitted`].
    ///
    /// # Errors
    /// `Unauthenticated`, `Rejected` or `CannotDecide`.
    pub async fn authenticate(&self, head: &RequestHead, client: &PlatformClient) -> Result<Known, ProxyError> {
        for Scheme { authenticator, metrics } in self.schemes.iter().map(AsRef::as_ref) {
            let (counter, result) = match authenticator.authenticate(head, client).await {
                Outcome::NotPresent => continue,
                Outcome::Authenticated(identity, cache) => {
                    let refusal = refusal(authenticator.as_ref(), &identity);
                    let known = Known {
                        identity,
                        cache,
                        refusal,
                    };
                    (&metrics.authenticated, Ok(known))
                }
                Outcome::Rejected(reason) => (&metrics.rejected, Err(ProxyError::Rejected(reason))),
                Outcome::Unavailable { retry_after } => {
                    let kind = authenticator.kind();
                    (
                        &metrics.unavailable,
                        Err(ProxyError::CannotDecide { kind, retry_after }),
                    )
                }
            };
            counter.inc();
            return result;
        }
        self.unidentified.inc();
        Err(ProxyError::Unauthenticated)
    }

    /// Asks each scheme to fetch what it needs; the shortest time after which one wants to be asked again.
    pub async fn refresh(&self, client: &PlatformClient) -> Option<Duration> {
        let mut next = None;
        for scheme in self.schemes.iter() {
            if let Some(after) = scheme.authenticator.refresh(client).await {
                next = Some(next.map_or(after, |earlier: Duration| earlier.min(after)));
            }
        }
        next
    }

    /// Whether every scheme can decide.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.schemes.iter().all(|scheme| scheme.authenticator.ready())
    }
}

impl Scheme {
    fn new(authenticator: Box<dyn Authenticator>, metrics: &Arc<Metrics>) -> Arc<Self> {
        let metrics = metrics.identity(authenticator.kind());
        Arc::new(Self { authenticator, metrics })
    }
}

/// A proven caller, who may still lack what the entry that proved it requires: audit events name such callers too.
#[derive(Debug)]
pub struct Known {
    identity: Identity,
    cache: CacheState,
    refusal: Option<ProxyError>,
}

impl Known {
    /// Who it is, for audit events alone.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether the answer was cached.
    #[must_use]
    pub fn cache(&self) -> CacheState {
        self.cache
    }

    /// The identity, if it has the scopes and groups that its entry requires.
    ///
    /// # Errors
    /// `InsufficientScope` or `InsufficientGroup`.
    pub fn admitted(self) -> Result<Identity, ProxyError> {
        self.refusal.map_or(Ok(self.identity), Err)
    }
}

fn refusal(scheme: &dyn Authenticator, identity: &Identity) -> Option<ProxyError> {
    let scopes = scheme.missing_scopes(identity);
    if !scopes.is_empty() {
        return Some(ProxyError::InsufficientScope { scopes });
    }
    let groups = scheme.required().missing_groups(identity);
    (!groups.is_empty()).then_some(ProxyError::InsufficientGroup { groups })
}

#[cfg(test)]
pub(crate) mod tests;
