//! Rows of the catalogue: J22, J24, J31.

use jsonwebtoken::Algorithm;
use openidconnect::core::CoreJsonWebKeySet;
use serde_json::{Value, json};

use super::{
    super::tests::issuer::{TestKey, base64url},
    Found, KeySet, KeySetError, MAX_KEYS,
};

const ALL: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

fn key_set(keys: &[Value], allowed: &[Algorithm]) -> Result<KeySet, KeySetError> {
    let published: CoreJsonWebKeySet = serde_json::from_value(json!({"keys": keys})).unwrap();
    KeySet::new(published.keys(), allowed)
}

/// The algorithms that a key is used for.
fn used_for(key: &Value) -> Vec<Algorithm> {
    let Ok(keys) = key_set(std::slice::from_ref(key), ALL) else {
        return Vec::new();
    };
    let id = key["kid"].as_str().unwrap();
    ALL.iter()
        .copied()
        .filter(|algorithm| matches!(keys.find(id, *algorithm), Found::Key(_)))
        .collect()
}

#[test]
fn a_key_is_used_for_the_algorithms_of_its_family() {
    assert_eq!(used_for(&TestKey::rsa("k").jwk), &ALL[..6]);
    assert_eq!(used_for(&TestKey::p256("k").jwk), [Algorithm::ES256]);
    assert_eq!(used_for(&TestKey::p384("k").jwk), [Algorithm::ES384]);
    assert_eq!(used_for(&TestKey::ed25519("k").jwk), [Algorithm::EdDSA]);
}

#[test]
fn a_key_that_names_an_algorithm_is_used_for_that_alone() {
    let rsa = TestKey::rsa("k");
    assert_eq!(used_for(&rsa.published("alg", json!("PS256"))), [Algorithm::PS256]);
    for other in [
        "RSA-OAEP",
        "RSA-OAEP-256",
        "ES256",
        "HS256",
        "none",
        "dir",
        "unheard-of",
    ] {
        assert!(used_for(&rsa.published("alg", json!(other))).is_empty(), "{other}");
    }
    assert!(used_for(&TestKey::p256("k").published("alg", json!("ES384"))).is_empty());
}

#[test]
fn only_configured_algorithms_count() {
    let keys = key_set(&[TestKey::rsa("r").jwk, TestKey::p256("e").jwk], &[Algorithm::ES256]).unwrap();
    assert!(matches!(keys.find("e", Algorithm::ES256), Found::Key(_)));
    assert!(matches!(keys.find("e", Algorithm::RS256), Found::OtherAlgorithm));
    assert!(matches!(keys.find("r", Algorithm::RS256), Found::Unknown));
    assert_eq!(
        key_set(&[TestKey::rsa("r").jwk], &[Algorithm::ES256]).unwrap_err(),
        KeySetError::Empty
    );
}

#[test]
fn a_key_for_something_else_than_signatures_is_not_used() {
    for usage in ["enc", "SIG", "", "tls"] {
        assert!(
            used_for(&TestKey::rsa("k").published("use", json!(usage))).is_empty(),
            "{usage}"
        );
    }
}

/// Found by fuzzing: one token in four was good with a signature of zeros. The five points, two of them also as a number that
/// is not reduced, each with both signs.
#[test]
fn an_ed25519_key_for_which_anybody_can_sign_is_not_used() {
    let filled = |first: u8, fill: u8, last: u8| [&[first][..], &[fill; 30], &[last]].concat();
    let mut points: Vec<Vec<u8>> = super::ORDER_EIGHT.iter().map(|y| y.to_vec()).collect();
    points.extend([filled(0, 0, 0), filled(1, 0, 0)]);
    points.extend([0xec, 0xed, 0xee].map(|first| filled(first, 0xff, 0x7f)));
    let key = |point: &[u8]| json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": base64url(point)});
    for mut point in points {
        for sign in [0, 0x80] {
            point[31] ^= sign;
            assert!(used_for(&key(&point)).is_empty(), "{}", key(&point));
        }
    }
    assert!(!used_for(&TestKey::ed25519("k").jwk).is_empty());
}

fn rsa_of(bytes: usize, first: u8, last: u8, exponent: &[u8]) -> Value {
    let mut modulus = vec![0xa5; bytes];
    modulus[0] = first;
    modulus[bytes - 1] = last;
    json!({"kty": "RSA", "kid": "k", "n": base64url(modulus), "e": base64url(exponent)})
}

#[test]
fn a_weak_rsa_key_is_not_used() {
    let f4 = &[1, 0, 1];
    for (key, good) in [
        (rsa_of(256, 0xff, 1, f4), true),
        (rsa_of(512, 0xff, 1, f4), true),
        (rsa_of(256, 0xff, 1, &[3]), true),
        (rsa_of(64, 0xff, 1, f4), false),
        (rsa_of(128, 0xff, 1, f4), false),
        // 2047 bits, and 2048 with a zero before them that does not count.
        (rsa_of(256, 0x7f, 1, f4), false),
        (rsa_of(256, 0, 1, f4), false),
        (rsa_of(2048, 0xff, 1, f4), false),
        (rsa_of(256, 0xff, 2, f4), false),
        (rsa_of(256, 0xff, 1, &[1]), false),
        (rsa_of(256, 0xff, 1, &[0, 1]), false),
        (rsa_of(256, 0xff, 1, &[0]), false),
        (rsa_of(256, 0xff, 1, &[]), false),
        (rsa_of(256, 0xff, 1, &[2]), false),
        (rsa_of(256, 0xff, 1, &[1, 0, 0, 0, 1]), false),
        (json!({"kty": "RSA", "kid": "k", "n": "", "e": "AQAB"}), false),
        (json!({"kty": "RSA", "kid": "k", "e": "AQAB"}), false),
        (json!({"kty": "RSA", "kid": "k", "n": "!", "e": "AQAB"}), false),
    ] {
        assert_eq!(!used_for(&key).is_empty(), good, "{key}");
    }
}

#[test]
fn a_point_that_is_not_on_its_curve_is_not_a_key() {
    let (p256, p384) = (TestKey::p256("k"), TestKey::p384("k"));
    for key in [
        p256.published("x", json!(base64url([1; 32]))),
        p256.published("x", json!(base64url([0; 32]))),
        p256.published("x", json!(base64url([0; 31]))),
        p256.published("x", json!("")),
        p256.published("y", json!(null)),
        p256.published("crv", json!("P-384")),
        p256.published("crv", json!("secp256k1")),
        p256.published("crv", json!("P-521")),
        p384.published("crv", json!("P-256")),
        p256.published("kty", json!("OKP")),
        p256.published("kty", json!("RSA")),
        TestKey::ed25519("k").published("x", json!(base64url([1; 31]))),
        TestKey::ed25519("k").published("crv", json!("X25519")),
        TestKey::ed25519("k").published("crv", json!("Ed448")),
    ] {
        assert!(used_for(&key).is_empty(), "{key}");
    }
}

#[test]
fn shared_secrets_and_private_keys_are_never_used() {
    assert!(used_for(&json!({"kty": "oct", "kid": "k", "k": base64url([7; 64]), "alg": "HS256"})).is_empty());
    assert!(used_for(&TestKey::p256("k").published("d", json!(base64url([7; 32])))).is_empty());
}

#[test]
fn a_key_without_an_id_is_not_used() {
    for id in [json!(null), json!(7)] {
        let key = TestKey::p256("k").published("kid", id);
        assert_eq!(key_set(&[key], ALL).unwrap_err(), KeySetError::Empty);
    }
}

#[test]
fn keys_that_are_of_no_use_do_not_spoil_the_others() {
    let keys = [
        TestKey::p256("good").jwk,
        json!({"kty": "RSA", "kid": "enc", "use": "enc", "n": "AQAB", "e": "AQAB"}),
        json!({"kty": "new", "kid": "new"}),
        json!({}),
        json!(7),
        json!(null),
    ];
    let keys = key_set(&keys, ALL).unwrap();
    assert!(matches!(keys.find("good", Algorithm::ES256), Found::Key(_)));
    assert!(matches!(keys.find("enc", Algorithm::RS256), Found::Unknown));
    assert!(matches!(keys.find("GOOD", Algorithm::ES256), Found::Unknown));
}

#[test]
fn a_set_that_cannot_be_meant_is_not_believed() {
    assert_eq!(key_set(&[], ALL).unwrap_err(), KeySetError::Empty);
    let (one, two) = (TestKey::p256("k"), TestKey::p256("k"));
    assert_eq!(
        key_set(&[one.jwk.clone(), two.jwk.clone()], ALL).unwrap_err(),
        KeySetError::TwoOfOneId
    );
    // One of them is for encryption: nothing is ambiguous.
    assert!(key_set(&[one.jwk.clone(), two.published("use", json!("enc"))], ALL).is_ok());
    let many: Vec<Value> = (0..=MAX_KEYS)
        .map(|id| one.published("kid", json!(id.to_string())))
        .collect();
    assert_eq!(key_set(&many, ALL).unwrap_err(), KeySetError::TooMany(MAX_KEYS + 1));
    assert!(key_set(&many[1..], ALL).is_ok());
}
