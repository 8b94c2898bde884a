//! Where a request goes: the upstream's origin and base path, and how strictly paths and redirects are taken.

use std::{net::IpAddr, str::FromStr as _, sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode, Uri, uri::Authority};
use ipnet::IpNet;
use url::Url;

use crate::{config::Reader, forward::links::LinkBases, tenant::Kind, transport::leads_out};

/// Longest wait that may be configured, in seconds.
const HOUR: u64 = 3_600;

/// How much of a path's spelling is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paths {
    /// Anything that the upstream could read as another path is refused.
    Strict,
    /// Only decoded dot segments and control bytes are refused: JupyterLab's file names hold encoded slashes.
    Opaque,
}

/// Which addresses of upstreams may be connected to, where somebody else than the operator names them.
#[derive(Clone, Debug)]
pub struct Networks {
    /// Of these networks.
    pub allowed: Vec<IpNet>,
    /// Of this machine too.
    pub loopback: bool,
}

impl Networks {
    /// The address as it is connected to, if it may be: one of IPv4 that is written as IPv6 is the former. Never link-local
    /// (cloud metadata among them), multicast or unspecified.
    #[must_use]
    pub fn admit(&self, address: IpAddr) -> Option<IpAddr> {
        let address = address.to_canonical();
        let ours = self.loopback && address.is_loopback();
        let allowed = self.allowed.iter().any(|network| network.contains(&address));
        (ours || (allowed && leads_out(address))).then_some(address)
    }
}

/// What happens to the upstream's redirects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// Followed below the base path for GET and HEAD, each hop authorized anew; everything else is refused.
    Follow,
    /// Handed back with `Location` rewritten below the prefix; never followed.
    Relay,
}

/// Who may share a connection to the upstream (`docs/decisions/0001-two-http-clients.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// All who are served with the same injected credential.
    Credential,
    /// One user only: the upstream tells people apart.
    User,
    /// Nobody: each request has a connection of its own.
    Never,
}

/// What an answer says of the injected credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// The upstream took it.
    Accepted,
    /// The upstream did not take it: one more of these may lock the account.
    Rejected,
    /// Nothing.
    Unsaid,
}

impl Reception {
    /// What the status alone says.
    #[must_use]
    pub fn by_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 | 407 => Self::Rejected,
            200..=299 | 304 => Self::Accepted,
            _ => Self::Unsaid,
        }
    }
}

/// Time limits of one exchange. None of them bounds a download as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until TCP and TLS stand.
    pub connect: Duration,
    /// From sending the request to the response's head, connecting included; a request with a body has `upload` besides.
    pub response: Duration,
    /// Between two bytes of a body, either way.
    pub idle: Duration,
    /// For a request body as a whole.
    pub upload: Duration,
}

impl Timeouts {
    /// Takes its keys out of an upstream's table. None is for `upload`: it is what `response` is, unless the service has one.
    pub fn take(reader: &mut Reader<'_>) -> Self {
        let mut seconds = |key| Duration::from_secs(reader.whole(key, 1..=HOUR));
        let connect = seconds("connect_timeout_seconds");
        let response = seconds("response_timeout_seconds");
        let idle = seconds("idle_timeout_seconds");
        Self {
            connect,
            response,
            idle,
            upload: response,
        }
    }
}

/// One upstream of one tenant.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The name that callers read in errors.
    pub name: String,
    /// `https://jira.example.org`: scheme, host, and port unless it is the scheme's own; without a slash at the end.
    pub origin: Arc<str>,
    /// Host and port, as the origin has them.
    pub authority: Authority,
    /// The same, as the value of `Host`.
    pub host: HeaderValue,
    /// Path that every request stays below; begins and ends with `/`.
    pub base_path: String,
    /// Public path that is replaced by `base_path`; begins with `/`, ends without.
    pub prefix: String,
    /// What is said for a path that does not resolve.
    pub not_found: &'static str,
    /// See [`Paths`].
    pub paths: Paths,
    /// See [`Redirects`].
    pub redirects: Redirects,
    /// See [`Reuse`].
    pub reuse: Reuse,
    /// Whether links to the upstream in JSON become links to the proxy.
    pub rewrite_links: bool,
    /// What links to the upstream begin with.
    pub link_bases: LinkBases,
    /// Adds a parameter to a query where the upstream would otherwise answer with a place that cannot be followed.
    pub extra_query: fn(&str, Option<&str>) -> Option<&'static str>,
    /// Whether bodies are searched for the injected credential.
    pub scan_bodies: bool,
    /// Largest request body in bytes.
    pub max_request_body: u64,
    /// See [`Timeouts`].
    pub timeouts: Timeouts,
}

impl Upstream {
    /// The upstream at `url`, for requests that a service writes itself: nothing of its answers is changed, and no body is
    /// taken. `None`: the host is none that a request can name.
    #[must_use]
    pub fn new(name: &str, url: &Url, kind: &Kind, timeouts: Timeouts) -> Option<Self> {
        let slash = if url.path().ends_with('/') { "" } else { "/" };
        Some(Self {
            name: name.to_owned(),
            origin: url.origin().ascii_serialization().into(),
            authority: url.authority().parse().ok()?,
            host: url.authority().parse().ok()?,
            base_path: [url.path(), slash].concat(),
            prefix: String::new(),
            not_found: kind.not_found,
            paths: kind.paths,
            redirects: kind.redirects,
            reuse: Reuse::Credential,
            rewrite_links: false,
            link_bases: LinkBases::new(&[]),
            extra_query: kind.extra_query,
            scan_bodies: false,
            max_request_body: 0,
            timeouts,
        })
    }

    /// The origin as it is connected to.
    ///
    /// # Panics
    /// Never: an origin is made of a URL.
    #[must_use]
    pub fn uri(&self) -> Uri {
        Uri::from_str(&self.origin).expect("an origin is made of a URL")
    }

    /// The upstream's base URL without the slash at its end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}{}", self.origin, self.base_path.trim_end_matches('/'))
    }
}
