//! The credential of a tenant, which all of its callers share: read at the start, renewed when its files change.
//!
//! **Invariant**: what is in use was readable and complete. A file that is missing, cut short or otherwise no good changes
//! nothing but a metric and a line of the log.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, anyhow};
use arc_swap::ArcSwap;
use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Credential, CredentialSource, breaker::Breaker, source};
use crate::{
    config::sections::CredentialConfig,
    error::ProxyError,
    files::{
        self, Followed, Mark, Told,
        watch::{self, Watched},
    },
    telemetry::TenantMetrics,
};

/// One credential for everybody.
#[derive(Debug)]
pub struct ServiceCredential(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: CredentialConfig,
    upstream: String,
    metrics: TenantMetrics,
    current: ArcSwap<Loaded>,
    breaker: Breaker,
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Loaded {
    credential: Credential,
    at: Instant,
}

/// What was seen when the files were looked at last, and what was said of it.
#[derive(Debug)]
struct Last {
    files: Followed,
    told: Told,
}

impl ServiceCredential {
    /// Reads the credential and begins to watch its files.
    ///
    /// # Errors
    /// There is no credential to be read: the error names key and file.
    pub fn new(config: &CredentialConfig, tenant: &TenantMetrics, upstream_name: &str) -> anyhow::Result<Arc<Self>> {
        let (value, places) = source::read(config).map_err(|what| anyhow!(what))?;
        let credential = credential(config, value).map_err(|what| anyhow!(what))?;
        for place in places.iter().filter(|place| files::is_public(place)) {
            tracing::warn!(file = %place.display(), "everybody on this machine may read the secret in this file: set its mode to 0400 or 0440");
        }
        tenant.all().credential_age(tenant.tenant(), 0);
        let shared = Arc::new(Shared {
            config: config.clone(),
            upstream: upstream_name.to_owned(),
            metrics: tenant.clone(),
            current: ArcSwap::from_pointee(Loaded {
                credential,
                at: Instant::now(),
            }),
            breaker: Breaker::default(),
            last: Mutex::new(Last {
                files: Followed::at(places),
                told: Told::nothing(&tenant.unread_credentials),
            }),
        });
        watch::begin(&shared).context("no thread to watch credentials can be had")?;
        Ok(Arc::new(Self(shared)))
    }

    #[cfg(test)]
    pub(super) fn look(&self) {
        self.0.look();
    }

    #[cfg(test)]
    pub(super) fn weak(&self) -> std::sync::Weak<impl Watched + use<>> {
        Arc::downgrade(&self.0)
    }
}

impl ServiceCredential {
    /// The credential as it is now.
    ///
    /// # Errors
    /// `UpstreamCredentialRejected` while the upstream is not to be asked with a credential that it keeps rejecting.
    pub fn current(&self) -> Result<Credential, ProxyError> {
        let credential = self.0.current.load().credential.clone();
        if self.0.breaker.admits(credential.generation(), Instant::now()) {
            Ok(credential)
        } else {
            Err(ProxyError::UpstreamCredentialRejected {
                upstream: self.0.upstream.clone(),
            })
        }
    }
}

#[async_trait(?Send)]
impl CredentialSource for ServiceCredential {
    async fn renewed(&self, rejected: u64) -> Option<Credential> {
        let shared = self.0.clone();
        // Reading a file would stall every connection of the worker.
        let credential = actix_web::web::block(move || shared.newer_than(rejected)).await.ok()?;
        (credential.generation() > rejected).then_some(credential)
    }

    fn accepted(&self, generation: u64) {
        if self.0.breaker.accepted(generation) {
            tracing::info!(
                tenant = self.0.metrics.tenant(),
                upstream = self.0.upstream,
                "the upstream takes the service's credential again"
            );
        }
    }

    fn rejected(&self, generation: u64) {
        if self.0.breaker.rejected(generation, Instant::now()) {
            let (tenant, upstream) = (self.0.metrics.tenant(), &self.0.upstream);
            tracing::error!(
                tenant,
                upstream,
                "the upstream rejected the service's credential three times: it is asked again once a minute, or when the credential changes"
            );
        }
    }
}

impl Watched for Shared {
    fn look(&self) {
        self.look_again(&mut self.last(), true);
        self.metrics
            .all()
            .credential_age(self.metrics.tenant(), self.current.load().at.elapsed().as_secs());
    }
}

impl Shared {
    /// What is on disk now, unless somebody has found a newer one meanwhile.
    fn newer_than(&self, rejected: u64) -> Credential {
        let mut last = self.last();
        if self.current.load().credential.generation() <= rejected {
            self.look_again(&mut last, false);
        }
        self.current.load().credential.clone()
    }

    /// Reads the files and takes over what is new and counts.
    fn look_again(&self, last: &mut Last, patience: bool) {
        match last
            .files
            .settled(source::read(&self.config), Mark::of_secret, patience)
        {
            Some(Ok(secret)) => self.take_over(last, secret),
            Some(Err(what)) => self.complain(last, &what),
            None => {}
        }
    }

    fn take_over(&self, last: &mut Last, secret: SecretString) {
        let known = self.current.load();
        if known.credential.value().is_some_and(|value| same(value, &secret)) {
            last.told.clear();
            return;
        }
        match credential(&self.config, secret) {
            Ok(credential) => {
                last.told.clear();
                tracing::info!(
                    tenant = self.metrics.tenant(),
                    generation = credential.generation(),
                    "the credential has changed"
                );
                self.current.store(Arc::new(Loaded {
                    credential,
                    at: Instant::now(),
                }));
                self.metrics.all().credential_reload(self.metrics.tenant(), true);
            }
            Err(what) => self.complain(last, &what),
        }
    }

    fn complain(&self, last: &mut Last, what: &str) {
        if last.told.is_news(what) {
            tracing::warn!(
                tenant = self.metrics.tenant(),
                "{what}; the credential that was read before stays in use"
            );
            self.metrics.all().credential_reload(self.metrics.tenant(), false);
        }
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn credential(config: &CredentialConfig, value: SecretString) -> Result<Credential, String> {
    Credential::new(source::header_name(config), value).map_err(|what| format!("{}: the secret {what}", config.key))
}

#[expect(clippy::disallowed_methods, reason = "both are ours: nobody outside can time this")]
fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}
