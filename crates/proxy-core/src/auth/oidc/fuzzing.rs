//! Doors for `fuzz/`: a token read and judged as [`super::Oidc`] does it, without asking an issuer (`crate::fuzzing`).

use std::time::{Duration, SystemTime};

use actix_http::RequestHead;
use jsonwebtoken::Algorithm;
use openidconnect::core::CoreJsonWebKeySet;

use super::{
    super::{
        Claims,
        bearer::{bearer_token, hub_token},
    },
    KIND,
    claims::Rules,
    config::algorithm,
    jws::Jws,
    keyset::{Found, KeySet},
};
use crate::error::Reason;

/// A token as a request presents it.
#[derive(Debug)]
pub struct Presented {
    /// The token.
    pub text: String,
    /// What `Debug` shows of it.
    pub shown: String,
}

/// The token in `Authorization`, as most schemes read it, or as JupyterHub's does.
///
/// # Errors
/// Where two readings are possible.
pub fn presented(head: &RequestHead, of_hub: bool) -> Result<Option<Presented>, Reason> {
    let token = if of_hub { hub_token(head) } else { bearer_token(head) };
    token.map(|token| {
        token.map(|token| Presented {
            text: token.as_str().to_owned(),
            shown: format!("{token:?}"),
        })
    })
}

/// The keys that an issuer publishes, and what its tokens must say.
#[derive(Debug)]
pub struct Issuer {
    keys: KeySet,
    allowed: Vec<Algorithm>,
    rules: Rules,
}

impl Issuer {
    /// Who makes the tokens.
    pub const NAME: &str = "https://idp.example.org/realms/sky";
    /// Whom they are for.
    pub const AUDIENCE: &str = "jira-proxy";
    /// How far clocks may differ, in seconds.
    pub const LEEWAY: u64 = 30;

    /// `None` for a key set that is not believed.
    #[must_use]
    pub fn new(key_set: &[u8], allowed: &[&str]) -> Option<Self> {
        let allowed: Vec<Algorithm> = allowed.iter().filter_map(|name| algorithm(name)).collect();
        let published: CoreJsonWebKeySet = serde_json::from_slice(key_set).ok()?;
        Some(Self {
            keys: KeySet::new(published.keys(), &allowed).ok()?,
            allowed,
            rules: Rules {
                kind: KIND,
                issuer: Self::NAME.to_owned(),
                audience: vec![Self::AUDIENCE.to_owned()],
                authorized_parties: None,
                user_claim: "preferred_username".to_owned(),
                groups_claim: "groups".to_owned(),
                scopes_claim: "scope".to_owned(),
                leeway: Duration::from_secs(Self::LEEWAY),
                max_lifetime: None,
            },
        })
    }

    /// Whether key `id` checks signatures made with the algorithm of this name.
    #[must_use]
    pub fn checks(&self, id: &str, name: &str) -> bool {
        algorithm(name).is_some_and(|algorithm| matches!(self.keys.find(id, algorithm), Found::Key(_)))
    }

    /// Whom the token proves.
    ///
    /// # Errors
    /// Why it proves nobody.
    pub fn judge(&self, token: &str, now: SystemTime) -> Result<Claims, Reason> {
        let jws = Jws::parse(token, &self.allowed)?;
        let Found::Key(key) = self.keys.find(jws.key_id(), jws.algorithm()) else {
            return Err(Reason::Unknown);
        };
        self.rules.judge(&jws.verify(&key)?, now)
    }
}
