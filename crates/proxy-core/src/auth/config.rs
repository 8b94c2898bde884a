//! `[[identity]]`: which schemes there are, what each needs, and what is wrong with an entry.
//!
//! Decides which kinds exist and builds them. What a kind's keys mean is left to that kind's own file.
//!
//! **Invariant**: what is insecure (plain http beyond loopback, trusting every peer) is a problem until its own
//! `allow_insecure_*` key says that it is meant.

mod checks;
mod required;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub(super) use self::checks::{
    check_name, check_names, check_whole, default_cache_seconds, join, platform_url, some_whole,
};
pub use self::required::Required;
use super::{
    Authenticator, gafaelfawr::GafaelfawrConfig, gateway::GatewayConfig, introspection::IntrospectionConfig,
    jupyterhub::JupyterHubConfig, oidc::OidcConfig,
};
use crate::{
    config::{Problems, Section, Validate, read_struct},
    telemetry::Metrics,
};

const KINDS: &str = "`gateway`, `gafaelfawr`, `jupyterhub`, `oidc`, `introspection`";

/// One entry of the list of schemes.
#[derive(Clone, Debug)]
pub enum IdentityConfig {
    /// Headers that a trusted ingress sets.
    Gateway(GatewayConfig),
    /// Tokens of a Rubin platform.
    Gafaelfawr(GafaelfawrConfig),
    /// Tokens of a JupyterHub.
    JupyterHub(JupyterHubConfig),
    /// JWTs of an OpenID issuer, checked here.
    Oidc(OidcConfig),
    /// Tokens of any issuer that answers RFC 7662.
    Introspection(IntrospectionConfig),
}

impl IdentityConfig {
    /// Builds the scheme.
    ///
    /// # Errors
    /// A file that the entry names cannot be read, or the entry was never validated.
    pub fn build(&self, metrics: &Arc<Metrics>) -> anyhow::Result<Box<dyn Authenticator>> {
        match self {
            Self::Gateway(config) => config.build(),
            Self::Gafaelfawr(config) => config.build(metrics),
            Self::JupyterHub(config) => config.build(metrics),
            Self::Oidc(config) => config.build(metrics),
            Self::Introspection(config) => config.build(metrics),
        }
    }

    /// The header, in lower case, with which an ingress proves that it is the ingress: not for an upstream that its users own.
    #[must_use]
    pub fn secret_header(&self) -> Option<String> {
        match self {
            Self::Gateway(config) => config.secret_header().map(|name| name.as_str().to_owned()),
            _ => None,
        }
    }

    /// Whether every credential of the `later` entry's kind is this one's too.
    fn leaves_nothing_for(&self, later: &Self) -> bool {
        match (self, later) {
            // Two gateways may have peers of their own.
            (Self::Gateway(_), Self::Gateway(_)) => false,
            (Self::Introspection(_), Self::JupyterHub(_) | Self::Oidc(_)) => true,
            _ => std::mem::discriminant(self) == std::mem::discriminant(later),
        }
    }
}

/// Fills in what the service knows and an entry leaves open: the scopes that a Gafaelfawr token must have.
pub fn apply_defaults(entries: &mut [IdentityConfig], gafaelfawr_scopes: &[&str]) {
    for entry in entries {
        if let IdentityConfig::Gafaelfawr(config) = entry {
            config.default_scopes(gafaelfawr_scopes);
        }
    }
}

impl Section for IdentityConfig {
    fn read(mut value: Value, problems: &mut Problems) -> Option<Self> {
        let Some(table) = value.as_object_mut() else {
            problems.add("", "is not a table of keys: write one");
            return None;
        };
        let Some(kind) = table.remove("kind") else {
            problems.add("kind", format!("is missing: use one of {KINDS}"));
            return None;
        };
        match kind.as_str() {
            Some("gateway") => read(value, problems, Self::Gateway),
            Some("gafaelfawr") => read(value, problems, Self::Gafaelfawr),
            Some("jupyterhub") => read(value, problems, Self::JupyterHub),
            Some("oidc") => read(value, problems, Self::Oidc),
            Some("introspection") => read(value, problems, Self::Introspection),
            _ => {
                problems.add("kind", format!("is not a kind that is known here: use one of {KINDS}"));
                None
            }
        }
    }

    /// The first entry that finds its kind of credential decides, so that some entries never get to see one.
    fn together(key: &str, entries: &[Self], problems: &mut Problems) {
        if entries.is_empty() {
            problems.add(
                key,
                format!("is empty, so that nobody could sign in: add a `[[{key}]]` with one of the kinds {KINDS}"),
            );
        }
        for (index, entry) in entries.iter().enumerate() {
            if let Some(earlier) = entries[..index]
                .iter()
                .position(|earlier| earlier.leaves_nothing_for(entry))
            {
                let what = format!(
                    "never gets to see a credential, as `{key}[{earlier}]` takes them all: remove one, or change the order"
                );
                problems.add(format!("{key}[{index}]"), what);
            }
        }
    }
}

fn read<T: DeserializeOwned>(
    value: Value,
    problems: &mut Problems,
    into: fn(T) -> IdentityConfig,
) -> Option<IdentityConfig> {
    read_struct(value, problems).map(into)
}

impl Validate for IdentityConfig {
    fn validate(&self, problems: &mut Problems) {
        match self {
            Self::Gateway(config) => config.validate(problems),
            Self::Gafaelfawr(config) => config.validate(problems),
            Self::JupyterHub(config) => config.validate(problems),
            Self::Oidc(config) => config.validate(problems),
            Self::Introspection(config) => config.validate(problems),
        }
    }
}

#[cfg(test)]
mod tests;
