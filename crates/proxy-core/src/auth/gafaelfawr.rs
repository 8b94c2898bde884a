//! Kind `gafaelfawr`: a Rubin platform's `gt-` token, always verified by asking `token-info`.
//!
//! Decides where the token is taken from (`Authorization`, or `X-Auth-Request-Token` behind a GafaelfawrIngress) and what
//! Gafaelfawr's answers mean. No `X-Auth-Request-*` header is believed: the token in one is a token like any other.
//!
//! **Invariant**: a token of the wrong form is refused without asking; only 200 says yes, only 401 and 403 say no.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_http::{
    RequestHead,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use async_trait::async_trait;
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use super::{
    Authenticator, Claims, Identity, Outcome,
    bearer::{Token, TokenKind, bearer_token, single},
    cache::{AnswerCache, Failure},
    config::{Required, check_whole, default_cache_seconds, join, platform_url},
};
use crate::{
    client::{Answer, PlatformClient},
    config::{Problems, Validate, whole},
    error::Reason,
    telemetry::Metrics,
};

pub(crate) const KIND: &str = "gafaelfawr";
/// Where an ingress puts a token that it has made for whoever passes it.
pub(super) const DELEGATED: HeaderName = HeaderName::from_static("x-auth-request-token");

/// Keys of kind `gafaelfawr`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GafaelfawrConfig {
    base_url: String,
    /// Whether policy or upstream need groups even where none is required.
    #[serde(default)]
    groups: bool,
    #[serde(default)]
    allow_insecure_http: bool,
    #[serde(default = "default_cache_seconds", deserialize_with = "whole")]
    cache_seconds: u64,
    required_scopes: Option<Vec<String>>,
    #[serde(default)]
    required_groups: Vec<String>,
}

impl GafaelfawrConfig {
    pub(super) fn build(&self, metrics: &Arc<Metrics>) -> anyhow::Result<Box<dyn Authenticator>> {
        let base = platform_url(&self.base_url, self.allow_insecure_http)
            .map_err(|what| anyhow::anyhow!("base_url {what}"))?;
        let required = Required::new(
            self.required_scopes.as_deref().unwrap_or_default(),
            &self.required_groups,
        );
        Ok(Box::new(Gafaelfawr {
            token_info: join(&base, "auth/api/v1/token-info"),
            user_info: (self.groups || required.needs_groups()).then(|| join(&base, "auth/api/v1/user-info")),
            required,
            cache: AnswerCache::new(KIND, Duration::from_secs(self.cache_seconds), metrics),
        }))
    }

    pub(super) fn default_scopes(&mut self, scopes: &[&str]) {
        self.required_scopes
            .get_or_insert_with(|| scopes.iter().map(|&scope| scope.to_owned()).collect());
    }
}

impl Validate for GafaelfawrConfig {
    fn validate(&self, problems: &mut Problems) {
        if let Err(what) = platform_url(&self.base_url, self.allow_insecure_http) {
            problems.add("base_url", what);
        }
        check_whole("cache_seconds", self.cache_seconds, 1..=60, problems);
        Required::check(
            self.required_scopes.as_deref().unwrap_or_default(),
            &self.required_groups,
            problems,
        );
    }
}

/// Members of `token-info` that count; Gafaelfawr leaves nulls out.
#[derive(Deserialize)]
struct TokenInfo {
    username: String,
    scopes: Vec<String>,
    /// Absent: without an end.
    expires: Option<u64>,
}

#[derive(Deserialize)]
struct UserInfo {
    username: String,
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
}

#[derive(Debug)]
struct Gafaelfawr {
    token_info: Url,
    user_info: Option<Url>,
    required: Required,
    cache: AnswerCache,
}

/// A token and whether the ingress sent it, which may have taken a cookie for it.
struct Presented<'a> {
    token: Token<'a>,
    by_ingress: bool,
}

fn presented(head: &RequestHead) -> Result<Option<Presented<'_>>, Reason> {
    let own = bearer_token(head)?.filter(|token| token.kind() == TokenKind::Gafaelfawr);
    let delegated = single(head, &DELEGATED)?.map(Token::new).transpose()?;
    let presented = match (own, delegated) {
        (Some(own), Some(delegated)) if own != delegated => return Err(Reason::Ambiguous),
        (_, Some(token)) => Presented {
            token,
            by_ingress: true,
        },
        (Some(token), None) => Presented {
            token,
            by_ingress: false,
        },
        (None, None) => return Ok(None),
    };
    if !is_well_formed(presented.token.as_str()) {
        return Err(Reason::Malformed("it is not of the form `gt-<key>.<secret>`".into()));
    }
    Ok(Some(presented))
}

/// `gt-`, a key and a secret of 22 URL-safe base64 characters each, with a dot between them.
fn is_well_formed(token: &str) -> bool {
    let is_half = |half: &str| {
        half.len() == 22
            && half
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    token
        .strip_prefix("gt-")
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(key, secret)| is_half(key) && is_half(secret))
}

impl Gafaelfawr {
    async fn outcome(&self, head: &RequestHead, client: &PlatformClient) -> Result<Outcome, Reason> {
        let Some(Presented { token, by_ingress }) = presented(head)? else {
            return Ok(Outcome::NotPresent);
        };
        let key: [&[u8]; 2] = [token.as_str().as_bytes(), &[u8::from(by_ingress)]];
        Ok(self
            .cache
            .outcome(&key, async {
                Box::pin(self.identify(token.as_str(), by_ingress, client)).await
            })
            .await)
    }

    #[expect(clippy::disallowed_methods, reason = "Gafaelfawr has just named the token's owner")]
    async fn identify(&self, token: &str, by_cookie: bool, client: &PlatformClient) -> Result<Identity, Failure> {
        let info: TokenInfo = self.ask(&self.token_info, token, client).await?;
        let expires = info
            .expires
            .map(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        let expires = expires
            .map(|end| end.ok_or_else(|| Failure::unavailable(KIND, "`expires` is no time")))
            .transpose()?;
        if expires.is_some_and(|end| end <= SystemTime::now()) {
            return Err(Reason::Expired.into());
        }
        let groups = match &self.user_info {
            Some(url) => self.groups(url, token, &info.username, client).await?,
            None => Vec::new(),
        };
        let claims = Claims {
            user: info.username,
            groups,
            scopes: info.scopes,
            kind: KIND,
            expires,
            by_cookie,
        };
        Ok(Identity::proven(claims)?)
    }

    async fn groups(
        &self,
        url: &Url,
        token: &str,
        user: &str,
        client: &PlatformClient,
    ) -> Result<Vec<String>, Failure> {
        let info: UserInfo = self.ask(url, token, client).await?;
        if info.username != user {
            return Err(Failure::unavailable(
                KIND,
                "token-info and user-info name different users",
            ));
        }
        Ok(info.groups.into_iter().map(|group| group.name).collect())
    }

    async fn ask<T: DeserializeOwned>(&self, url: &Url, token: &str, client: &PlatformClient) -> Result<T, Failure> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Reason::Malformed("it cannot be sent in a header".into()))?;
        authorization.set_sensitive(true);
        match client.get(url, &[(AUTHORIZATION, authorization)]).await {
            Ok(answer) if answer.status == 200 => answer.json().map_err(|error| Failure::unavailable(KIND, error)),
            // Unknown, expired and revoked are 401; known to one of Gafaelfawr's stores only, or malformed, 403.
            Ok(Answer { status: 401 | 403, .. }) => Err(Reason::Unknown.into()),
            Ok(Answer { status, .. }) => Err(Failure::unavailable(KIND, format!("{} answered {status}", url.path()))),
            Err(error) => Err(Failure::unavailable(KIND, error)),
        }
    }
}

#[async_trait(?Send)]
impl Authenticator for Gafaelfawr {
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
