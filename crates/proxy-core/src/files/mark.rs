//! Tells contents apart.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};

/// The same for the same content only; kept instead of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Mark([u8; 32]);

impl Mark {
    pub(crate) fn of(text: &str) -> Self {
        let mut mark = [0; 32];
        mark.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(mark)
    }

    /// Of several contents, each after its length.
    pub(crate) fn of_all(contents: &[&[u8]]) -> Self {
        let mut hash = Context::new(&SHA256);
        for content in contents {
            hash.update(&(content.len() as u64).to_be_bytes());
            hash.update(content);
        }
        let mut mark = [0; 32];
        mark.copy_from_slice(hash.finish().as_ref());
        Self(mark)
    }

    #[expect(clippy::disallowed_methods, reason = "only its hash is kept")]
    pub(crate) fn of_secret(secret: &SecretString) -> Self {
        Self::of(secret.expose_secret())
    }
}

impl fmt::Debug for Mark {
    /// Who knows the hash of a password can try passwords on it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Mark([REDACTED])")
    }
}
