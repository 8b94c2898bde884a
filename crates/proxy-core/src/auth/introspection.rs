//! Kind `introspection`: a token of any issuer that answers RFC 7662, opaque or not.
//!
//! Decides what the issuer's answer means. Reading its members, which are those of a JWT, is shared with `oidc`.
//!
//! **Invariant**: only 200 with `active` says yes or no. An active token is still refused when it is over, not yet good,
//! meant for others, bound to a key that cannot be checked here, or no access token.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_http::{RequestHead, header::HeaderValue};
use anyhow::Context as _;
use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::{
    Authenticator, Claims, Identity, Outcome,
    bearer::{TokenKind, bearer_token},
    cache::{AnswerCache, Failure},
    config::{Required, check_name, check_names, check_whole, default_cache_seconds, platform_url},
    oidc::claims::{
        check_audience, check_is_access_token, check_times, claim, default_groups_claim, names, scopes, text,
    },
};
use crate::{
    client::{Answer, PlatformClient},
    config::{Problems, Validate, whole},
    credential::read_secret,
    error::Reason,
    strict_json,
    telemetry::Metrics,
};

const KIND: &str = "introspection";
/// How far the issuer's clock and ours may differ.
const LEEWAY: Duration = Duration::from_secs(30);

/// Keys of kind `introspection`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionConfig {
    endpoint: String,
    client_id: String,
    client_secret_file: PathBuf,
    #[serde(default)]
    audience: Vec<String>,
    /// `username` where the answer has it, else `sub`.
    user_claim: Option<String>,
    #[serde(default = "default_groups_claim")]
    groups_claim: String,
    #[serde(default)]
    allow_insecure_http: bool,
    #[serde(default = "default_cache_seconds", deserialize_with = "whole")]
    cache_seconds: u64,
    #[serde(default)]
    required_scopes: Vec<String>,
    #[serde(default)]
    required_groups: Vec<String>,
}

impl IntrospectionConfig {
    pub(super) fn build(&self, metrics: &Arc<Metrics>) -> anyhow::Result<Box<dyn Authenticator>> {
        let endpoint = platform_url(&self.endpoint, self.allow_insecure_http);
        Ok(Box::new(Introspection {
            endpoint: endpoint.map_err(|what| anyhow::anyhow!("endpoint {what}"))?,
            authorization: self.authorization()?,
            audience: self.audience.clone(),
            user_claim: self.user_claim.clone(),
            groups_claim: self.groups_claim.clone(),
            required: Required::new(&self.required_scopes, &self.required_groups),
            cache: AnswerCache::new(KIND, Duration::from_secs(self.cache_seconds), metrics),
        }))
    }

    /// RFC 6749, 2.3.1: both are form-encoded before they are put together.
    #[expect(
        clippy::disallowed_methods,
        reason = "the client's secret is sent to the issuer that it belongs to"
    )]
    fn authorization(&self) -> anyhow::Result<HeaderValue> {
        let secret = read_secret(&self.client_secret_file)?;
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = STANDARD.encode(format!(
            "{}:{}",
            encode(&self.client_id),
            encode(secret.expose_secret())
        ));
        let mut value = HeaderValue::try_from(format!("Basic {pair}")).context("client_secret_file")?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl Validate for IntrospectionConfig {
    fn validate(&self, problems: &mut Problems) {
        if let Err(what) = platform_url(&self.endpoint, self.allow_insecure_http) {
            problems.add("endpoint", what);
        }
        check_name("client_id", &self.client_id, problems);
        check_names("audience", &self.audience, problems);
        if let Some(claim) = &self.user_claim {
            check_name("user_claim", claim, problems);
        }
        check_name("groups_claim", &self.groups_claim, problems);
        check_whole("cache_seconds", self.cache_seconds, 1..=60, problems);
        Required::check(&self.required_scopes, &self.required_groups, problems);
    }
}

#[derive(Debug)]
struct Introspection {
    endpoint: Url,
    /// Marked sensitive: `Debug` does not show it.
    authorization: HeaderValue,
    audience: Vec<String>,
    user_claim: Option<String>,
    groups_claim: String,
    required: Required,
    cache: AnswerCache,
}

impl Introspection {
    async fn outcome(&self, head: &RequestHead, client: &PlatformClient) -> Result<Outcome, Reason> {
        let Some(token) = bearer_token(head)?.filter(|token| token.kind() != TokenKind::Gafaelfawr) else {
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

    async fn identify(&self, token: &str, client: &PlatformClient) -> Result<Identity, Failure> {
        let form = [("token", token), ("token_type_hint", "access_token")];
        match client
            .post_form(&self.endpoint, self.authorization.clone(), &form)
            .await
        {
            Ok(answer) if answer.status == 200 => {
                let claims = strict_json::object(&answer.body);
                let claims =
                    claims.ok_or_else(|| Failure::unavailable(KIND, "the endpoint's answer is no JSON object"))?;
                self.judge(&claims, SystemTime::now())
            }
            Ok(Answer { status, .. }) => Err(Failure::unavailable(KIND, format!("the endpoint answered {status}"))),
            Err(error) => Err(Failure::unavailable(KIND, error)),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the issuer has just named the token's owner")]
    fn judge(&self, members: &Map<String, Value>, now: SystemTime) -> Result<Identity, Failure> {
        match members.get("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Err(Reason::Unknown.into()),
            _ => {
                return Err(Failure::unavailable(
                    KIND,
                    "the answer does not say whether the token is active",
                ));
            }
        }
        self.claims(members, now)
            .and_then(Identity::proven)
            .map_err(|reason| match reason {
                // It is the answer that is malformed, not the caller's token.
                Reason::Malformed(what) => Failure::unavailable(KIND, what),
                reason => reason.into(),
            })
    }

    fn claims(&self, members: &Map<String, Value>, now: SystemTime) -> Result<Claims, Reason> {
        let expires = check_times(members, now, LEEWAY)?;
        check_is_access_token(members)?;
        if !self.audience.is_empty() {
            check_audience(members, &self.audience)?;
        }
        Ok(Claims {
            user: self.user(members)?,
            groups: names(members, &self.groups_claim)?,
            scopes: scopes(members, "scope")?,
            kind: KIND,
            expires,
            by_cookie: false,
        })
    }

    fn user(&self, members: &Map<String, Value>) -> Result<String, Reason> {
        match &self.user_claim {
            Some(path) => text(members, path),
            None if claim(members, "username").is_some() => text(members, "username"),
            None => text(members, "sub"),
        }
    }
}

#[async_trait(?Send)]
impl Authenticator for Introspection {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn authenticate(&self, head: &RequestHead, client: &PlatformClient) -> Outcome {
        self.outcome(head, client).await.unwrap_or_else(Outcome::Rejected)
    }

    fn required(&self) -> &Required {
        &self.required
    }
}

#[cfg(test)]
mod tests;
