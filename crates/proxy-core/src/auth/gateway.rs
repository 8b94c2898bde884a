//! Kind `gateway`: the ingress has identified the caller and says so in `X-Auth-Request-*`.
//!
//! Decides whether a request comes from the ingress: by the address of its socket peer and, where the network does not
//! keep others out, by a secret header. From anybody else the headers mean nothing, as if they were not there. Groups are
//! read only where the ingress is said to set them: a header that it leaves alone is the caller's own.
//!
//! **Invariant**: no header of the request (`Forwarded`, `X-Forwarded-*`) plays a part in who the peer is.
//!
//! The secret header has a name of the operator's choice and must never reach an upstream. A service whose header policy
//! is an allow-list does not forward it; one that passes all but what is known has to strip it itself.

use std::{net::IpAddr, path::PathBuf};

use actix_http::{RequestHead, header::HeaderName};
use async_trait::async_trait;
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::{
    Authenticator, CacheState, Claims, Identity, Outcome,
    bearer::single,
    config::{Required, check_names},
};
use crate::{
    client::PlatformClient,
    config::{
        Problems, Validate,
        sections::check::{check_width, network},
    },
    credential::read_secret,
    error::Reason,
};

pub(crate) const KIND: &str = "gateway";
const USER: HeaderName = HeaderName::from_static("x-auth-request-user");
const EMAIL: HeaderName = HeaderName::from_static("x-auth-request-email");
const GROUPS: HeaderName = HeaderName::from_static("x-auth-request-groups");

/// Keys of kind `gateway`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    trusted_peers: Vec<String>,
    secret_header: Option<String>,
    secret_file: Option<PathBuf>,
    /// Scopes that whoever passes the gateway has: it lets nobody through without them.
    #[serde(default)]
    scopes: Vec<String>,
    /// Whether the ingress sets groups, even where none is required here.
    #[serde(default)]
    groups: bool,
    #[serde(default)]
    allow_insecure_any_peer: bool,
    #[serde(default)]
    required_scopes: Vec<String>,
    #[serde(default)]
    required_groups: Vec<String>,
}

impl GatewayConfig {
    pub(super) fn build(&self) -> anyhow::Result<Box<dyn Authenticator>> {
        let peers = self
            .trusted_peers
            .iter()
            .map(|peer| network(peer))
            .collect::<Result<_, _>>();
        let secret = match (self.secret_header(), &self.secret_file) {
            (Some(header), Some(file)) => Some((header, read_secret(file)?)),
            _ => None,
        };
        let required = Required::new(&self.required_scopes, &self.required_groups);
        Ok(Box::new(Gateway {
            peers: peers.map_err(|what| anyhow::anyhow!("trusted_peers {what}"))?,
            secret,
            scopes: self.scopes.clone(),
            groups: self.groups || required.needs_groups(),
            required,
        }))
    }

    pub(super) fn secret_header(&self) -> Option<HeaderName> {
        self.secret_header.as_ref().and_then(|name| name.parse().ok())
    }

    fn check_peers(&self, problems: &mut Problems) {
        if self.trusted_peers.is_empty() {
            let what = "is empty, so that nobody could sign in: list the ingress's networks, such as `10.0.0.0/8`";
            problems.add("trusted_peers", what);
        }
        for (index, peer) in self.trusted_peers.iter().enumerate() {
            let danger = "they may all say who they are";
            match network(peer) {
                Ok(network) => check_width(index, &network, self.allow_insecure_any_peer, danger, problems),
                Err(what) => problems.add(format!("trusted_peers[{index}]"), what),
            }
        }
    }

    fn check_secret(&self, problems: &mut Problems) {
        match (&self.secret_header, &self.secret_file) {
            (Some(_), None) => problems.add("secret_file", "is missing: `secret_header` needs it"),
            (None, Some(_)) => problems.add("secret_header", "is missing: `secret_file` needs it"),
            (Some(_), Some(_)) if self.secret_header().is_none() => {
                problems.add("secret_header", "is not the name of a header: correct it");
            }
            _ => {}
        }
    }
}

impl Validate for GatewayConfig {
    fn validate(&self, problems: &mut Problems) {
        self.check_peers(problems);
        self.check_secret(problems);
        check_names("scopes", &self.scopes, problems);
        Required::check(&self.required_scopes, &self.required_groups, problems);
        for scope in self.required_scopes.iter().filter(|scope| !self.scopes.contains(scope)) {
            let what = format!("demands `{scope}`, which nobody has: list what the gateway itself demands in `scopes`");
            problems.add("required_scopes", what);
        }
    }
}

#[derive(Debug)]
struct Gateway {
    peers: Vec<IpNet>,
    secret: Option<(HeaderName, SecretString)>,
    scopes: Vec<String>,
    groups: bool,
    required: Required,
}

impl Gateway {
    #[expect(
        clippy::disallowed_methods,
        reason = "the gateway has proven the caller, and the peer is the gateway"
    )]
    fn outcome(&self, head: &RequestHead) -> Result<Outcome, Reason> {
        if head.headers.get(USER).is_none() || !self.trusts_peer(head) {
            return Ok(Outcome::NotPresent);
        }
        if !self.knows_secret(head)? {
            tracing::warn!(
                identity = KIND,
                "a trusted peer names a caller without the gateway's secret: it is ignored"
            );
            return Ok(Outcome::NotPresent);
        }
        let user = single(head, &USER)?.unwrap_or_default();
        single(head, &EMAIL)?;
        let claims = Claims {
            user: user.to_owned(),
            groups: self.groups(head)?,
            scopes: self.scopes.clone(),
            kind: KIND,
            expires: None,
            // The gateway may have taken a cookie, and does not say.
            by_cookie: true,
        };
        Ok(Outcome::Authenticated(Identity::proven(claims)?, CacheState::None))
    }

    fn groups(&self, head: &RequestHead) -> Result<Vec<String>, Reason> {
        if !self.groups {
            return Ok(Vec::new());
        }
        let groups = single(head, &GROUPS)?.unwrap_or_default().split(',').map(str::trim);
        Ok(groups.filter(|group| !group.is_empty()).map(str::to_owned).collect())
    }

    fn trusts_peer(&self, head: &RequestHead) -> bool {
        let peer = head.peer_addr.map(|peer| peer.ip().to_canonical());
        peer.is_some_and(|peer: IpAddr| self.peers.iter().any(|network| network.contains(&peer)))
    }

    #[expect(clippy::disallowed_methods, reason = "compared with what the gateway sends")]
    fn knows_secret(&self, head: &RequestHead) -> Result<bool, Reason> {
        let Some((name, secret)) = &self.secret else {
            return Ok(true);
        };
        let sent = single(head, name)?.unwrap_or_default();
        Ok(sent.as_bytes().ct_eq(secret.expose_secret().as_bytes()).into())
    }
}

#[async_trait(?Send)]
impl Authenticator for Gateway {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn authenticate(&self, head: &RequestHead, _: &PlatformClient) -> Outcome {
        self.outcome(head).unwrap_or_else(Outcome::Rejected)
    }

    fn required(&self) -> &Required {
        &self.required
    }
}

#[cfg(test)]
mod tests;
