//! One upstream with all that belongs to it: prefix, credential, policy, limits, counters.
//!
//! **Invariant**: nothing of a tenant is reachable through another one.

use std::{sync::Arc, time::Duration};

use actix_http::RequestHead;
use actix_web::http::header::{HOST, HeaderMap, HeaderName};
use anyhow::Context;
use serde_json::Value;

use crate::{
    auth::Identity,
    config::{
        Problems, Section,
        sections::{LimitsConfig, PolicyConfig, ServerConfig, TenantConfig, UpstreamConfig, check::is_loopback_host},
    },
    credential::ServiceCredential,
    error::ProxyError,
    forward::links::LinkBases,
    headers::HeaderPolicy,
    limits::{Bounds, Limits},
    policy::{self, Policy, Presets},
    telemetry::{Metrics, TenantMetrics},
    upstream::{Paths, Reception, Redirects, Timeouts, Upstream},
};

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

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

/// One tenant, shared by all workers.
#[derive(Debug)]
pub struct Tenant {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) policy: Policy,
    pub(crate) credential: Arc<ServiceCredential>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<TenantMetrics>,
    pub(crate) kind: Kind,
    required_scopes: Vec<String>,
    required_groups: Vec<String>,
    public: PublicUrl,
}

/// How callers reach the service.
#[derive(Debug)]
struct PublicUrl {
    origin: Option<String>,
    /// The public listener itself speaks https.
    tls: bool,
    trusted_peers: Vec<ipnet::IpNet>,
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
        let upstream = upstream(config, &kind)?;
        let mut problems = Problems::default();
        let policy = tenant_policy(config, &kind, &mut problems);
        anyhow::ensure!(
            problems.is_empty(),
            "the policy of tenant `{}` is wrong:\n{problems}",
            config.name
        );
        let metrics = Arc::new(metrics.tenant(&config.name));
        Ok(Arc::new(Self {
            credential: ServiceCredential::new(&config.credential, &metrics, &upstream.name)
                .with_context(|| format!("the credential of tenant `{}`", config.name))?,
            limits: Limits::new(bounds(&config.limits), metrics.clone()),
            upstream: Arc::new(upstream),
            policy,
            metrics,
            kind,
            required_scopes: config.required_scopes.clone(),
            required_groups: config.required_groups.clone(),
            public: PublicUrl {
                origin: server.public_url.as_ref().map(origin_text),
                tls: server.tls_files().is_some(),
                trusted_peers: server.trusted_peers.clone(),
            },
        }))
    }

    /// The public path below which the tenant is served.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.upstream.prefix
    }

    /// Where its requests go.
    #[must_use]
    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// The tenant's metrics.
    #[must_use]
    pub fn metrics(&self) -> &Arc<TenantMetrics> {
        &self.metrics
    }

    /// The tenant's rules.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether `identity` may use this tenant at all.
    ///
    /// # Errors
    /// `InsufficientScope` or `InsufficientGroup`.
    pub fn admit(&self, identity: &Identity) -> Result<(), ProxyError> {
        let scopes: Vec<String> = self
            .required_scopes
            .iter()
            .filter(|scope| !identity.has_scope(scope))
            .cloned()
            .collect();
        if !scopes.is_empty() {
            return Err(ProxyError::InsufficientScope { scopes });
        }
        let groups: Vec<String> = self
            .required_groups
            .iter()
            .filter(|group| !identity.in_group(group))
            .cloned()
            .collect();
        if groups.is_empty() {
            Ok(())
        } else {
            Err(ProxyError::InsufficientGroup { groups })
        }
    }

    /// The tenant's public URL without a slash at its end: as configured, else as the caller reached us.
    #[must_use]
    pub fn public_base(&self, head: &RequestHead) -> String {
        match &self.public.origin {
            Some(origin) => [origin, self.prefix()].concat(),
            None => {
                let (scheme, host) = self.public.observed(head);
                [scheme, "://", host, self.prefix()].concat()
            }
        }
    }
}

impl PublicUrl {
    /// Scheme and host. `https` unless the caller is on this machine and reached us in the clear, or a trusted peer says
    /// otherwise: a link must never make a client send its token in the clear. `X-Forwarded-Host` and `Forwarded` are not looked at.
    fn observed<'h>(&self, head: &'h RequestHead) -> (&'h str, &'h str) {
        let host = text(&head.headers, &HOST).unwrap_or("localhost");
        let forwarded = text(&head.headers, &FORWARDED_PROTO).filter(|scheme| {
            let peer = head.peer_addr.map(|peer| peer.ip().to_canonical());
            let trusted = peer.is_some_and(|peer| self.trusted_peers.iter().any(|network| network.contains(&peer)));
            trusted && matches!(*scheme, "http" | "https")
        });
        let clear = !self.tls && is_loopback(host);
        let scheme = forwarded.unwrap_or(if clear { "http" } else { "https" });
        (scheme, host)
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// `host` is a `Host` that was found good: a port, if there is one, follows the last colon outside of brackets.
fn is_loopback(host: &str) -> bool {
    let port = host
        .rfind(':')
        .filter(|colon| host.rfind(']').is_none_or(|bracket| bracket < *colon));
    is_loopback_host(port.map_or(host, |colon| &host[..colon]))
}

fn origin_text(url: &url::Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn bounds(config: &LimitsConfig) -> Bounds {
    Bounds {
        max_in_flight: config.max_in_flight,
        max_in_flight_per_user: config.max_in_flight_per_user,
        queue: config.queue,
        wait: Duration::from_secs(config.queue_seconds),
    }
}

/// The rules of a tenant; what is wrong with them is noted.
pub fn tenant_policy(config: &TenantConfig, kind: &Kind, problems: &mut Problems) -> Policy {
    let rules = problems.within("policy", |problems| {
        policy::rules(&config.policy, &Presets::built_in(kind.presets), problems)
    });
    Policy::new(rules, kind.not_found)
}

/// Notes what is wrong with the policy of a tenant's table, whatever else is wrong with the table.
pub fn check_policy(tenant: &Value, kind: &Kind, problems: &mut Problems) {
    let policy = tenant.get("policy").cloned();
    // A policy that cannot be read is told of where it is read.
    if let Some(policy) = policy.and_then(|policy| PolicyConfig::read(policy, &mut Problems::default())) {
        problems.within("policy", |problems| {
            policy::rules(&policy, &Presets::built_in(kind.presets), problems)
        });
    }
}

/// Where the upstream is reached, and where people reach it, if that is another place.
fn link_bases(config: &UpstreamConfig) -> Vec<String> {
    let bases = [Some(&config.url), config.public_url.as_ref()];
    bases.into_iter().flatten().map(origin_text).collect()
}

fn upstream(config: &TenantConfig, kind: &Kind) -> anyhow::Result<Upstream> {
    let UpstreamConfig { url, .. } = &config.upstream;
    let seconds = |seconds: u64| Duration::from_secs(seconds);
    Ok(Upstream {
        name: config.upstream.name.clone(),
        origin: url.origin().ascii_serialization().into(),
        authority: url.authority().parse().context("the upstream's host")?,
        host: url.authority().parse().context("the upstream's host")?,
        base_path: if url.path().ends_with('/') {
            url.path().to_owned()
        } else {
            format!("{}/", url.path())
        },
        prefix: config.prefix.clone(),
        not_found: kind.not_found,
        paths: kind.paths,
        redirects: kind.redirects,
        reuse: config.upstream.reuse,
        rewrite_links: config.upstream.rewrite_links,
        link_bases: LinkBases::new(&link_bases(&config.upstream)),
        extra_query: kind.extra_query,
        scan_bodies: config.upstream.scan_bodies,
        max_request_body: config.upstream.max_request_body_bytes,
        timeouts: Timeouts {
            connect: seconds(config.upstream.connect_timeout_seconds),
            response: seconds(config.upstream.response_timeout_seconds),
            idle: seconds(config.upstream.idle_timeout_seconds),
            upload: seconds(config.upstream.upload_timeout_seconds),
        },
    })
}

#[cfg(test)]
pub(crate) mod tests;
