//! Whether a signature is good. Rows of the catalogue: J18, J23.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::{
    super::{
        super::{
            config::algorithm,
            tests::issuer::{TestKey, base64url},
        },
        Jws,
    },
    key,
};

fn verified(key_pair: &TestKey, algorithm: Algorithm, token: &str) -> Result<String, String> {
    let jws = Jws::parse(token, &[algorithm]).map_err(|reason| reason.to_string())?;
    jws.verify(&key(&key_pair.jwk, algorithm))
        .map(|claims| Value::Object(claims).to_string())
        .map_err(|reason| reason.to_string())
}

#[test]
fn every_algorithm_that_can_be_configured_verifies_and_refuses() {
    let keys = [
        (
            TestKey::rsa("k"),
            &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"][..],
        ),
        (TestKey::p256("k"), &["ES256"]),
        (TestKey::p384("k"), &["ES384"]),
        (TestKey::ed25519("k"), &["EdDSA"]),
    ];
    for (key, algorithms) in keys {
        for name in algorithms {
            let algorithm = algorithm(name).unwrap();
            let token = key.token(name, &json!({"sub": "ada"}));
            assert_eq!(verified(&key, algorithm, &token).unwrap(), r#"{"sub":"ada"}"#, "{name}");
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let (header, _) = signed.split_once('.').unwrap();
            let other = base64url(r#"{"sub":"root"}"#);
            for forged in [
                format!("{header}.{other}.{signature}"),
                format!("{signed}."),
                format!("{signed}.{}", &signature[4..]),
                format!("{signed}.{signature}AAAA"),
            ] {
                assert!(verified(&key, algorithm, &forged).is_err(), "{name}: {forged}");
            }
        }
    }
}

#[test]
fn a_signature_of_another_algorithm_is_refused() {
    let rsa = TestKey::rsa("k");
    let header = json!({"alg": "RS256", "kid": "k"}).to_string();
    let token = rsa.sign_parts("PS256", header.as_bytes(), b"{}");
    assert_eq!(
        verified(&rsa, Algorithm::RS256, &token).unwrap_err(),
        "the token is not valid for this service: its signature is wrong"
    );
}

/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The order less `s`: the other `s` of the same signature.
fn other_s(s: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut other: Vec<u8> = ORDER
        .iter()
        .zip(s)
        .rev()
        .map(|(n, s)| {
            let difference = i16::from(*n) - i16::from(*s) - borrow;
            borrow = i16::from(difference < 0);
            difference.rem_euclid(256) as u8
        })
        .collect();
    other.reverse();
    other
}

#[test]
fn a_signature_of_zeros_is_refused_and_a_high_s_is_not() {
    let key = TestKey::p256("k");
    let token = key.token("ES256", &json!({"sub": "ada"}));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (r, s) = signature.split_at(32);
    let check = |signature: &[u8], good: bool| {
        let token = format!("{signed}.{}", base64url(signature));
        assert_eq!(
            verified(&key, Algorithm::ES256, &token).is_ok(),
            good,
            "{signature:02x?}"
        );
    };
    let zero = [0; 32];
    check(&signature, true);
    check(&[r, &other_s(s)].concat(), true);
    check(&[zero, zero].concat(), false);
    check(&[&zero, s].concat(), false);
    check(&[r, &zero].concat(), false);
    check(&[&ORDER, s].concat(), false);
    check(&[r, &ORDER].concat(), false);
    check(&[ORDER, ORDER].concat(), false);
    check(&[[0xff; 32], [0xff; 32]].concat(), false);
    check(&signature[..63], false);
    check(&[&signature, &[0][..]].concat(), false);
    check(&[&[0], r, &[0], s].concat(), false);
    check(&[], false);
    // DER, as other protocols write it.
    check(&[&[0x30, 0x44, 2, 32], r, &[2, 32], s].concat(), false);
}

#[test]
fn claims_that_are_not_json_are_refused_after_the_signature() {
    let key = TestKey::p256("k");
    let header = json!({"alg": "ES256", "kid": "k"}).to_string();
    for claims in [
        b"".as_slice(),
        b"null",
        b"[]",
        b"{\"sub\":\"a\",\"sub\":\"b\"}",
        b"{\"sub\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
    ] {
        let token = key.sign_parts("ES256", header.as_bytes(), claims);
        assert_eq!(
            verified(&key, Algorithm::ES256, &token).unwrap_err(),
            "the token is malformed: its claims are not JSON in base64url"
        );
    }
}
