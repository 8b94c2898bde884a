//! The keys that an issuer publishes, as far as they can check a signature.
//!
//! Decides which keys of a set are used, for which algorithms, and whether the set as a whole is believable. Where it
//! comes from is left to `keys`.
//!
//! **Invariant**: a key checks only algorithms that are configured, of its own family, and the one it names if it names
//! one. A shared secret is never a key.

use std::{collections::HashMap, sync::Arc};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, VerificationAlgorithm,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use openidconnect::{
    JsonWebKey as _,
    core::{CoreJsonWebKey, CoreJsonWebKeyUse},
};
use serde::Deserialize;

use super::config::algorithm;

/// Most keys in a set. Issuers publish a handful.
const MAX_KEYS: usize = 100;
/// Shortest and longest RSA modulus, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The y coordinates of Ed25519's points of order 8; those of order 1, 2 and 4 are 0, 1 and -1.
const ORDER_EIGHT: [[u8; 32]; 2] = [
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// Usable keys by their id.
#[derive(Debug)]
pub(super) struct KeySet(HashMap<String, Key>);

#[derive(Debug)]
struct Key {
    algorithms: Vec<Algorithm>,
    key: Arc<DecodingKey>,
}

/// What a set knows of a key id.
#[derive(Debug)]
pub(super) enum Found {
    Key(Arc<DecodingKey>),
    /// The id is known, but not for this algorithm.
    OtherAlgorithm,
    Unknown,
}

/// Why a set is not believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeySetError {
    #[error("the key set has {0} keys, which is more than {MAX_KEYS}")]
    TooMany(usize),
    #[error("the key set has no key that is usable with the configured algorithms")]
    Empty,
    #[error("the key set has two keys of one id")]
    TwoOfOneId,
}

impl KeySet {
    pub(super) fn new(published: &[CoreJsonWebKey], allowed: &[Algorithm]) -> Result<Self, KeySetError> {
        if published.len() > MAX_KEYS {
            return Err(KeySetError::TooMany(published.len()));
        }
        let mut keys = HashMap::new();
        for (id, key) in published.iter().filter_map(|key| usable(key, allowed)) {
            if keys.insert(id, key).is_some() {
                return Err(KeySetError::TwoOfOneId);
            }
        }
        if keys.is_empty() {
            Err(KeySetError::Empty)
        } else {
            Ok(Self(keys))
        }
    }

    pub(super) fn find(&self, id: &str, algorithm: Algorithm) -> Found {
        match self.0.get(id) {
            Some(key) if key.algorithms.contains(&algorithm) => Found::Key(key.key.clone()),
            Some(_) => Found::OtherAlgorithm,
            None => Found::Unknown,
        }
    }
}

/// The members of a JWK that make up the key; openidconnect has them, but shows them to nobody.
#[derive(Deserialize)]
struct Parts {
    kty: String,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<String>,
}

fn usable(published: &CoreJsonWebKey, allowed: &[Algorithm]) -> Option<(String, Key)> {
    if published
        .key_use()
        .is_some_and(|usage| *usage != CoreJsonWebKeyUse::Signature)
    {
        return None;
    }
    let id = published.key_id()?.as_str();
    let parts: Parts = serde_json::from_value(serde_json::to_value(published).ok()?).ok()?;
    if parts.d.is_some() {
        tracing::warn!(key = id, "the issuer publishes a private key: it is not used");
        return None;
    }
    let (key, possible) = match (parts.kty.as_str(), parts.crv.as_deref()) {
        ("RSA", _) => (rsa(&parts)?, AlgorithmFamily::Rsa.algorithms()),
        ("EC", Some("P-256")) => (ec(&parts, 32, &ECDSA_P256_SHA256_FIXED)?, [Algorithm::ES256].as_slice()),
        ("EC", Some("P-384")) => (ec(&parts, 48, &ECDSA_P384_SHA384_FIXED)?, [Algorithm::ES384].as_slice()),
        ("OKP", Some("Ed25519")) => (ed25519(&parts)?, AlgorithmFamily::Ed.algorithms()),
        _ => return None,
    };
    let named = parts.alg.as_deref().map(algorithm);
    let good = |one: &&Algorithm| allowed.contains(one) && named.is_none_or(|named| named == Some(**one));
    let algorithms: Vec<Algorithm> = possible.iter().filter(good).copied().collect();
    (!algorithms.is_empty()).then(|| {
        (
            id.to_owned(),
            Key {
                algorithms,
                key: Arc::new(key),
            },
        )
    })
}

fn bytes(part: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part?).ok()
}

fn rsa(parts: &Parts) -> Option<DecodingKey> {
    let (modulus, exponent) = (bytes(parts.n.as_ref())?, bytes(parts.e.as_ref())?);
    let modulus = without_zeros(&modulus);
    let exponent = without_zeros(&exponent);
    let bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    // An exponent of 1 signs everything; above 32 bits, checking costs more than it should.
    let sound =
        RSA_BITS.contains(&bits) && is_odd(modulus) && is_odd(exponent) && exponent != [1] && exponent.len() <= 4;
    if !sound {
        tracing::warn!(bits, "the issuer publishes an RSA key that is too weak: it is not used");
    }
    sound.then(|| DecodingKey::from_rsa_raw_components(modulus, exponent))
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn ec(parts: &Parts, size: usize, curve: &'static dyn VerificationAlgorithm) -> Option<DecodingKey> {
    let (x, y) = (bytes(parts.x.as_ref())?, bytes(parts.y.as_ref())?);
    if x.len() != size || y.len() != size {
        return None;
    }
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    // A point that is not on the curve is no key.
    ParsedPublicKey::new(curve, &point).ok()?;
    Some(DecodingKey::from_ec_der(&point))
}

fn ed25519(parts: &Parts) -> Option<DecodingKey> {
    let point = bytes(parts.x.as_ref())?;
    ParsedPublicKey::new(&ED25519, &point).ok()?;
    if is_of_small_order(&point) {
        tracing::warn!("the issuer publishes an Ed25519 key for which anybody can sign: it is not used");
        return None;
    }
    Some(DecodingKey::from_ed_der(&point))
}

/// With such a point, a signature of zeros is good for every few messages (RFC 8032 does not forbid them).
fn is_of_small_order(point: &[u8]) -> bool {
    let [first, middle @ .., last] = point else { return true };
    let last = last & 0x7f; // without the sign of x
    let small = |ends: std::ops::RangeInclusive<u8>, fill: u8, end: u8| {
        ends.contains(first) && middle.iter().all(|byte| *byte == fill) && last == end
    };
    // 0 and 1; then -1, and 0 and 1 written as p and p + 1.
    small(0..=1, 0, 0)
        || small(0xec..=0xee, 0xff, 0x7f)
        || ORDER_EIGHT
            .iter()
            .any(|y| y[0] == *first && y[1..31] == *middle && y[31] == last)
}

#[cfg(test)]
mod tests;
