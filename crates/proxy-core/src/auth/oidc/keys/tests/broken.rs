//! Answers that are no keys. Rows of the catalogue: J30 to J34.

use std::time::Duration;

use openidconnect::IssuerUrl;
use serde_json::{Value, json};

use super::{
    super::{
        super::{
            super::tests::support::{FakePlatform, capture_log, client, json_answer, raw_answer},
            tests::issuer::{FakeIssuer, TestKey},
        },
        Keys, Pace,
    },
    MINUTE, find, keys,
};
use crate::telemetry::Metrics;

const RESTLESS: Pace = Pace {
    refresh: Duration::ZERO,
    ..Pace::STANDARD
};

/// Answers to the question for the keys that hold none to believe.
fn broken_key_sets(good: &Value) -> Vec<Vec<u8>> {
    let body = |body: &[u8]| raw_answer(200, "application/json", body);
    let keys = |keys: Value| body(json!({ "keys": keys }).to_string().as_bytes());
    let many: Vec<Value> = (0..10_000)
        .map(|id| json!({"kty": "EC", "kid": id.to_string()}))
        .collect();
    vec![
        keys(json!([])),
        keys(json!({})),
        keys(json!(many)),
        keys(json!([good, good])),
        keys(json!([TestKey::rsa("a").jwk])),
        body(b"{}"),
        body(b"[]"),
        body(b""),
        body(&[b' '; 10 << 20]),
        body(b"\x1f\x8b\x08\0\0\0\0\0"),
        raw_answer(200, "text/html", b"<html>Log in</html>"),
        raw_answer(304, "application/json", b""),
        json_answer(404, &json!({"keys": [good]})),
        json_answer(500, &json!({"keys": [good]})),
        json_answer(503, &json!({"keys": [good]})),
        b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{\"keys\":[".to_vec(),
        Vec::new(),
    ]
}

#[actix_web::test]
async fn whatever_the_issuer_says_instead_of_keys_the_last_good_ones_stay() {
    let good = TestKey::p256("a");
    let issuer = FakeIssuer::start([&good.jwk]);
    let keys = keys(&issuer.url(), RESTLESS);
    assert_eq!(keys.refresh(&client()).await, Duration::ZERO);
    for answer in broken_key_sets(&good.jwk) {
        issuer.change(|documents| documents.raw_key_set = Some(answer.clone()));
        let beginning = String::from_utf8_lossy(&answer[..answer.len().min(200)]);
        assert_eq!(keys.refresh(&client()).await, MINUTE, "{beginning}");
        assert!(keys.ready() && find(&keys, "a").await.is_ok(), "{beginning}");
    }
}

#[actix_web::test]
async fn a_discovery_document_that_is_not_ours_changes_nothing() {
    let issuer = FakeIssuer::start([&TestKey::p256("a").jwk]);
    let keys = keys(&issuer.url(), RESTLESS);
    keys.refresh(&client()).await;
    let fetches = issuer.fetches();
    for other in [
        format!("{}/", issuer.url()),
        issuer.url().to_uppercase(),
        "https://evil.example.org".to_owned(),
    ] {
        issuer.change(|documents| documents.discovery = json!({"issuer": other}));
        let (guard, log) = capture_log();
        assert_eq!(keys.refresh(&client()).await, MINUTE);
        drop(guard);
        let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
        assert!(log.contains("unexpected issuer URI"), "{log}");
    }
    issuer.change(|documents| documents.raw_discovery = Some(raw_answer(200, "text/html", b"<html>")));
    assert_eq!(keys.refresh(&client()).await, MINUTE);
    assert_eq!(issuer.fetches(), fetches, "no key set of a wrong document is fetched");
    assert!(find(&keys, "a").await.is_ok());
}

#[actix_web::test]
async fn no_redirect_is_followed() {
    let sink = FakePlatform::start(|_| raw_answer(200, "application/json", b"{}"));
    let issuer = FakeIssuer::start([&TestKey::p256("a").jwk]);
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}/keys\r\ncontent-length: 0\r\n\r\n",
        sink.url()
    )
    .into_bytes();
    let keys = keys(&issuer.url(), Pace::STANDARD);
    for in_discovery in [true, false] {
        issuer.change(|documents| {
            documents.raw_discovery = in_discovery.then(|| redirect.clone());
            documents.raw_key_set = (!in_discovery).then(|| redirect.clone());
        });
        assert_eq!(keys.refresh(&client()).await, Duration::from_secs(5));
    }
    assert!(sink.questions().is_empty() && !keys.ready());
}

#[test]
fn keys_come_the_way_the_issuer_is_configured() {
    let may = |issuer: &str, allow: bool, url: &str| {
        let issuer = IssuerUrl::new(issuer.to_owned()).unwrap();
        Keys::new(
            issuer,
            allow,
            Vec::new(),
            Pace::STANDARD,
            Metrics::new("test", "0").keys(),
        )
        .may_ask(&url.parse().unwrap())
    };
    for allow in [false, true] {
        assert!(may("https://idp", allow, "https://idp/keys"));
        assert!(may("https://idp", allow, "https://keys.example.org/keys?p=1"));
        for http in [
            "http://idp/keys",
            "http://127.0.0.1/keys",
            "http://localhost/keys",
            "file:///etc/passwd",
            "ftp://idp/keys",
            "data:,{}",
        ] {
            assert!(!may("https://idp", allow, http), "{http}");
        }
        assert!(may("http://localhost:9000", allow, "http://127.0.0.1:9000/keys"));
        assert!(may("http://localhost:9000", allow, "https://idp/keys"));
    }
    assert!(!may("http://localhost:9000", false, "http://idp/keys"));
    assert!(may("http://keycloak:8080", true, "http://keycloak:8080/keys"));
}

#[actix_web::test]
async fn a_key_set_elsewhere_over_http_is_not_asked_for() {
    let sink = FakePlatform::start(|_| raw_answer(200, "application/json", b"{}"));
    let issuer = FakeIssuer::start([&TestKey::p256("a").jwk]);
    // `.localhost` is this machine by its name, but not one that is known to stay here.
    let elsewhere = sink.url().replace("127.0.0.1", "sink.localhost");
    issuer.change(|documents| documents.discovery = json!({"jwks_uri": format!("{elsewhere}/keys")}));
    let (guard, log) = capture_log();
    keys(&issuer.url(), Pace::STANDARD).refresh(&client()).await;
    drop(guard);
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    assert!(log.contains("is no URL that keys may come from"), "{log}");
    assert!(sink.questions().is_empty());
}
