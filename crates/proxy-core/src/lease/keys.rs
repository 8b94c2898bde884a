//! The keys that leases are signed with: the first signs, all of them verify. So a new one is put first and the old one left
//! behind it until the leases that it signed have ended.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use secrecy::{ExposeSecret as _, SecretString};

/// Shortest secret, in bytes.
const MIN_SECRET: usize = 32;
const SHAPE: &str = "write one key per line, `<id> <secret>`: the id 1 to 32 of a-z, A-Z, 0-9, `_` and `-`, the secret at least 32 characters";

/// At least one key.
pub(super) struct KeyRing(Vec<Key>);

struct Key {
    id: String,
    key: hmac::Key,
}

impl KeyRing {
    /// As a file has them: `<id> <secret>` on each line; empty lines and those that begin with `#` do not count.
    #[expect(clippy::disallowed_methods, reason = "keys are made of the file's text")]
    pub(super) fn read(text: &SecretString) -> Result<Self, String> {
        let mut keys: Vec<Key> = Vec::new();
        for (index, line) in text.expose_secret().lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = index + 1;
            let (id, secret) = line
                .split_once([' ', '\t'])
                .ok_or_else(|| format!("has a line {place} without a secret: {SHAPE}"))?;
            let secret = secret.trim_start();
            if !is_id(id) || secret.len() < MIN_SECRET || secret.contains(char::is_whitespace) {
                return Err(format!("has a line {place} that is no key: {SHAPE}"));
            }
            if keys.iter().any(|known| known.id == id) {
                return Err(format!(
                    "has a line {place} with the id of another line: give each key an id of its own"
                ));
            }
            keys.push(Key {
                id: id.to_owned(),
                key: hmac::Key::new(HMAC_SHA256, secret.as_bytes()),
            });
        }
        match keys.is_empty() {
            true => Err(format!("holds no key: {SHAPE}")),
            false => Ok(Self(keys)),
        }
    }

    /// One key that nobody else has.
    pub(super) fn random() -> anyhow::Result<Self> {
        let key = hmac::Key::generate(HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new());
        let key = key.map_err(|_| anyhow::anyhow!("the system has no random numbers"))?;
        let id = "own".to_owned();
        Ok(Self(vec![Key { id, key }]))
    }

    /// The id of the key that signs.
    pub(super) fn signs_as(&self) -> &str {
        &self.0[0].id
    }

    pub(super) fn sign(&self, text: &[u8]) -> impl AsRef<[u8]> + use<> {
        hmac::sign(&self.0[0].key, text)
    }

    /// Whether the key `id` made `signature`; compared in constant time.
    pub(super) fn verifies(&self, id: &str, text: &[u8], signature: &[u8]) -> bool {
        let key = self.0.iter().find(|key| key.id == id);
        key.is_some_and(|key| hmac::verify(&key.key, text, signature).is_ok())
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_list()
            .entries(self.0.iter().map(|key| &key.id))
            .finish()
    }
}

fn is_id(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=32).contains(&text.len()) && text.bytes().all(letter)
}
