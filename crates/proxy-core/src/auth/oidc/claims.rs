//! What a token's claims mean: pure functions over the members of a JWT or of an answer of RFC 7662.
//!
//! Decides who the owner is and whether the token is good now and here. That the members are genuine is left to the
//! signature or to the issuer who was asked.
//!
//! **Invariant**: a claim of the wrong type is never read as absent. `null` is: it says nothing.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::super::Claims;
use crate::error::Reason;

/// 9999-12-31T23:59:59Z, the last second that most software can write.
const LAST_SECOND: f64 = 253_402_300_799.0;
/// Payload types of tokens that are not for us to take: Keycloak signs them with the same keys.
const OTHER_TOKENS: [&str; 4] = ["ID", "Refresh", "Offline", "Logout"];

type Members = Map<String, Value>;

/// What tokens of one issuer must say to be good here.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) kind: &'static str,
    pub(super) issuer: String,
    pub(super) audience: Vec<String>,
    pub(super) authorized_parties: Option<Vec<String>>,
    pub(super) user_claim: String,
    pub(super) groups_claim: String,
    pub(super) scopes_claim: String,
    pub(super) leeway: Duration,
    pub(super) max_lifetime: Option<Duration>,
}

impl Rules {
    /// What an identity needs, from claims whose signature is good.
    pub(super) fn judge(&self, claims: &Members, now: SystemTime) -> Result<Claims, Reason> {
        // Byte for byte: an issuer with a slash more is another issuer.
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(unacceptable("another issuer has made it"));
        }
        check_is_access_token(claims)?;
        check_audience(claims, &self.audience)?;
        self.check_authorized_party(claims)?;
        let expires = check_times(claims, now, self.leeway)?;
        let expires = expires.ok_or_else(|| malformed("exp", "a time"))?;
        self.check_lifetime(claims)?;
        if claim(claims, "sub").is_some() {
            text(claims, "sub")?;
        }
        Ok(Claims {
            user: text(claims, &self.user_claim)?,
            groups: names(claims, &self.groups_claim)?,
            scopes: scopes(claims, &self.scopes_claim)?,
            kind: self.kind,
            expires: Some(expires),
            by_cookie: false,
        })
    }

    fn check_authorized_party(&self, claims: &Members) -> Result<(), Reason> {
        let Some(parties) = &self.authorized_parties else {
            return Ok(());
        };
        match claims.get("azp") {
            Some(Value::String(party)) if parties.contains(party) => Ok(()),
            _ => Err(unacceptable("it was issued to a client that is not accepted here")),
        }
    }

    fn check_lifetime(&self, claims: &Members) -> Result<(), Reason> {
        let Some(longest) = self.max_lifetime else {
            return Ok(());
        };
        match (seconds(claims, "iat")?, seconds(claims, "exp")?) {
            (Some(issued), Some(end)) if end - issued <= longest.as_secs_f64() => Ok(()),
            (None, _) => Err(unacceptable("it does not say when it was issued")),
            _ => Err(unacceptable("it was issued for longer than is accepted here")),
        }
    }
}

/// Where groups are unless something else is configured.
pub(in crate::auth) fn default_groups_claim() -> String {
    "groups".to_owned()
}

/// The member with exactly this name; else, `a.b` names member `b` of object `a`.
pub(in crate::auth) fn claim<'m>(members: &'m Members, path: &str) -> Option<&'m Value> {
    let nested = || {
        let (first, rest) = path.split_once('.')?;
        claim(members.get(first)?.as_object()?, rest)
    };
    members.get(path).or_else(nested).filter(|value| !value.is_null())
}

/// A claim that must be there.
pub(in crate::auth) fn text(members: &Members, path: &str) -> Result<String, Reason> {
    match claim(members, path) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(_) => Err(malformed(path, "a name")),
        None => Err(Reason::Unacceptable(format!("it has no claim `{path}`").into())),
    }
}

/// A list of names; none where there is no such claim.
pub(in crate::auth) fn names(members: &Members, path: &str) -> Result<Vec<String>, Reason> {
    let list = match claim(members, path) {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    };
    list.ok_or_else(|| malformed(path, "a list of names"))
}

/// Scopes, as a list or in one text with spaces between them (RFC 8693, 4.2).
pub(in crate::auth) fn scopes(members: &Members, path: &str) -> Result<Vec<String>, Reason> {
    match claim(members, path) {
        Some(Value::String(text)) => Ok(text
            .split(' ')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()),
        _ => names(members, path),
    }
}

/// One of `ours` is the audience, or in the list of audiences.
pub(in crate::auth) fn check_audience(members: &Members, ours: &[String]) -> Result<(), Reason> {
    let Some(audience) = claim(members, "aud") else {
        return Err(unacceptable("it does not say which service it was issued for"));
    };
    let audience = audiences(audience).ok_or_else(|| malformed("aud", "a name or a list of names"))?;
    if audience.iter().any(|one| ours.iter().any(|our| our == one)) {
        return Ok(());
    }
    Err(unacceptable("it was issued for another service"))
}

/// A name or a list of names. Not split at spaces: an audience may have some.
fn audiences(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one]),
        Value::Array(many) => many.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Refuses ID, refresh and logout tokens, and tokens that only the holder of some key may use: we cannot see that key
/// (RFC 9449, RFC 8705), and anybody who stole one could use it here.
pub(in crate::auth) fn check_is_access_token(members: &Members) -> Result<(), Reason> {
    match members.get("typ") {
        Some(Value::String(kind)) if OTHER_TOKENS.iter().any(|other| other.eq_ignore_ascii_case(kind)) => {
            return Err(unacceptable("it is not an access token"));
        }
        Some(Value::String(_) | Value::Null) | None => {}
        Some(_) => return Err(malformed("typ", "a name")),
    }
    // Claims of ID tokens only (OpenID Connect Core, 3.1.3.6 and 3.3.2.11).
    if members.contains_key("at_hash") || members.contains_key("c_hash") {
        return Err(unacceptable("it is an ID token, not an access token"));
    }
    if claim(members, "cnf").is_some() {
        return Err(unacceptable(
            "it is bound to a key of its owner, which cannot be checked here",
        ));
    }
    Ok(())
}

/// Whether the token is good now; the time it ends, where it says so.
pub(in crate::auth) fn check_times(
    members: &Members,
    now: SystemTime,
    leeway: Duration,
) -> Result<Option<SystemTime>, Reason> {
    let leeway = leeway.as_secs_f64();
    // Before 1970, nothing is good.
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    let end = seconds(members, "exp")?;
    if end.is_some_and(|end| end + leeway <= now) {
        return Err(Reason::Expired);
    }
    for name in ["nbf", "iat"] {
        if seconds(members, name)?.is_some_and(|start| start > now + leeway) {
            return Err(unacceptable("its time has not begun"));
        }
    }
    Ok(end.map(|end| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(end)))
}

/// A `NumericDate` (RFC 7519, 2): seconds since 1970, a fraction is legal.
fn seconds(members: &Members, name: &str) -> Result<Option<f64>, Reason> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let seconds = value.as_f64().filter(|seconds| (0.0..=LAST_SECOND).contains(seconds));
            seconds.map(Some).ok_or_else(|| malformed(name, "a time"))
        }
    }
}

fn unacceptable(what: &'static str) -> Reason {
    Reason::Unacceptable(what.into())
}

fn malformed(claim: &str, what: &str) -> Reason {
    Reason::Malformed(format!("its claim `{claim}` is not {what}").into())
}

#[cfg(test)]
mod tests;
