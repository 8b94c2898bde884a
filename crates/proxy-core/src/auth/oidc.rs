//! Kind `oidc`: a JWT of an OpenID issuer, checked here with the issuer's published keys.
//!
//! Decides in which order a token is judged: form and algorithm, key, signature, claims. Each step is a file below;
//! `claims` is shared with `introspection`, whose answers have the same members.
//!
//! **Invariant**: nothing that a token says of itself is believed before its signature is, but for which of the
//! configured algorithms and published keys to check it with.

pub(super) mod claims;
mod config;
#[cfg(fuzzing)]
pub mod fuzzing;
mod jws;
mod keys;
mod keyset;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_http::RequestHead;
use async_trait::async_trait;
use jsonwebtoken::Algorithm;

pub(super) use self::config::OidcConfig;
use self::{claims::Rules, jws::Jws, keys::Keys};
use super::{
    Authenticator, Identity, Outcome,
    bearer::{TokenKind, bearer_token},
    cache::{AnswerCache, Failure},
    config::Required,
};
use crate::{client::PlatformClient, error::Reason};

const KIND: &str = "oidc";

#[derive(Debug)]
struct Oidc {
    algorithms: Vec<Algorithm>,
    keys: Arc<Keys>,
    rules: Rules,
    required: Required,
    cache: AnswerCache,
}

impl Oidc {
    async fn outcome(&self, head: &RequestHead, client: &PlatformClient) -> Result<Outcome, Reason> {
        let Some(token) = bearer_token(head)?.filter(|token| token.kind() == TokenKind::Jwt) else {
            return Ok(Outcome::NotPresent);
        };
        let token = token.as_str();
        Ok(self
            .cache
            .outcome(&[token.as_bytes()], async {
                Box::pin(self.identify(token, client)).await
            })
            .await)
    }

    #[expect(clippy::disallowed_methods, reason = "signature and claims have just been verified")]
    async fn identify(&self, token: &str, client: &PlatformClient) -> Result<Identity, Failure> {
        let jws = Jws::parse(token, &self.algorithms)?;
        let key = self.keys.find(jws.key_id(), jws.algorithm(), client).await?;
        let claims = jws.verify(&key)?;
        Ok(Identity::proven(self.rules.judge(&claims, SystemTime::now())?)?)
    }
}

#[async_trait(?Send)]
impl Authenticator for Oidc {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn authenticate(&self, head: &RequestHead, client: &PlatformClient) -> Outcome {
        self.outcome(head, client).await.unwrap_or_else(Outcome::Rejected)
    }

    fn required(&self) -> &Required {
        &self.required
    }

    async fn refresh(&self, client: &PlatformClient) -> Option<Duration> {
        Some(self.keys.refresh(client).await)
    }

    fn ready(&self) -> bool {
        self.keys.ready()
    }
}

#[cfg(test)]
mod tests;
