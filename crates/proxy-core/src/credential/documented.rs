//! A credential that is part of a document: as it was when the request came, and as it is now if the upstream no longer takes
//! that.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;

use super::{Credential, CredentialSource, breaker::Breaker};
use crate::{documents::Documents, error::ProxyError};

/// A credential, and how the upstream has received it so far.
#[derive(Debug)]
pub struct Guarded {
    credential: Credential,
    breaker: Breaker,
}

impl Guarded {
    /// One that no upstream has seen.
    #[must_use]
    pub fn new(credential: Credential) -> Self {
        let breaker = Breaker::default();
        Self { credential, breaker }
    }

    fn is(&self, generation: u64) -> bool {
        self.credential.generation() == generation
    }
}

/// The credential in one document of many.
pub struct Documented<T> {
    documents: Documents<T>,
    name: String,
    /// As it was when the request came.
    document: Arc<T>,
    part: fn(&T) -> Option<&Guarded>,
    /// Whether the credential of the second may go where the first one's went.
    same_place: fn(&T, &T) -> bool,
}

impl<T: Send + Sync + 'static> Documented<T> {
    /// That of `document`, called `name`; `part` says where in it. A credential of a newer document goes only where
    /// `same_place` lets it: the request is for the upstream of this one.
    #[must_use]
    pub fn new(
        documents: &Documents<T>,
        name: &str,
        document: &Arc<T>,
        part: fn(&T) -> Option<&Guarded>,
        same_place: fn(&T, &T) -> bool,
    ) -> Self {
        Self {
            documents: documents.clone(),
            name: name.to_owned(),
            document: document.clone(),
            part,
            same_place,
        }
    }

    /// The credential as it was when the request came.
    ///
    /// # Errors
    /// `UpstreamCredentialRejected` while the upstream is not to be asked with a credential that it keeps rejecting.
    pub fn current(&self, upstream: &str) -> Result<Credential, ProxyError> {
        let guarded = (self.part)(&self.document).ok_or_else(|| ProxyError::Credential {
            upstream: upstream.to_owned(),
            detail: "the document holds no credential".to_owned(),
        })?;
        let credential = guarded.credential.clone();
        match guarded.breaker.admits(credential.generation(), Instant::now()) {
            true => Ok(credential),
            false => Err(ProxyError::UpstreamCredentialRejected {
                upstream: upstream.to_owned(),
            }),
        }
    }

    fn now(&self) -> Option<Arc<T>> {
        let snapshot = self.documents.snapshot();
        snapshot.get(&self.name)?.ok().cloned()
    }

    /// Does something with the credential of this generation, if it is still there.
    fn with<R>(&self, generation: u64, act: impl FnOnce(&Guarded) -> R) -> Option<R> {
        let documents = [Some(self.document.clone()), self.now()];
        let of = |document: &Arc<T>| (self.part)(document).is_some_and(|guarded| guarded.is(generation));
        let document = documents.into_iter().flatten().find(of)?;
        (self.part)(&document).map(act)
    }
}

#[async_trait(?Send)]
impl<T: Send + Sync + 'static> CredentialSource for Documented<T> {
    async fn renewed(&self, rejected: u64) -> Option<Credential> {
        let documents = self.documents.clone();
        // Reading files would stall every connection of the worker.
        actix_web::web::block(move || documents.look_now()).await.ok()?;
        let now = self.now()?;
        let credential = (self.part)(&now)?.credential.clone();
        (credential.generation() > rejected && (self.same_place)(&self.document, &now)).then_some(credential)
    }

    fn accepted(&self, generation: u64) {
        self.with(generation, |guarded| guarded.breaker.accepted(generation));
    }

    fn rejected(&self, generation: u64) {
        let opened = self.with(generation, |guarded| {
            guarded.breaker.rejected(generation, Instant::now())
        });
        if opened == Some(true) {
            tracing::error!(
                document = self.name,
                "the upstream rejected this document's credential three times: it is asked again once a minute, or when the document changes"
            );
        }
    }
}
