//! An OpenID provider: discovery, keys, and tokens signed with them, right or wrong in every claim.

mod keys;

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Map, Value, json};

use self::keys::Key;
use crate::{FakeUpstream, Script, Seen};

const DISCOVERY: &str = "/.well-known/openid-configuration";
const JWKS: &str = "/jwks";

/// The provider. Its tokens are for the audience `nbgate` and last five minutes unless drafted otherwise.
#[derive(Debug)]
pub struct FakeIssuer {
    server: FakeUpstream,
    /// The last one signs.
    keys: Mutex<Vec<Key>>,
    made: AtomicU64,
}

impl FakeIssuer {
    /// One that signs with ES256.
    #[must_use]
    pub fn start() -> Self {
        Self::with_key(Key::es256("key-1"))
    }

    /// One that signs with RS256.
    #[must_use]
    pub fn start_rsa() -> Self {
        Self::with_key(Key::rs256("key-1"))
    }

    fn with_key(key: Key) -> Self {
        let issuer = Self {
            server: FakeUpstream::start(),
            keys: Mutex::new(vec![key]),
            made: AtomicU64::new(1),
        };
        issuer.recover();
        issuer
    }

    /// The issuer's identifier: `iss`, and where discovery begins.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Where the keys are.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        self.url() + JWKS
    }

    /// The server behind it, to script more: other endpoints, delays, broken answers.
    #[must_use]
    pub fn server(&self) -> &FakeUpstream {
        &self.server
    }

    /// A token for this user, to be completed and signed.
    pub fn token(&self, user: &str) -> TokenDraft<'_> {
        let now = now();
        let claims = json!({
            "iss": self.url(), "sub": user, "preferred_username": user, "aud": "nbgate",
            "iat": now, "exp": now + 300, "jti": format!("token-{}", self.made.fetch_add(1, Ordering::Relaxed)),
        });
        let kid = self.keys().last().map(|key| key.kid().to_owned());
        let header = json!({ "typ": "JWT", "alg": self.algorithm(), "kid": kid });
        TokenDraft {
            issuer: self,
            header: object(header),
            claims: object(claims),
        }
    }

    /// Signs with a new key from now on, and no longer publishes the old ones.
    pub fn rotate(&self) {
        self.publish_next();
        let mut keys = self.keys();
        let old = keys.len() - 1;
        keys.drain(..old);
        drop(keys);
        self.recover();
    }

    /// Signs with a new key from now on, and goes on publishing the old ones.
    pub fn publish_next(&self) {
        let mut keys = self.keys();
        let kid = format!("key-{}", self.made.fetch_add(1, Ordering::Relaxed) + 1);
        let next = if keys.iter().any(Key::is_rsa) {
            Key::rs256(&kid)
        } else {
            Key::es256(&kid)
        };
        keys.push(next);
        drop(keys);
        self.recover();
    }

    /// Answers everything with this status from now on.
    pub fn fail(&self, status: u16) {
        for path in [DISCOVERY, JWKS] {
            self.server
                .answer(path, Script::answer(status, &[], "the identity provider is broken"));
        }
    }

    /// Answers as it should from now on.
    pub fn recover(&self) {
        self.server.answer(DISCOVERY, Script::json(200, &self.discovery()));
        self.server.answer(JWKS, Script::json(200, &self.jwks()));
    }

    /// How often discovery and keys were asked for, together.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.hits_of(DISCOVERY) + self.jwks_hits()
    }

    /// How often the keys were asked for.
    #[must_use]
    pub fn jwks_hits(&self) -> usize {
        self.hits_of(JWKS)
    }

    fn hits_of(&self, path: &str) -> usize {
        self.server
            .requests()
            .iter()
            .filter(|seen: &&Seen| seen.path() == path)
            .count()
    }

    /// The document at `/.well-known/openid-configuration`.
    #[must_use]
    pub fn discovery(&self) -> Value {
        let url = self.url();
        json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "introspection_endpoint": format!("{url}/introspect"),
            "jwks_uri": self.jwks_url(),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.algorithm()],
        })
    }

    /// The published keys.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.keys().iter().map(Key::to_jwk).collect::<Vec<_>>() })
    }

    fn algorithm(&self) -> &'static str {
        if self.keys().iter().any(Key::is_rsa) {
            "RS256"
        } else {
            "ES256"
        }
    }

    fn keys(&self) -> MutexGuard<'_, Vec<Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token before it is signed.
#[derive(Clone, Debug)]
#[must_use = "it is no token before it is signed"]
pub struct TokenDraft<'a> {
    issuer: &'a FakeIssuer,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl TokenDraft<'_> {
    /// Adds a group to the claim `groups`.
    pub fn group(mut self, name: &str) -> Self {
        if let Value::Array(groups) = self.claims.entry("groups").or_insert_with(|| json!([])) {
            groups.push(name.into());
        }
        self
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets a member of the header: `alg`, `kid`, `typ`, `crit` and whatever a forger may think of.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Sets the audience.
    pub fn audience(self, audience: &str) -> Self {
        self.claim("aud", audience)
    }

    /// Sets the end of its life, in seconds from now; negative for one that is over.
    pub fn expires_in(self, seconds: i64) -> Self {
        let end = now() + seconds;
        self.claim("exp", end)
    }

    /// The token, signed with the issuer's current key.
    ///
    /// # Panics
    /// Never: the issuer has a key.
    #[must_use]
    pub fn sign(self) -> String {
        let keys = self.issuer.keys();
        let key = keys.last().expect("an issuer has a key at all times");
        self.sign_by(|message| key.sign(message))
    }

    /// The token, with whatever this makes of the text to be signed: for forgeries.
    #[must_use]
    pub fn sign_by(&self, signature: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let part = |object: &Map<String, Value>| BASE64.encode(Value::Object(object.clone()).to_string());
        let message = format!("{}.{}", part(&self.header), part(&self.claims));
        let signature = BASE64.encode(signature(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
