//! As whom? The service's own credential, which callers never see.
//!
//! **Invariant**: a secret leaves this module only inside a header that is marked as sensitive, or as a [`SecretString`],
//! which prints as `[REDACTED]`. No error and no log line of this module repeats a byte of a file's content.

mod breaker;
mod documented;
mod file;
#[cfg(fuzzing)]
pub mod fuzzing;
mod service;
mod source;

use std::{
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroizing};

pub use self::{
    documented::{Documented, Guarded},
    service::ServiceCredential,
};

/// A header that tells the upstream who asks, or nothing. Cheap to clone.
#[derive(Clone)]
pub struct Credential(Option<Arc<Inner>>);

struct Inner {
    name: HeaderName,
    /// Made once: each copy of a secret that a request would make is one that nobody wipes.
    header: HeaderValue,
    value: SecretString,
    generation: u64,
}

/// Numbers every credential of the process, so that no two of them ever share a connection.
static GENERATIONS: AtomicU64 = AtomicU64::new(1);

impl Credential {
    /// A credential of a generation of its own.
    ///
    /// # Errors
    /// `value` holds what no header may hold.
    #[expect(clippy::disallowed_methods, reason = "the header is what the secret is for")]
    pub fn new(name: HeaderName, value: SecretString) -> Result<Self, &'static str> {
        let header = HeaderValue::from_str(value.expose_secret());
        let mut header = header.map_err(|_| "holds a character that no header may hold: correct it")?;
        header.set_sensitive(true);
        let generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        Ok(Self(Some(Arc::new(Inner {
            name,
            header,
            value,
            generation,
        }))))
    }

    /// For upstreams that the service itself says nothing to.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Whether there is anything to take or to reject.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// `Basic` (RFC 7617) with a user and password.
    ///
    /// # Errors
    /// `user` holds a `:`, or one of them what no header may hold.
    pub fn basic(user: &str, password: &SecretString) -> Result<Self, &'static str> {
        if user.contains(':') {
            return Err("holds a `:`, which it may not: correct it");
        }
        Self::new(AUTHORIZATION, source::basic(user, password))
    }

    /// Sets the header, whatever was there under its name.
    pub fn apply(&self, headers: &mut HeaderMap) {
        if let Some(inner) = &self.0 {
            headers.insert(inner.name.clone(), inner.header.clone());
        }
    }

    /// The header's name.
    #[must_use]
    pub fn name(&self) -> Option<&HeaderName> {
        self.0.as_ref().map(|inner| &inner.name)
    }

    /// The header's value.
    #[must_use]
    pub fn value(&self) -> Option<&SecretString> {
        self.0.as_ref().map(|inner| &inner.value)
    }

    /// What an upstream could repeat of it: the header's secret part and, of `Basic`, the password.
    #[expect(clippy::disallowed_methods, reason = "a body is searched for these")]
    pub(crate) fn spellings(&self) -> Vec<SecretString> {
        let value = self.value().map_or("", |value| value.expose_secret());
        let secret = value.split_once(' ').map_or(value, |(_, secret)| secret);
        let pair = STANDARD.decode(secret).map(Zeroizing::new);
        let pair = pair.ok().filter(|_| value.starts_with("Basic "));
        let password = pair
            .as_ref()
            .and_then(|pair| std::str::from_utf8(pair).ok()?.split_once(':'));
        [
            Some(secret).filter(|secret| !secret.is_empty()),
            password.map(|(_, password)| password),
        ]
        .into_iter()
        .flatten()
        .map(SecretString::from)
        .collect()
    }

    /// Grows with every change; no two credentials of a process have the same.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.as_ref().map_or(0, |inner| inner.generation)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => formatter.write_str("Credential(none)"),
            Some(inner) => write!(
                formatter,
                "Credential({}: [REDACTED], generation {})",
                inner.name, inner.generation
            ),
        }
    }
}

/// The secret in a file that is read once: a gateway's, or a client's of an identity platform.
///
/// # Errors
/// What is wrong with the file, named; never what it holds.
pub(crate) fn read_secret(path: &Path) -> anyhow::Result<SecretString> {
    file::read_one(path).map_err(|what| anyhow::anyhow!("secret file {} {what}", path.display()))
}

/// Where there is no credential, none is renewed.
#[derive(Clone, Copy, Debug)]
pub struct NoCredential;

#[async_trait(?Send)]
impl CredentialSource for NoCredential {
    async fn renewed(&self, _rejected: u64) -> Option<Credential> {
        None
    }

    fn accepted(&self, _generation: u64) {}

    fn rejected(&self, _generation: u64) {}
}

/// Where a credential came from: what an upstream says of it is told there.
#[async_trait(?Send)]
pub trait CredentialSource: Send + Sync {
    /// Looks, now, for a credential that is newer than the one that was rejected.
    async fn renewed(&self, rejected: u64) -> Option<Credential>;

    /// The upstream took the credential of this generation.
    fn accepted(&self, generation: u64);

    /// The upstream rejected the credential of this generation.
    fn rejected(&self, generation: u64);
}

#[cfg(test)]
mod tests;
