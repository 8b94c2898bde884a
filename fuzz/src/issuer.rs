//! An issuer whose key the targets have: without a good signature no claim would ever be read.

use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proxy_core::fuzzing::token::Issuer;

/// Id of the issuer's one key.
pub const KEY_ID: &str = "k";
/// Every algorithm that can be configured.
pub const ALGORITHMS: &[&str] = &[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];

/// Always the same: what is found must be found again.
static PAIR: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("any 32 bytes are a seed"));

/// Everything that can be configured is allowed.
pub static ISSUER: LazyLock<Issuer> = LazyLock::new(|| {
    let key_set = serde_json::json!({"keys": [{
        "kty": "OKP", "crv": "Ed25519", "kid": KEY_ID, "x": base64url(PAIR.public_key().as_ref()),
    }]});
    Issuer::new(key_set.to_string().as_bytes(), ALGORITHMS).expect("a good key set")
});

/// A token with exactly these two parts, signed by the issuer.
pub fn signed(header: &[u8], claims: &[u8]) -> String {
    let signed = format!("{}.{}", base64url(header), base64url(claims));
    let signature = base64url(PAIR.sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

/// As JWTs have it.
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
