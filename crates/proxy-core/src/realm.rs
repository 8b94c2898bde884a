//! What every tenant has, whatever it serves: a prefix, who may use it and how much at once, counters, a public address.

use std::{sync::Arc, time::Duration};

use actix_http::RequestHead;
use actix_web::http::header::{HOST, HeaderMap, HeaderName};
use url::Url;

use crate::{
    auth::Identity,
    config::sections::{RealmConfig, ServerConfig, TunnelsConfig, check::is_loopback_host},
    error::ProxyError,
    limits::{Bounds, Limits, TunnelBounds},
    telemetry::{Metrics, TenantMetrics},
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// One tenant's own, shared by all workers.
#[derive(Debug)]
pub struct Realm {
    prefix: String,
    metrics: Arc<TenantMetrics>,
    limits: Limits,
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

impl Realm {
    /// What `config` describes.
    #[must_use]
    pub fn new(config: &RealmConfig, server: &ServerConfig, metrics: &Arc<Metrics>) -> Arc<Self> {
        let metrics = Arc::new(metrics.tenant(&config.name));
        Arc::new(Self {
            prefix: config.prefix.clone(),
            limits: Limits::new(bounds(config), metrics.clone()),
            metrics,
            required_scopes: config.required_scopes.clone(),
            required_groups: config.required_groups.clone(),
            public: PublicUrl {
                origin: server.public_url.as_ref().map(origin_text),
                tls: server.tls_files().is_some(),
                trusted_peers: server.trusted_peers.clone(),
            },
        })
    }

    /// The public path below which the tenant is served: begins with `/`, ends without.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The tenant's metrics.
    #[must_use]
    pub fn metrics(&self) -> &Arc<TenantMetrics> {
        &self.metrics
    }

    /// How much at once.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
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
        self.public_url(head, &self.prefix)
    }

    /// The value of `X-Forwarded-For`: who reached us, after what a trusted peer says of who reached it.
    #[must_use]
    pub fn forwarded_for(&self, head: &RequestHead) -> String {
        let Some(peer) = head.peer_addr.map(|peer| peer.ip().to_canonical()) else {
            return String::new();
        };
        match text(&head.headers, &FORWARDED_FOR).filter(|_| self.public.trusts(head)) {
            Some(before) => format!("{before}, {peer}"),
            None => peer.to_string(),
        }
    }

    /// The public URL of `path` below the tenant's prefix: `path` begins with `/`.
    ///
    /// # Errors
    /// `Internal`: the caller reached us at a host that is none.
    pub fn url_below(&self, head: &RequestHead, path: &str) -> Result<Url, ProxyError> {
        let url = self.public_base(head) + path;
        Url::parse(&url).map_err(|error| ProxyError::Internal {
            detail: format!("the public URL: {error}"),
        })
    }

    /// The public URL of `path`, which begins with `/` or is empty.
    #[must_use]
    pub fn public_url(&self, head: &RequestHead, path: &str) -> String {
        match &self.public.origin {
            Some(origin) => [origin, path].concat(),
            None => {
                let (scheme, host) = self.public.observed(head);
                [scheme, "://", host, path].concat()
            }
        }
    }
}

impl PublicUrl {
    /// Scheme and host. `https` unless the caller is on this machine and reached us in the clear, or a trusted peer says
    /// otherwise: a link must never make a client send its token in the clear. `X-Forwarded-Host` and `Forwarded` are not looked at.
    fn observed<'h>(&self, head: &'h RequestHead) -> (&'h str, &'h str) {
        let host = text(&head.headers, &HOST).unwrap_or("localhost");
        let forwarded = text(&head.headers, &FORWARDED_PROTO)
            .filter(|scheme| matches!(*scheme, "http" | "https") && self.trusts(head));
        let clear = !self.tls && is_loopback(host);
        let scheme = forwarded.unwrap_or(if clear { "http" } else { "https" });
        (scheme, host)
    }

    /// Whether what the peer says of its own caller is believed.
    fn trusts(&self, head: &RequestHead) -> bool {
        let peer = head.peer_addr.map(|peer| peer.ip().to_canonical());
        peer.is_some_and(|peer| self.trusted_peers.iter().any(|network| network.contains(&peer)))
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

pub(crate) fn origin_text(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn bounds(config: &RealmConfig) -> Bounds {
    let limits = &config.limits;
    Bounds {
        max_in_flight: limits.max_in_flight,
        max_in_flight_per_user: limits.max_in_flight_per_user,
        queue: limits.queue,
        wait: Duration::from_secs(limits.queue_seconds),
        tunnels: config.tunnels.as_ref().map(tunnel_bounds).unwrap_or_default(),
    }
}

fn tunnel_bounds(config: &TunnelsConfig) -> TunnelBounds {
    let limit = |seconds| (seconds > 0).then(|| Duration::from_secs(seconds));
    TunnelBounds {
        max: config.max_tunnels,
        max_per_user: config.max_tunnels_per_user,
        idle: limit(config.idle_seconds),
        lifetime: limit(config.lifetime_seconds),
    }
}

#[cfg(test)]
mod tests;
