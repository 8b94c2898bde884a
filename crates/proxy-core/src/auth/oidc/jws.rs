//! A JWT's outside: three parts, a header, a signature.
//!
//! Decides whether a header is one that we understand entirely, and whether the signature is good.
//!
//! **Invariant**: the algorithm is one of the configured ones before any key is looked for, and claims can only be had
//! from a token whose signature has been verified. Keys that a header brings or points to (`jwk`, `jku`, `x5c`, `x5u`)
//! are never looked at.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use super::config::algorithm;
use crate::{error::Reason, strict_json};

/// Longest key id, in bytes.
const MAX_KEY_ID: usize = 256;
/// Types of tokens that are, or may be, access tokens (RFC 9068, 2.1; RFC 7519, 5.1), in lower case.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

/// A token that has the form of a JWT, signed with an algorithm that is allowed. `Debug` is left out on purpose.
pub(super) struct Jws<'t> {
    algorithm: Algorithm,
    key_id: String,
    signed: &'t str,
    claims: &'t str,
    signature: &'t str,
}

impl<'t> Jws<'t> {
    pub(super) fn parse(token: &'t str, allowed: &[Algorithm]) -> Result<Self, Reason> {
        let malformed = || Reason::Malformed("it is not a JWT of three parts".into());
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        if claims.contains('.') {
            return Err(malformed());
        }
        let header = decode(header).ok_or_else(|| Reason::Malformed("its header is not JSON in base64url".into()))?;
        refuse_extensions(&header)?;
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(algorithm);
        let algorithm = algorithm.filter(|algorithm| allowed.contains(algorithm));
        Ok(Self {
            algorithm: algorithm
                .ok_or_else(|| Reason::Unacceptable("it is signed with an algorithm that is not accepted".into()))?,
            key_id: key_id(&header)?,
            signed,
            claims,
            signature,
        })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The claims, once the signature is found good.
    pub(super) fn verify(self, key: &DecodingKey) -> Result<Map<String, Value>, Reason> {
        let verified = jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key, self.algorithm);
        if !verified.unwrap_or(false) {
            return Err(Reason::Unacceptable("its signature is wrong".into()));
        }
        decode(self.claims).ok_or_else(|| Reason::Malformed("its claims are not JSON in base64url".into()))
    }
}

fn decode(part: &str) -> Option<Map<String, Value>> {
    // No padding and no stray bits at the end: one text for one value.
    strict_json::object(&URL_SAFE_NO_PAD.decode(part).ok()?)
}

fn key_id(header: &Map<String, Value>) -> Result<String, Reason> {
    match header.get("kid").and_then(Value::as_str) {
        Some(id) if !id.is_empty() && id.len() <= MAX_KEY_ID => Ok(id.to_owned()),
        _ => Err(Reason::Malformed("its header does not name a key".into())),
    }
}

/// What changes the meaning of a token in a way that we do not know (RFC 7515, 4.1.11; RFC 7797), and tokens of another
/// type than access tokens.
fn refuse_extensions(header: &Map<String, Value>) -> Result<(), Reason> {
    if ["crit", "b64", "cty", "enc", "zip"]
        .iter()
        .any(|name| header.contains_key(*name))
    {
        return Err(Reason::Unacceptable(
            "its header asks for an extension that is not supported".into(),
        ));
    }
    match header.get("typ") {
        None => Ok(()),
        Some(Value::String(kind)) if TYPES.contains(&kind.to_ascii_lowercase().as_str()) => Ok(()),
        Some(_) => Err(Reason::Unacceptable("it is not an access token".into())),
    }
}

#[cfg(test)]
mod tests;
