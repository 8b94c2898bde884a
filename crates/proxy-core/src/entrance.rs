//! Who is let in below one prefix: the caller proven, and what the tenant demands of everybody.

use std::sync::Arc;

use actix_http::{RequestHead, header::AUTHORIZATION};

use crate::{
    auth::{Authenticators, Identity},
    client::PlatformClient,
    error::ProxyError,
    realm::Realm,
    service::Clients,
    telemetry::{Decision, Record},
};

/// The entrance to one tenant, of one worker.
#[derive(Clone)]
pub struct Entrance {
    authenticators: Authenticators,
    platform: PlatformClient,
    realm: Arc<Realm>,
}

impl Entrance {
    /// The entrance of one worker, with that worker's clients.
    #[must_use]
    pub fn new(authenticators: &Authenticators, realm: &Arc<Realm>, clients: &Clients) -> Self {
        Self {
            authenticators: authenticators.clone(),
            platform: clients.platform.clone(),
            realm: realm.clone(),
        }
    }

    /// The caller, who may use this tenant.
    ///
    /// # Errors
    /// See [`Authenticators::authenticate`] and [`Realm::admit`].
    pub async fn authenticate(&self, record: &Record, head: &RequestHead) -> Result<Identity, ProxyError> {
        let identity = self.identify(record, head).await?;
        self.admit(record, &identity)?;
        Ok(identity)
    }

    /// The caller, who may use this tenant; `None`: somebody without any credential, where `open` says that there is
    /// something for such callers.
    ///
    /// # Errors
    /// See [`Entrance::authenticate`].
    pub async fn caller(
        &self,
        record: &Record,
        head: &RequestHead,
        open: bool,
    ) -> Result<Option<Identity>, ProxyError> {
        match self.authenticate(record, head).await {
            Err(ProxyError::Unauthenticated) if open && !head.headers.contains_key(AUTHORIZATION) => Ok(None),
            known => known.map(Some),
        }
    }

    /// The caller, who has what the scheme that proved it requires: what the tenant requires is still to be asked.
    ///
    /// # Errors
    /// See [`Authenticators::authenticate`].
    pub async fn identify(&self, record: &Record, head: &RequestHead) -> Result<Identity, ProxyError> {
        record.tenant(self.realm.metrics());
        let known = self.authenticators.authenticate(head, &self.platform).await?;
        record.identity(known.identity(), known.cache());
        noted(record, known.admitted())
    }

    /// Whether `identity` has what the tenant requires of everybody.
    ///
    /// # Errors
    /// See [`Realm::admit`].
    pub fn admit(&self, record: &Record, identity: &Identity) -> Result<(), ProxyError> {
        noted(record, self.realm.admit(identity))
    }

    /// What it is the entrance to.
    #[must_use]
    pub fn realm(&self) -> &Arc<Realm> {
        &self.realm
    }
}

fn noted<T>(record: &Record, admitted: Result<T, ProxyError>) -> Result<T, ProxyError> {
    if let Err(error) = &admitted {
        record.decision(Decision::Denied(error.problem().name), None);
    }
    admitted
}
