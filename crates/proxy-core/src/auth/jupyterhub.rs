//! Kind `jupyterhub`: a token of the hub that this service belongs to, verified by asking the hub whose it is.
//!
//! Decides what the hub's answer means, and which of the hub's scopes stand for one another.
//!
//! **Invariant**: only 200 says yes, only 403 says no. Who may use the service is the hub's decision: without another
//! list, the scope `access:services!service=<name>` is demanded.

use std::{sync::Arc, time::Duration};

use actix_http::{
    RequestHead,
    header::{AUTHORIZATION, HeaderValue},
};
use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use super::{
    Authenticator, Claims, Identity, Outcome,
    bearer::{TokenKind, hub_token},
    cache::{AnswerCache, Failure},
    config::{Required, check_name, check_whole, default_cache_seconds, join, platform_url},
};
use crate::{
    client::{Answer, PlatformClient},
    config::{Problems, Validate, whole},
    error::Reason,
    telemetry::Metrics,
};

const KIND: &str = "jupyterhub";
/// Before the name of a hub service, so that no user can be taken for one.
const SERVICE: &str = "service:";

/// Keys of kind `jupyterhub`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JupyterHubConfig {
    api_url: String,
    service_name: Option<String>,
    #[serde(default)]
    allow_insecure_http: bool,
    #[serde(default = "default_cache_seconds", deserialize_with = "whole")]
    cache_seconds: u64,
    required_scopes: Option<Vec<String>>,
    #[serde(default)]
    required_groups: Vec<String>,
}

impl JupyterHubConfig {
    pub(super) fn build(&self, metrics: &Arc<Metrics>) -> anyhow::Result<Box<dyn Authenticator>> {
        let api = platform_url(&self.api_url, self.allow_insecure_http);
        Ok(Box::new(JupyterHub {
            user: join(&api.map_err(|what| anyhow::anyhow!("api_url {what}"))?, "user"),
            required: Required::new(&self.scopes(), &self.required_groups),
            cache: AnswerCache::new(KIND, Duration::from_secs(self.cache_seconds), metrics),
        }))
    }

    fn scopes(&self) -> Vec<String> {
        self.required_scopes.clone().unwrap_or_else(|| {
            // Validation has made sure of a name; without one, this is a scope that nobody has.
            vec![format!(
                "access:services!service={}",
                self.service_name.as_deref().unwrap_or_default()
            )]
        })
    }
}

impl Validate for JupyterHubConfig {
    fn validate(&self, problems: &mut Problems) {
        if let Err(what) = platform_url(&self.api_url, self.allow_insecure_http) {
            problems.add("api_url", what);
        }
        match &self.service_name {
            Some(name) => check_name("service_name", name, problems),
            None if self.required_scopes.is_none() => problems.missing("service_name"),
            None => {}
        }
        check_whole("cache_seconds", self.cache_seconds, 1..=60, problems);
        Required::check(
            self.required_scopes.as_deref().unwrap_or_default(),
            &self.required_groups,
            problems,
        );
    }
}

/// The members of the hub's user model that every token may read; services have no groups.
#[derive(Deserialize)]
struct Model {
    kind: String,
    name: String,
    #[serde(default)]
    groups: Vec<String>,
    scopes: Vec<String>,
}

#[derive(Debug)]
struct JupyterHub {
    user: Url,
    required: Required,
    cache: AnswerCache,
}

impl JupyterHub {
    async fn outcome(&self, head: &RequestHead, client: &PlatformClient) -> Result<Outcome, Reason> {
        let Some(token) = hub_token(head)?.filter(|token| token.kind() == TokenKind::Opaque) else {
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
        let mut authorization = HeaderValue::try_from(format!("token {token}"))
            .map_err(|_| Reason::Malformed("it cannot be sent in a header".into()))?;
        authorization.set_sensitive(true);
        match client.get(&self.user, &[(AUTHORIZATION, authorization)]).await {
            Ok(answer) if answer.status == 200 => {
                caller(answer.json().map_err(|error| Failure::unavailable(KIND, error))?)
            }
            Ok(Answer { status: 403, .. }) => Err(Reason::Unknown.into()),
            Ok(Answer { status, .. }) => Err(Failure::unavailable(KIND, format!("the hub answered {status}"))),
            Err(error) => Err(Failure::unavailable(KIND, error)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the hub has just named the token's owner")]
fn caller(model: Model) -> Result<Identity, Failure> {
    let user = match model.kind.as_str() {
        "service" => format!("{SERVICE}{}", model.name),
        "user" if model.name.starts_with(SERVICE) => {
            return Err(Reason::Unacceptable("its owner is named like a service of the hub".into()).into());
        }
        "user" => model.name,
        _ => {
            return Err(Failure::unavailable(
                KIND,
                "the hub's answer is about neither a user nor a service",
            ));
        }
    };
    let claims = Claims {
        user,
        groups: model.groups,
        scopes: model.scopes,
        kind: KIND,
        expires: None,
        by_cookie: false,
    };
    Ok(Identity::proven(claims)?)
}

/// Whether the scopes an identity has include `wanted`: exactly, or without its filter, which stands for every filter. A
/// filtered scope never stands for an unfiltered one.
fn includes(identity: &Identity, wanted: &str) -> bool {
    identity.has_scope(wanted)
        || wanted
            .split_once('!')
            .is_some_and(|(unfiltered, _)| identity.has_scope(unfiltered))
}

#[async_trait(?Send)]
impl Authenticator for JupyterHub {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn authenticate(&self, head: &RequestHead, client: &PlatformClient) -> Outcome {
        self.outcome(head, client).await.unwrap_or_else(Outcome::Rejected)
    }

    fn missing_scopes(&self, identity: &Identity) -> Vec<String> {
        self.required.missing_scopes_but(|wanted| includes(identity, wanted))
    }

    fn required(&self) -> &Required {
        &self.required
    }
}

#[cfg(test)]
mod tests;
