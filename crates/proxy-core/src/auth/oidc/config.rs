//! Keys of kind `oidc`.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use openidconnect::IssuerUrl;
use serde::Deserialize;

use super::{
    super::{
        Authenticator,
        cache::AnswerCache,
        config::{Required, check_name, check_names, check_whole, default_cache_seconds, platform_url, some_whole},
    },
    KIND, Oidc,
    claims::{Rules, default_groups_claim},
    keys::{Keys, Pace},
};
use crate::{
    config::{Problems, Validate, whole},
    telemetry::Metrics,
};

/// Every algorithm that an issuer may sign with: never a shared secret, never `none`.
const ALGORITHMS: &str = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA";

/// Keys of kind `oidc`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    issuer: String,
    audience: Vec<String>,
    authorized_parties: Option<Vec<String>>,
    #[serde(default = "default_algorithms")]
    algorithms: Vec<String>,
    #[serde(default = "default_user_claim")]
    user_claim: String,
    #[serde(default = "default_groups_claim")]
    groups_claim: String,
    #[serde(default = "default_scopes_claim")]
    scopes_claim: String,
    #[serde(default = "default_leeway_seconds", deserialize_with = "whole")]
    leeway_seconds: u64,
    #[serde(default, deserialize_with = "some_whole")]
    max_token_lifetime_seconds: Option<u64>,
    #[serde(default)]
    allow_insecure_http: bool,
    #[serde(default = "default_cache_seconds", deserialize_with = "whole")]
    cache_seconds: u64,
    #[serde(default)]
    required_scopes: Vec<String>,
    #[serde(default)]
    required_groups: Vec<String>,
}

fn default_algorithms() -> Vec<String> {
    vec!["RS256".to_owned(), "ES256".to_owned()]
}

fn default_user_claim() -> String {
    "preferred_username".to_owned()
}

fn default_scopes_claim() -> String {
    "scope".to_owned()
}

fn default_leeway_seconds() -> u64 {
    30
}

/// The algorithm of this name, unless it needs a secret that both sides know.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    name.parse()
        .ok()
        .filter(|algorithm: &Algorithm| algorithm.family() != AlgorithmFamily::Hmac)
}

impl OidcConfig {
    pub(in crate::auth) fn build(&self, metrics: &Arc<Metrics>) -> anyhow::Result<Box<dyn Authenticator>> {
        self.build_at(Pace::STANDARD, metrics)
            .map(|oidc| Box::new(oidc) as Box<dyn Authenticator>)
    }

    pub(super) fn build_at(&self, pace: Pace, metrics: &Arc<Metrics>) -> anyhow::Result<Oidc> {
        // The library would choose the same by itself, and panic if some crate ever compiled a second one in. Whoever was
        // first has installed this one too.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let algorithms: Vec<Algorithm> = self.algorithms.iter().filter_map(|name| algorithm(name)).collect();
        Ok(Oidc {
            keys: Arc::new(Keys::new(
                IssuerUrl::new(self.issuer.clone())?,
                self.allow_insecure_http,
                algorithms.clone(),
                pace,
                metrics.keys(),
            )),
            algorithms,
            rules: Rules {
                kind: KIND,
                issuer: self.issuer.clone(),
                audience: self.audience.clone(),
                authorized_parties: self.authorized_parties.clone(),
                user_claim: self.user_claim.clone(),
                groups_claim: self.groups_claim.clone(),
                scopes_claim: self.scopes_claim.clone(),
                leeway: Duration::from_secs(self.leeway_seconds),
                max_lifetime: self.max_token_lifetime_seconds.map(Duration::from_secs),
            },
            required: Required::new(&self.required_scopes, &self.required_groups),
            // The one question that a token can raise, for a new key, has a bound of its own.
            cache: AnswerCache::new(KIND, Duration::from_secs(self.cache_seconds), metrics).unbounded(),
        })
    }

    fn check_lists(&self, problems: &mut Problems) {
        if self.audience.is_empty() {
            problems.add(
                "audience",
                "is empty, so that a token for any other service would do here: name this service",
            );
        }
        check_names("audience", &self.audience, problems);
        if self.authorized_parties.as_ref().is_some_and(Vec::is_empty) {
            problems.add(
                "authorized_parties",
                "is empty, so that nobody could sign in: list clients, or remove it",
            );
        }
        check_names(
            "authorized_parties",
            self.authorized_parties.as_deref().unwrap_or_default(),
            problems,
        );
        if self.algorithms.is_empty() {
            problems.add("algorithms", format!("is empty: list some of {ALGORITHMS}"));
        }
        for (index, _) in self
            .algorithms
            .iter()
            .enumerate()
            .filter(|(_, name)| algorithm(name).is_none())
        {
            problems.add(
                format!("algorithms[{index}]"),
                format!("is not accepted: use one of {ALGORITHMS}"),
            );
        }
    }
}

impl Validate for OidcConfig {
    fn validate(&self, problems: &mut Problems) {
        if let Err(what) = platform_url(&self.issuer, self.allow_insecure_http) {
            problems.add("issuer", what);
        }
        self.check_lists(problems);
        for (key, claim) in [
            ("user_claim", &self.user_claim),
            ("groups_claim", &self.groups_claim),
            ("scopes_claim", &self.scopes_claim),
        ] {
            check_name(key, claim, problems);
        }
        check_whole("leeway_seconds", self.leeway_seconds, 0..=300, problems);
        if let Some(seconds) = self.max_token_lifetime_seconds {
            check_whole("max_token_lifetime_seconds", seconds, 60..=31_536_000, problems);
        }
        check_whole("cache_seconds", self.cache_seconds, 1..=60, problems);
        Required::check(&self.required_scopes, &self.required_groups, problems);
    }
}

#[cfg(test)]
mod tests;
