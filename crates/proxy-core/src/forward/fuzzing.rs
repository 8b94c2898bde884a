//! Doors for `fuzz/` (`crate::fuzzing`).

use bytes::Bytes;

use super::scan::Scan;
use crate::{credential::Credential, upstream::Upstream};

/// The search of one body for the credential.
pub struct Search(Scan);

/// The body holds the credential.
#[derive(Debug)]
pub struct Leak;

impl Search {
    /// The search that an answer needs, if that is configured.
    #[must_use]
    pub fn new(upstream: &Upstream, credential: &Credential) -> Option<Self> {
        let (parts, ()) = http::Response::new(()).into_parts();
        Scan::for_response(upstream, credential, &parts).ok()?.map(Self)
    }

    /// The next chunk, less what could begin the secret.
    ///
    /// # Errors
    /// The secret is there.
    pub fn push(&mut self, chunk: Bytes) -> Result<Bytes, Leak> {
        self.0.push(chunk).map_err(|_| Leak)
    }

    /// What was held back.
    pub fn finish(&mut self) -> Bytes {
        self.0.finish()
    }
}
