//! Leases: short-lived passwords that a service issues itself, of one user for one thing, and good for nothing else.
//!
//! A lease is `nbl1.<signing key>.<claims>.<signature>`: the claims are JSON in base64url (RFC 4648, 5), the signature is
//! HMAC-SHA256 (RFC 2104) over all that stands before it. Nothing of a lease is stored, so any replica that has the signing key
//! accepts it.
//!
//! **Invariant**: the signature is checked before anything of the claims is believed.

mod holders;
mod keys;
mod revocations;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub use self::holders::LeaseHolders;
use self::{keys::KeyRing, revocations::Revocations};
use crate::{
    auth::{Claims, Identity},
    config::sections::LeaseConfig,
    documents::WatchedFile,
    error::{ProxyError, Reason},
    telemetry::TenantMetrics,
};

/// The identity kind of whoever comes with a lease.
pub const KIND: &str = "lease";
const PREFIX: &str = "nbl1.";
/// How far the clock of whoever issued a lease may be ahead.
const SKEW: Duration = Duration::from_secs(300);

/// What the holder of a lease has who called without any credential when it was issued.
const OPEN: &str = "lease::open";
/// The user whom such a lease is for.
pub const NOBODY: &str = "anonymous";

/// What the holder of a lease for `label` has: a scope that no platform gives.
fn scope(label: &str) -> String {
    format!("{KIND}:{label}")
}

/// Whether `holder` came with a lease for `label`. One that was issued to nobody known counts as long as `label` is `open`
/// to such callers.
#[must_use]
pub fn is_for(holder: &Identity, label: &str, open: bool) -> bool {
    (open || !holder.has_scope(OPEN)) && holder.has_scope(&scope(label))
}

/// What a lease says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    /// The platform's name of the user.
    user: String,
    tenant: String,
    /// What it is for.
    key: String,
    /// Its own name, for revocation.
    id: String,
    /// Seconds since 1970.
    issued: u64,
    expires: u64,
    /// It was issued to somebody unknown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    open: bool,
}

/// Issues and verifies the leases of one tenant.
#[derive(Debug)]
pub struct Leases {
    tenant: String,
    lifetime: Duration,
    keys: Keys,
    revocations: Option<WatchedFile<Revocations>>,
}

#[derive(Debug)]
enum Keys {
    File(WatchedFile<KeyRing>),
    /// Of this process alone.
    Own(KeyRing),
}

/// A lease that was issued.
pub struct Issued {
    /// Whom it is for.
    pub user: String,
    /// What the holder presents.
    pub password: SecretString,
    /// When it ends.
    pub expires: SystemTime,
    /// What it is revoked by.
    pub id: String,
}

impl Leases {
    /// Reads the files and begins to watch them.
    ///
    /// # Errors
    /// A file that cannot be read, or does not hold what it should; the error names the key.
    pub fn new(config: &LeaseConfig, tenant: &TenantMetrics) -> anyhow::Result<Self> {
        let keys = match &config.keys_file {
            Some(path) => Keys::File(WatchedFile::open(path, tenant, KeyRing::read)?),
            None => Keys::Own(KeyRing::random()?),
        };
        let revocations = config.revocations_file.as_deref();
        Ok(Self {
            tenant: tenant.tenant().to_owned(),
            lifetime: Duration::from_secs(config.lifetime_seconds),
            keys,
            revocations: revocations
                .map(|path| WatchedFile::open(path, tenant, Revocations::read))
                .transpose()?,
        })
    }

    /// A lease for `caller`, which ends no later than the credential that proved who that is; `None`: for nobody known.
    ///
    /// # Errors
    /// `Internal`: the system has no random numbers.
    pub fn issue(&self, caller: Option<&Identity>, key: &str, now: SystemTime) -> Result<Issued, ProxyError> {
        let (user, until) = (
            caller.map_or(NOBODY, Identity::user),
            caller.and_then(Identity::expires),
        );
        let mut id = [0; 12];
        rand::fill(&mut id).map_err(|_| ProxyError::Internal {
            detail: "no random numbers".to_owned(),
        })?;
        let id = URL_SAFE_NO_PAD.encode(id);
        let expires = until.map_or(now + self.lifetime, |until| until.min(now + self.lifetime));
        let statement = Statement {
            user: user.to_owned(),
            tenant: self.tenant.clone(),
            key: key.to_owned(),
            id: id.clone(),
            issued: seconds(now),
            expires: seconds(expires),
            open: caller.is_none(),
        };
        let claims = serde_json::to_vec(&statement).map_err(|error| ProxyError::Internal {
            detail: error.to_string(),
        })?;
        let password = self.with_keys(|keys| {
            let signed = format!("{PREFIX}{}.{}", keys.signs_as(), URL_SAFE_NO_PAD.encode(claims));
            let signature = URL_SAFE_NO_PAD.encode(keys.sign(signed.as_bytes()));
            SecretString::from(format!("{signed}.{signature}"))
        });
        Ok(Issued {
            user: statement.user,
            password,
            expires,
            id,
        })
    }

    /// The holder of `lease`.
    fn verify(&self, lease: &str, now: SystemTime) -> Result<Identity, Reason> {
        let malformed = || Reason::Malformed("it is not a lease".into());
        let (signed, signature) = lease.rsplit_once('.').ok_or_else(malformed)?;
        let (signing_key, claims) = signed
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('.'))
            .ok_or_else(malformed)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed())?;
        if !self.with_keys(|keys| keys.verifies(signing_key, signed.as_bytes(), &signature)) {
            return Err(Reason::Unknown);
        }
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| malformed())?;
        let statement: Statement = serde_json::from_slice(&claims).map_err(|_| malformed())?;
        if statement.tenant != self.tenant {
            return Err(Reason::Unacceptable("it was issued by another tenant".into()));
        }
        if statement.issued > seconds(now + SKEW) {
            return Err(Reason::Unacceptable("it was issued in the future".into()));
        }
        if statement.expires <= seconds(now) {
            return Err(Reason::Expired);
        }
        let revoked = |revocations: &WatchedFile<Revocations>| revocations.current().revokes(&statement, signing_key);
        if self.revocations.as_ref().is_some_and(revoked) {
            return Err(Reason::Unknown);
        }
        identity(statement)
    }

    fn with_keys<R>(&self, with: impl FnOnce(&KeyRing) -> R) -> R {
        match &self.keys {
            Keys::File(file) => with(&file.current()),
            Keys::Own(keys) => with(keys),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the authenticator of leases, and the signature was good"
)]
fn identity(statement: Statement) -> Result<Identity, Reason> {
    Identity::proven(Claims {
        user: statement.user,
        groups: Vec::new(),
        scopes: [Some(scope(&statement.key)), statement.open.then(|| OPEN.to_owned())]
            .into_iter()
            .flatten()
            .collect(),
        kind: KIND,
        expires: Some(UNIX_EPOCH + Duration::from_secs(statement.expires)),
        by_cookie: false,
    })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
