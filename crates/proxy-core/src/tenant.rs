//! One upstream with all that belongs to it: prefix, credential, policy, limits, counters.
//!
//! **Invariant**: nothing of a tenant is reachable through another one.

use std::sync::Arc;

use anyhow::Context;
use serde_json::Value;

use crate::{
    config::{
        Problems, Section,
        sections::{PolicyConfig, ServerConfig, TenantConfig, UpstreamConfig},
    },
    credential::ServiceCredential,
    forward::links::LinkBases,
    headers::HeaderPolicy,
    policy::{self, Policy, Presets},
    realm::{Realm, origin_text},
    telemetry::Metrics,
    upstream::{Paths, Reception, Redirects, Upstream},
};

/// What all tenants of one service have in common: constants of the service's crate.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What callers read for a path that does not resolve.
    pub not_found: &'static str,
    /// See [`Paths`].
    pub paths: Paths,
    /// See [`Redirects`].
    pub redirects: Redirects,
    /// See [`HeaderPolicy`].
    pub headers: HeaderPolicy,
    /// The policy presets, as TOML.
    pub presets: &'static str,
    /// The upstream's operations worth showing in `-/openapi.json`: an OpenAPI `paths` object.
    pub operations: &'static str,
    /// Media types of request bodies that are passed on; empty: all.
    pub body_media: &'static [&'static str],
    /// What an answer says of the injected credential.
    pub reception: fn(http::StatusCode, &http::HeaderMap) -> Reception,
    /// See [`Upstream::extra_query`].
    pub extra_query: fn(&str, Option<&str>) -> Option<&'static str>,
    /// `User-Agent` of requests to the upstream.
    pub user_agent: &'static str,
}

impl Kind {
    /// The rules of the preset `name` as it is shipped: for what a service writes and sends itself.
    #[must_use]
    pub fn preset(&self, name: &str) -> Policy {
        let config = PolicyConfig {
            preset: name.to_owned(),
            publish: Vec::new(),
            rule: Vec::new(),
        };
        self.policy(&config, &mut Problems::default())
    }

    fn policy(&self, config: &PolicyConfig, problems: &mut Problems) -> Policy {
        let rules = policy::rules(config, &Presets::built_in(self.presets), problems);
        Policy::new(rules, self.not_found)
    }
}

/// One tenant, shared by all workers.
#[derive(Debug)]
pub struct Tenant {
    pub(crate) realm: Arc<Realm>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) policy: Policy,
    pub(crate) credential: Arc<ServiceCredential>,
    pub(crate) kind: Kind,
}

impl Tenant {
    /// Builds what `config` describes and reads the credential.
    ///
    /// # Errors
    /// A policy that does not compile, or a credential that cannot be read.
    pub fn new(
        config: &TenantConfig,
        server: &ServerConfig,
        kind: Kind,
        metrics: &Arc<Metrics>,
    ) -> anyhow::Result<Arc<Self>> {
        let name = &config.realm.name;
        let upstream = upstream(config, &kind)?;
        let mut problems = Problems::default();
        let policy = tenant_policy(config, &kind, &mut problems);
        anyhow::ensure!(
            problems.is_empty(),
            "the policy of tenant `{name}` is wrong:\n{problems}"
        );
        let realm = Realm::new(&config.realm, server, metrics);
        Ok(Arc::new(Self {
            credential: ServiceCredential::new(&config.credential, realm.metrics(), &upstream.name)
                .with_context(|| format!("the credential of tenant `{name}`"))?,
            realm,
            upstream: Arc::new(upstream),
            policy,
            kind,
        }))
    }

    /// Its prefix, who may use it, how much at once.
    #[must_use]
    pub fn realm(&self) -> &Arc<Realm> {
        &self.realm
    }

    /// Where its requests go.
    #[must_use]
    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// The tenant's rules.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// The rules of a tenant; what is wrong with them is noted.
pub fn tenant_policy(config: &TenantConfig, kind: &Kind, problems: &mut Problems) -> Policy {
    problems.within("policy", |problems| kind.policy(&config.policy, problems))
}

/// Notes what is wrong with the policy of a tenant's table, whatever else is wrong with the table.
pub(crate) fn check_policy(tenant: &Value, kind: &Kind, problems: &mut Problems) {
    let policy = tenant.get("policy").cloned();
    // A policy that cannot be read is told of where it is read.
    if let Some(policy) = policy.and_then(|policy| PolicyConfig::read(policy, &mut Problems::default())) {
        problems.within("policy", |problems| kind.policy(&policy, problems));
    }
}

/// Where the upstream is reached, and where people reach it, if that is another place.
fn link_bases(config: &UpstreamConfig) -> Vec<String> {
    let bases = [Some(&config.url), config.public_url.as_ref()];
    bases.into_iter().flatten().map(origin_text).collect()
}

fn upstream(config: &TenantConfig, kind: &Kind) -> anyhow::Result<Upstream> {
    let UpstreamConfig {
        name, url, timeouts, ..
    } = &config.upstream;
    let plain = Upstream::new(name, url, kind, *timeouts).context("the upstream's host")?;
    Ok(Upstream {
        prefix: config.realm.prefix.clone(),
        reuse: config.upstream.reuse,
        rewrite_links: config.upstream.rewrite_links,
        link_bases: LinkBases::new(&link_bases(&config.upstream)),
        scan_bodies: config.upstream.scan_bodies,
        max_request_body: config.upstream.max_request_body_bytes,
        ..plain
    })
}

#[cfg(test)]
pub(crate) mod tests;
