//! Who an accepted token says that it is. Pure.
//!
//! **Invariant**: read only once the platform has accepted the token as a whole, so that its claims are true.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::KIND;
use crate::auth::{Claims, Identity, fingerprint};

/// The caller, by `preferred_username` or `sub`, and by a fingerprint where there is neither.
pub(super) fn caller(token: &str) -> Identity {
    let claims = claims(token).unwrap_or_default();
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let ends = claims
        .get("exp")
        .and_then(Value::as_f64)
        .filter(|seconds| (0.0..1e12).contains(seconds));
    let expires = ends.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds));
    let name = text("preferred_username").or_else(|| text("sub"));
    let named = name.and_then(|name| proven(name, expires));
    let caller = named.or_else(|| proven(&fingerprint(token), expires));
    caller.expect("a fingerprint is a name")
}

#[expect(clippy::disallowed_methods, reason = "the platform has just accepted the token")]
fn proven(user: &str, expires: Option<SystemTime>) -> Option<Identity> {
    let claims = Claims {
        user: user.to_owned(),
        groups: Vec::new(),
        scopes: Vec::new(),
        kind: KIND,
        expires,
        by_cookie: false,
    };
    Identity::proven(claims).ok()
}

/// What a JWT says. An opaque token says nothing.
fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok()
}
