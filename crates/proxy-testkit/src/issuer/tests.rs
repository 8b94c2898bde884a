use aws_lc_rs::{
    rsa::PublicKeyComponents,
    signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};

use super::*;
use crate::RawClient;

fn get(issuer: &FakeIssuer, path: &str) -> Value {
    RawClient::get(issuer.server().address(), path, &[]).json()
}

fn part(token: &str, number: usize) -> Value {
    serde_json::from_slice(&BASE64.decode(token.split('.').nth(number).unwrap()).unwrap()).unwrap()
}

/// Whether a key that the issuer publishes verifies the token.
fn verifies(issuer: &FakeIssuer, token: &str) -> bool {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = BASE64.decode(signature).unwrap();
    let jwks = get(issuer, JWKS);
    let keys = jwks["keys"].as_array().unwrap();
    let Some(key) = keys.iter().find(|key| key["kid"] == part(token, 0)["kid"]) else {
        return false;
    };
    let member = |name: &str| BASE64.decode(key[name].as_str().unwrap()).unwrap();
    assert_eq!(key["alg"], part(token, 0)["alg"]);
    if key["kty"] == "EC" {
        let point = [vec![4], member("x"), member("y")].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(message.as_bytes(), &signature)
            .is_ok()
    } else {
        let key = PublicKeyComponents {
            n: member("n"),
            e: member("e"),
        };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature)
            .is_ok()
    }
}

#[test]
fn tokens_are_verified_by_the_published_keys() {
    for issuer in [FakeIssuer::start(), FakeIssuer::start_rsa()] {
        let token = issuer.token("ada").sign();
        assert!(verifies(&issuer, &token));
        let forged = issuer.token("eve").sign_by(|_| vec![0; 64]);
        assert!(!verifies(&issuer, &forged));
    }
}

#[test]
fn a_token_holds_what_was_drafted() {
    let issuer = FakeIssuer::start();
    let now = now();
    let plain = part(&issuer.token("ada").sign(), 1);
    assert_eq!(
        (&plain["iss"], &plain["sub"], &plain["aud"]),
        (&issuer.url().into(), &"ada".into(), &"nbgate".into())
    );
    assert!(plain["exp"].as_i64().unwrap() - now >= 300);
    assert!(plain.get("groups").is_none());
    let draft = issuer
        .token("ada")
        .group("/spt3g/dev")
        .group("x")
        .claim("azp", "jira")
        .audience("other");
    let token = draft.without("jti").expires_in(-60).header("alg", "none").sign();
    let claims = part(&token, 1);
    assert_eq!(claims["groups"], json!(["/spt3g/dev", "x"]));
    assert_eq!((&claims["azp"], &claims["aud"]), (&"jira".into(), &"other".into()));
    assert!(claims["exp"].as_i64().unwrap() <= now - 59 && claims.get("jti").is_none());
    assert_eq!(part(&token, 0)["alg"], "none");
}

#[test]
fn discovery_names_issuer_and_keys() {
    let issuer = FakeIssuer::start();
    let document = get(&issuer, DISCOVERY);
    assert_eq!(document["issuer"], issuer.url());
    assert_eq!(document["jwks_uri"], issuer.jwks_url());
    assert_eq!(document, issuer.discovery());
    assert_eq!((issuer.hits(), issuer.jwks_hits()), (1, 0));
}

#[test]
fn a_rotated_key_is_gone_and_a_next_one_is_there_as_well() {
    for issuer in [FakeIssuer::start(), FakeIssuer::start_rsa()] {
        let first = issuer.token("ada").sign();
        issuer.publish_next();
        let second = issuer.token("ada").sign();
        assert!(verifies(&issuer, &first) && verifies(&issuer, &second));
        issuer.rotate();
        let third = issuer.token("ada").sign();
        assert!(!verifies(&issuer, &first) && !verifies(&issuer, &second) && verifies(&issuer, &third));
    }
}

#[test]
fn a_failing_issuer_fails_until_it_recovers() {
    let issuer = FakeIssuer::start();
    issuer.fail(503);
    for path in [DISCOVERY, JWKS] {
        assert_eq!(RawClient::get(issuer.server().address(), path, &[]).status, 503);
    }
    issuer.recover();
    assert_eq!(get(&issuer, JWKS), issuer.jwks());
}
