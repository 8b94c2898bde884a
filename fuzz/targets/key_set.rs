//! A key set, as an issuer may publish it.

#![no_main]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use nbgate_fuzz::{
    issuer::{ALGORITHMS, base64url},
    now,
};
use proxy_core::fuzzing::token::Issuer;
use serde_json::{Value, json};

const MAX_KEYS: usize = 100;

fuzz_target!(|data: &[u8]| {
    let narrow = Issuer::new(data, &["RS256", "ES256"]);
    let shared = Issuer::new(data, &["HS256", "HS512", "none"]);
    assert!(shared.is_none(), "a shared secret is no key, whatever is configured");
    let Some(issuer) = Issuer::new(data, ALGORITHMS) else {
        return;
    };
    let published: Value = serde_json::from_slice(data).expect("what is read is JSON");
    let keys = published["keys"].as_array().expect("a list of keys");
    assert!(keys.len() <= MAX_KEYS);
    for id in keys.iter().filter_map(|key| key["kid"].as_str()) {
        let same: Vec<&Value> = keys.iter().filter(|key| key["kid"] == id).collect();
        for name in ALGORITHMS.iter().filter(|name| issuer.checks(id, name)) {
            assert!(same.iter().any(|key| suits(key, name)), "{id} for {name}");
            let narrowly = narrow.as_ref().is_some_and(|narrow| narrow.checks(id, name));
            assert!(
                !narrowly || ["RS256", "ES256"].contains(name),
                "{name} is not configured"
            );
        }
        for name in ["HS256", "HS384", "HS512", "none", "ES512", "ES256K"] {
            assert!(!issuer.checks(id, name), "{id} for {name}");
        }
        check_unsigned(&issuer, id);
    }
});

/// A public signing key of the algorithm's family, strong enough, which names no other algorithm.
fn suits(key: &Value, name: &str) -> bool {
    let text = |member: &str| key[member].as_str();
    let family = match (text("kty"), text("crv")) {
        (Some("RSA"), _) => name.starts_with("RS") || name.starts_with("PS"),
        (Some("EC"), Some("P-256")) => name == "ES256",
        (Some("EC"), Some("P-384")) => name == "ES384",
        (Some("OKP"), Some("Ed25519")) => name == "EdDSA",
        _ => false,
    };
    // 2048 bits are 342 letters.
    let strong =
        text("kty") != Some("RSA") || text("n").is_some_and(|modulus| modulus.trim_start_matches('A').len() >= 341);
    family
        && strong
        && !is_private(key)
        && (key["use"].is_null() || text("use") == Some("sig"))
        && (key["alg"].is_null() || text("alg") == Some(name))
}

/// What openidconnect cannot decode is no private key.
fn is_private(key: &Value) -> bool {
    key["d"]
        .as_str()
        .is_some_and(|part| URL_SAFE_NO_PAD.decode(part).is_ok())
}

/// A key that somebody else chose must not be one that checks everything.
fn check_unsigned(issuer: &Issuer, id: &str) {
    let claims = json!({
        "iss": Issuer::NAME, "aud": Issuer::AUDIENCE, "exp": 1_900_000_000, "preferred_username": "root",
    });
    for name in ALGORITHMS {
        let header = json!({"alg": name, "kid": id});
        let signed = format!(
            "{}.{}",
            base64url(header.to_string().as_bytes()),
            base64url(claims.to_string().as_bytes())
        );
        for length in [0, 1, 64, 96, 256] {
            let token = format!("{signed}.{}", base64url(&vec![0; length]));
            assert!(issuer.judge(&token, now()).is_err(), "{name} with {length} zeros");
        }
    }
}
