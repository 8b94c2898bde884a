//! Rows of the catalogue: J27 to J30, J36.

mod broken;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, DecodingKey};
use openidconnect::IssuerUrl;

use super::{
    super::{
        super::{
            cache::Failure,
            tests::support::{client, raw_answer},
        },
        tests::issuer::{FakeIssuer, TestKey},
    },
    Keys, Pace,
};
use crate::telemetry::Metrics;

const MINUTE: Duration = Duration::from_secs(60);

fn keys(issuer: &str, pace: Pace) -> Arc<Keys> {
    counted_keys(issuer, pace, &Metrics::new("test", "0"))
}

fn counted_keys(issuer: &str, pace: Pace, metrics: &Metrics) -> Arc<Keys> {
    let issuer = IssuerUrl::new(issuer.to_owned()).unwrap();
    Arc::new(Keys::new(issuer, false, vec![Algorithm::ES256], pace, metrics.keys()))
}

async fn find(keys: &Arc<Keys>, id: &str) -> Result<Arc<DecodingKey>, Failure> {
    keys.find(id, Algorithm::ES256, &client()).await
}

fn is_unknown<T>(found: &Result<T, Failure>) -> bool {
    matches!(found, Err(Failure::Rejected(reason)) if reason.to_string().ends_with("its issuer does not publish"))
}

fn is_unavailable<T>(found: &Result<T, Failure>) -> bool {
    matches!(found, Err(Failure::Unavailable))
}

#[actix_web::test]
async fn keys_are_fetched_at_the_start_and_again_when_they_are_due() {
    let issuer = FakeIssuer::start([&TestKey::p256("a").jwk]);
    let keys = keys(&issuer.url(), Pace::STANDARD);
    assert!(!keys.ready());
    assert_eq!(keys.refresh(&client()).await, Duration::from_secs(540));
    assert!(keys.ready());
    // Each worker may ask: only what is due is fetched.
    let left = keys.refresh(&client()).await;
    assert!(
        left > Duration::from_secs(500) && left <= Duration::from_secs(540),
        "{left:?}"
    );
    assert_eq!(issuer.questions(), 2, "discovery and key set, once");
    assert!(find(&keys, "a").await.is_ok());
    assert_eq!(issuer.questions(), 2);
}

#[actix_web::test]
async fn a_new_key_is_fetched_once_and_accepted() {
    let (old, new) = (TestKey::p256("old"), TestKey::p256("new"));
    let issuer = FakeIssuer::start([&old.jwk]);
    let keys = keys(&issuer.url(), Pace::STANDARD);
    keys.refresh(&client()).await;
    issuer.publish([&old.jwk, &new.jwk]);
    assert!(find(&keys, "new").await.is_ok());
    assert!(find(&keys, "old").await.is_ok());
    assert_eq!(issuer.fetches(), 2);
}

#[actix_web::test]
async fn a_removed_key_is_gone_with_the_next_refresh() {
    let (old, new) = (TestKey::p256("old"), TestKey::p256("new"));
    let issuer = FakeIssuer::start([&old.jwk]);
    let keys = keys(
        &issuer.url(),
        Pace {
            refresh: Duration::ZERO,
            ..Pace::STANDARD
        },
    );
    keys.refresh(&client()).await;
    assert!(find(&keys, "old").await.is_ok());
    issuer.publish([&new.jwk]);
    keys.refresh(&client()).await;
    assert!(is_unknown(&find(&keys, "old").await));
}

#[actix_web::test]
async fn ten_thousand_unknown_keys_are_one_fetch() {
    let issuer = FakeIssuer::start([&TestKey::p256("a").jwk]);
    let keys = keys(&issuer.url(), Pace::STANDARD);
    keys.refresh(&client()).await;
    let client = client();
    let ids: Vec<String> = (0..10_000).map(|id| format!("unknown-{id}")).collect();
    let found = join_all(ids.iter().map(|id| keys.find(id, Algorithm::ES256, &client))).await;
    assert!(found.iter().all(is_unknown));
    assert_eq!(issuer.fetches(), 2, "one at the start, one because of the tokens");
    for id in ["b", "c"] {
        assert!(is_unknown(&find(&keys, id).await));
    }
    assert_eq!(issuer.fetches(), 2, "none for later ones in the same minute");
    assert!(find(&keys, "a").await.is_ok());
}

#[actix_web::test]
async fn whoever_waited_for_a_fetch_does_not_fetch_again() {
    let issuer = FakeIssuer::start([&TestKey::p256("a").jwk]);
    let pace = Pace {
        on_demand: Duration::ZERO,
        ..Pace::STANDARD
    };
    let (keys, client) = (keys(&issuer.url(), pace), client());
    let found = join_all((0..100).map(|_| keys.find("a", Algorithm::ES256, &client))).await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(issuer.fetches(), 1);
}

#[actix_web::test]
async fn after_a_minute_an_unknown_key_is_looked_for_again() {
    let issuer = FakeIssuer::start([&TestKey::p256("a").jwk]);
    let keys = keys(
        &issuer.url(),
        Pace {
            on_demand: Duration::ZERO,
            ..Pace::STANDARD
        },
    );
    keys.refresh(&client()).await;
    for fetches in [2, 3] {
        assert!(is_unknown(&find(&keys, "b").await));
        assert_eq!(issuer.fetches(), fetches);
    }
}

#[actix_web::test]
async fn a_key_for_another_algorithm_is_refused_without_a_fetch() {
    let issuer = FakeIssuer::start([&TestKey::p256("a").jwk]);
    let keys = keys(&issuer.url(), Pace::STANDARD);
    keys.refresh(&client()).await;
    let found = keys.find("a", Algorithm::RS256, &client()).await;
    assert!(matches!(found, Err(Failure::Rejected(_))));
    assert_eq!(issuer.fetches(), 1);
}

#[actix_web::test]
async fn whoever_asked_first_may_go_away() {
    let issuer = FakeIssuer::start([&TestKey::p256("a").jwk]);
    let keys = keys(&issuer.url(), Pace::STANDARD);
    let client = client();
    let first = actix_rt::spawn({
        let (keys, client) = (keys.clone(), client.clone());
        async move { keys.find("a", Algorithm::ES256, &client).await.is_ok() }
    });
    let start = Instant::now();
    while issuer.questions() == 0 {
        assert!(start.elapsed() < MINUTE);
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(find(&keys, "a").await.is_ok());
    assert_eq!(issuer.fetches(), 1, "the fetch went on");
}

#[actix_web::test]
async fn without_an_issuer_nothing_is_decided_until_there_is_one() {
    let issuer = FakeIssuer::start([&TestKey::p256("a").jwk]);
    issuer.change(|documents| documents.raw_discovery = Some(raw_answer(503, "text/plain", b"starting")));
    let keys = keys(
        &issuer.url(),
        Pace {
            on_demand: Duration::ZERO,
            ..Pace::STANDARD
        },
    );
    assert_eq!(keys.refresh(&client()).await, Duration::from_secs(5));
    assert!(!keys.ready());
    assert!(is_unavailable(&find(&keys, "a").await));
    issuer.change(|documents| documents.raw_discovery = None);
    assert!(find(&keys, "a").await.is_ok(), "a request is enough to recover");
    assert!(keys.ready());
}

#[actix_web::test]
async fn an_unknown_key_while_the_issuer_is_down_is_undecided() {
    let issuer = FakeIssuer::start([&TestKey::p256("a").jwk]);
    let keys = keys(&issuer.url(), Pace::STANDARD);
    keys.refresh(&client()).await;
    issuer.change(|documents| documents.raw_discovery = Some(Vec::new()));
    assert!(is_unavailable(&find(&keys, "b").await));
    assert!(
        is_unavailable(&find(&keys, "c").await),
        "and stays so for the minute in which it is not asked again"
    );
    assert!(find(&keys, "a").await.is_ok());
}

/// J30.
#[actix_web::test]
async fn each_fetch_is_counted_by_what_came_of_it() {
    let (issuer, metrics) = (FakeIssuer::start([&TestKey::p256("a").jwk]), Metrics::new("test", "0"));
    let keys = counted_keys(&issuer.url(), Pace::STANDARD, &metrics);
    keys.refresh(&client()).await;
    issuer.change(|documents| documents.raw_discovery = Some(Vec::new()));
    assert!(is_unavailable(&find(&keys, "b").await));
    assert!(find(&keys, "a").await.is_ok());
    let text = metrics.to_text();
    for series in [
        r#"nbgate_key_fetches_total{outcome="fetched"} 1"#,
        r#"nbgate_key_fetches_total{outcome="failed"} 1"#,
    ] {
        assert!(text.contains(series), "{text}");
    }
}

#[actix_web::test]
async fn keys_are_good_for_a_day_and_no_longer() {
    assert_eq!(Pace::STANDARD.good_for, Duration::from_secs(86_400));
    let issuer = FakeIssuer::start([&TestKey::p256("a").jwk]);
    let keys = keys(
        &issuer.url(),
        Pace {
            good_for: Duration::from_millis(200),
            ..Pace::STANDARD
        },
    );
    let start = Instant::now();
    keys.refresh(&client()).await;
    issuer.change(|documents| documents.raw_discovery = Some(Vec::new()));
    while keys.ready() {
        assert!(start.elapsed() < MINUTE);
        tokio::task::yield_now().await;
    }
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert!(is_unavailable(&find(&keys, "a").await));
}
