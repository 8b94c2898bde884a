//! Rows of the catalogue: J01 to J08, J18 to J21, J25.

mod signature;

use std::sync::Arc;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use jsonwebtoken::{Algorithm, DecodingKey};
use openidconnect::core::CoreJsonWebKey;
use serde_json::{Value, json};

use super::{
    super::{
        keyset::{Found, KeySet},
        tests::issuer::{TestKey, base64url},
    },
    Jws,
};

const RSA_AND_EC: &[Algorithm] = &[Algorithm::RS256, Algorithm::ES256];

fn key(published: &Value, algorithm: Algorithm) -> Arc<DecodingKey> {
    let published: CoreJsonWebKey = serde_json::from_value(published.clone()).unwrap();
    match KeySet::new(&[published], &[algorithm]).unwrap().find("k", algorithm) {
        Found::Key(key) => key,
        found => panic!("{found:?}"),
    }
}

fn parse(token: &str) -> Result<(), String> {
    Jws::parse(token, RSA_AND_EC)
        .map(|_| ())
        .map_err(|reason| reason.to_string())
}

fn check_header(header: &Value, expected: Result<(), &str>) {
    let token = format!("{}.e30.c2ln", base64url(header.to_string()));
    assert_eq!(parse(&token), expected.map_err(str::to_owned), "{header}");
}

const EXTENSION: Result<(), &str> =
    Err("the token is not valid for this service: its header asks for an extension that is not supported");
const ALGORITHM: Result<(), &str> =
    Err("the token is not valid for this service: it is signed with an algorithm that is not accepted");
const NO_KEY: Result<(), &str> = Err("the token is malformed: its header does not name a key");

const NO_ACCESS_TOKEN: Result<(), &str> = Err("the token is not valid for this service: it is not an access token");

#[test]
fn only_configured_algorithms_are_accepted() {
    for algorithm in ["RS256", "ES256"] {
        check_header(&json!({"alg": algorithm, "kid": "k"}), Ok(()));
    }
    for algorithm in [
        "none", "None", "nOnE", "NONE", "", "HS256", "HS384", "HS512", "RS384", "PS256", "ES384", "ES512", "ES256K",
        "EdDSA", "rs256", " RS256", "RS256\0", "dir", "RSA-OAEP",
    ] {
        check_header(&json!({"alg": algorithm, "kid": "k"}), ALGORITHM);
    }
    for header in [
        json!({"kid": "k"}),
        json!({"alg": null, "kid": "k"}),
        json!({"alg": ["RS256"], "kid": "k"}),
        json!({"alg": 256, "kid": "k"}),
    ] {
        check_header(&header, ALGORITHM);
    }
}

/// J02: whatever a published key is called, it is no shared secret; even a configuration cannot ask for HS256.
#[test]
fn a_public_key_is_never_a_shared_secret() {
    use aws_lc_rs::hmac;
    let rsa = TestKey::rsa("k");
    for secret in [rsa.jwk.to_string(), rsa.jwk["n"].as_str().unwrap().to_owned()] {
        let signed = format!("{}.{}", base64url(r#"{"alg":"HS256","kid":"k"}"#), base64url("{}"));
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
        let token = format!("{signed}.{}", base64url(signature));
        assert_eq!(parse(&token), ALGORITHM.map_err(str::to_owned));
        assert!(Jws::parse(&token, &[Algorithm::HS256]).is_err());
    }
}

#[test]
fn a_key_is_named_by_a_short_text() {
    // A key id is looked up among the published ones; it never becomes a path, a query or a URL.
    for id in ["../../dev/null", "' or 1=1 --", "https://evil/key", "k\0", "é"] {
        check_header(&json!({"alg": "RS256", "kid": id}), Ok(()));
    }
    for id in [
        json!(["k"]),
        json!(null),
        json!(7),
        json!({"k": 1}),
        json!(""),
        json!("k".repeat(10_240)),
    ] {
        check_header(&json!({"alg": "RS256", "kid": id}), NO_KEY);
    }
    check_header(&json!({"alg": "RS256"}), NO_KEY);
}

#[test]
fn a_header_that_says_something_twice_is_refused() {
    for header in [
        r#"{"alg":"RS256","kid":"a","kid":"b"}"#,
        r#"{"alg":"none","alg":"RS256","kid":"k"}"#,
    ] {
        let token = format!("{}.e30.c2ln", base64url(header));
        assert_eq!(
            parse(&token).unwrap_err(),
            "the token is malformed: its header is not JSON in base64url"
        );
    }
}

/// J05: there is no code that reads them, and so nothing that could fetch or believe them.
#[test]
fn keys_that_a_header_brings_are_not_looked_at() {
    for name in ["jku", "x5u", "jwk", "x5c", "x5t"] {
        check_header(
            &json!({"alg": "RS256", "kid": "k", name: "http://127.0.0.1:1/key"}),
            Ok(()),
        );
    }
    let (ours, theirs) = (TestKey::p256("k"), TestKey::p256("k"));
    let token = theirs.token_with(&json!({"alg": "ES256", "kid": "k", "jwk": theirs.jwk}), &json!({}));
    let jws = Jws::parse(&token, RSA_AND_EC).unwrap();
    assert!(jws.verify(&key(&ours.jwk, Algorithm::ES256)).is_err());
}

#[test]
fn extensions_that_are_not_understood_are_refused() {
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("cty", json!("JWT")),
        ("enc", json!("A128GCM")),
        ("zip", json!("DEF")),
    ] {
        check_header(&json!({"alg": "RS256", "kid": "k", name: value}), EXTENSION);
    }
}

#[test]
fn only_types_of_access_tokens_are_accepted() {
    for kind in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
        check_header(&json!({"alg": "RS256", "kid": "k", "typ": kind}), Ok(()));
    }
    for kind in [
        json!("logout+jwt"),
        json!("dpop+jwt"),
        json!("ID"),
        json!("id_token+jwt"),
        json!("secevent+jwt"),
        json!("JOSE"),
        json!(""),
        json!(null),
        json!(["JWT"]),
    ] {
        check_header(&json!({"alg": "RS256", "kid": "k", "typ": kind}), NO_ACCESS_TOKEN);
    }
}

#[test]
fn a_token_has_three_parts() {
    for token in ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e", "..", "..."] {
        assert!(parse(token).is_err(), "{token}");
    }
}

#[test]
fn base64url_has_one_spelling() {
    let header = br#"{"alg":"RS256","kid":"k1"}"#;
    let good = base64url(header);
    assert_eq!(parse(&format!("{good}.e30.c2ln")), Ok(()));
    let padded = URL_SAFE.encode(header);
    assert!(padded.ends_with('='), "the header is chosen so that it needs padding");
    let mut stray = good.clone().into_bytes();
    let last = stray.last_mut().unwrap();
    *last += 1;
    for bad in [
        padded,
        String::from_utf8(stray).unwrap(),
        format!("{good} "),
        format!("\n{good}"),
        good[1..].to_owned(),
        STANDARD.encode(r#"{"alg":"RS256","kid":"k","a":"ÿÿÿ>>>"}"#),
    ] {
        assert!(parse(&format!("{bad}.e30.c2ln")).is_err(), "{bad}");
    }
}
