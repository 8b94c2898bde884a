//! The whole scheme, from a request to an outcome; each step's own tests are beside it. Rows of the catalogue: J01,
//! J14, J16, J25, J27, J30, J36, K07, K08.

pub(super) mod issuer;
mod keycloak;

use std::{
    rc::Rc,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant, SystemTime},
};

use actix_http::RequestHead;
use futures_util::future::join_all;
use serde_json::{Value, json};

use self::issuer::{FakeIssuer, TestKey, base64url};
use super::super::{
    Authenticator, CacheState, Outcome,
    tests::{
        GT,
        support::{capture_log, client, head, identity, scheme, told},
    },
};

fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn claims(issuer: &FakeIssuer) -> Value {
    json!({
        "iss": issuer.url(), "aud": ["jira", "account"], "azp": "notebook", "exp": now() + 300, "iat": now(), "sub": "f:1:ada",
        "typ": "Bearer", "preferred_username": "ada", "groups": ["/spt3g/dev"], "scope": "openid jira"
    })
}

fn config(issuer: &FakeIssuer) -> Value {
    json!({"kind": "oidc", "issuer": issuer.url(), "audience": ["jira"]})
}

async fn ready(config: Value) -> Box<dyn Authenticator> {
    let scheme = scheme(config);
    assert_eq!(scheme.refresh(&client()).await, Some(Duration::from_secs(540)));
    scheme
}

fn head_of(key: &TestKey, claims: &Value) -> RequestHead {
    head(&[("authorization", &format!("Bearer {}", key.token("ES256", claims)))])
}

async fn ask(scheme: &dyn Authenticator, token: &str) -> Outcome {
    scheme
        .authenticate(&head(&[("authorization", &format!("Bearer {token}"))]), &client())
        .await
}

#[actix_web::test]
async fn a_good_token_says_who_calls() {
    let (ec, rsa) = (TestKey::p256("ec"), TestKey::rsa("rsa"));
    let issuer = FakeIssuer::start([&ec.jwk, &rsa.jwk]);
    let scheme = ready(config(&issuer)).await;
    for (key, algorithm) in [(&ec, "ES256"), (&rsa, "RS256")] {
        let outcome = ask(&*scheme, &key.token(algorithm, &claims(&issuer))).await;
        assert_eq!(told(&outcome), "ada groups=/spt3g/dev scopes=openid,jira");
        let identity = identity(outcome);
        assert!(identity.kind() == "oidc" && identity.expires().is_some() && !identity.by_cookie());
    }
    assert_eq!(issuer.fetches(), 1, "tokens are checked here");
}

#[actix_web::test]
async fn a_token_may_come_by_basic() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let key = TestKey::p256("k");
    let issuer = FakeIssuer::start([&key.jwk]);
    let scheme = ready(config(&issuer)).await;
    let basic = format!(
        "Basic {}",
        STANDARD.encode(format!("ada:{}", key.token("ES256", &claims(&issuer))))
    );
    let outcome = scheme
        .authenticate(&head(&[("authorization", &basic)]), &client())
        .await;
    assert_eq!(identity(outcome).user(), "ada");
}

#[actix_web::test]
async fn what_is_no_jwt_is_left_to_other_schemes() {
    let issuer = FakeIssuer::start([&TestKey::p256("k").jwk]);
    let scheme = scheme(config(&issuer));
    for authorization in [
        "Bearer opaque",
        &format!("Bearer {GT}"),
        "Bearer a.b.c.d.e",
        "token e30.e30.c2ln",
        "Basic YWRhOnB3",
        "Digest a",
    ] {
        let outcome = scheme
            .authenticate(&head(&[("authorization", authorization)]), &client())
            .await;
        assert_eq!(told(&outcome), "not present", "{authorization}");
    }
    assert_eq!(issuer.questions(), 0);
}

async fn check_rejected(scheme: &dyn Authenticator, token: &str, expected: &str) {
    let outcome = ask(scheme, token).await;
    let rejected = matches!(&outcome, Outcome::Rejected(reason) if reason.to_string().ends_with(expected));
    assert!(rejected, "{expected}: {}", told(&outcome));
}

#[actix_web::test]
async fn a_token_that_the_issuer_has_not_signed_is_refused_without_asking() {
    let key = TestKey::p256("k");
    let issuer = FakeIssuer::start([&key.jwk]);
    let scheme = ready(config(&issuer)).await;
    let claims = claims(&issuer);
    let good = key.token("ES256", &claims);
    let (signed, _) = good.rsplit_once('.').unwrap();
    let unsigned = base64url(json!({"alg": "none", "kid": "k"}).to_string());
    let unsigned = format!("{unsigned}.{}.", base64url(claims.to_string()));
    let theirs = TestKey::p256("k").token("ES256", &claims);
    for (token, expected) in [
        (unsigned.as_str(), "it is signed with an algorithm that is not accepted"),
        (&format!("{signed}."), "its signature is wrong"),
        (&format!("{signed}.AAAA"), "its signature is wrong"),
        (&theirs, "its signature is wrong"),
        ("e30.e30.c2ln", "it is signed with an algorithm that is not accepted"),
        ("a.b.c", "its header is not JSON in base64url"),
    ] {
        check_rejected(&*scheme, token, expected).await;
    }
    assert_eq!(issuer.fetches(), 1);
}

#[actix_web::test]
async fn a_token_that_says_the_wrong_thing_is_refused() {
    let key = TestKey::p256("k");
    let issuer = FakeIssuer::start([&key.jwk]);
    let scheme = ready(config(&issuer)).await;
    for (name, value, expected) in [
        ("exp", json!(now() - 31), "the token has expired"),
        ("iss", json!(format!("{}/", issuer.url())), "another issuer has made it"),
        ("aud", json!(["account"]), "it was issued for another service"),
        ("typ", json!("ID"), "it is not an access token"),
        ("at_hash", json!("x"), "it is an ID token, not an access token"),
        ("preferred_username", json!("a\r\nb"), "not printable"),
        ("preferred_username", json!("a\u{0}b"), "not printable"),
        ("preferred_username", json!("a".repeat(10_000)), "not printable"),
        ("groups", json!(vec!["g"; 2_001]), "it holds too many groups or scopes"),
        ("sub", json!(7), "its claim `sub` is not a name"),
    ] {
        let mut claims = claims(&issuer);
        claims[name] = value;
        check_rejected(&*scheme, &key.token("ES256", &claims), expected).await;
    }
}

#[actix_web::test]
async fn a_thousand_requests_with_a_new_key_are_one_fetch() {
    let (old, new) = (TestKey::p256("old"), TestKey::p256("new"));
    let issuer = FakeIssuer::start([&old.jwk]);
    let scheme = ready(config(&issuer)).await;
    issuer.publish([&new.jwk]);
    let (client, claims) = (client(), claims(&issuer));
    let heads: Vec<_> = (0..1_000)
        .map(|id| {
            let mut claims = claims.clone();
            claims["jti"] = json!(id);
            head(&[("authorization", &format!("Bearer {}", new.token("ES256", &claims)))])
        })
        .collect();
    let outcomes = join_all(heads.iter().map(|head| scheme.authenticate(head, &client))).await;
    assert!(outcomes.into_iter().all(|outcome| identity(outcome).user() == "ada"));
    assert_eq!(issuer.fetches(), 2);
}

#[actix_web::test]
async fn a_second_request_is_answered_from_the_cache_until_the_token_ends() {
    let key = TestKey::p256("k");
    let issuer = FakeIssuer::start([&key.jwk]);
    let mut config = config(&issuer);
    config["leeway_seconds"] = json!(0);
    let scheme = ready(config).await;
    let mut claims = claims(&issuer);
    claims["exp"] = json!(
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs_f64()
            + 1.5
    );
    let token = key.token("ES256", &claims);
    let states = [ask(&*scheme, &token).await, ask(&*scheme, &token).await].map(|outcome| match outcome {
        Outcome::Authenticated(_, state) => state,
        other => panic!("{}", told(&other)),
    });
    assert_eq!(states, [CacheState::Miss, CacheState::Hit]);
    let deadline = SystemTime::now() + Duration::from_secs(60);
    loop {
        match ask(&*scheme, &token).await {
            Outcome::Authenticated(..) => assert!(SystemTime::now() < deadline, "the entry never dies"),
            other => break assert_eq!(told(&other), "the token has expired"),
        }
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn known_keys_survive_an_outage() {
    let key = TestKey::p256("k");
    let issuer = FakeIssuer::start([&key.jwk]);
    let scheme = ready(config(&issuer)).await;
    let token = key.token("ES256", &claims(&issuer));
    drop(issuer);
    assert_eq!(identity(ask(&*scheme, &token).await).user(), "ada");
    assert!(scheme.ready());
}

#[actix_web::test]
async fn tokens_with_unknown_keys_at_a_slow_issuer_keep_nobody_waiting() {
    let key = TestKey::p256("k");
    let issuer = Arc::new(FakeIssuer::start([&key.jwk]));
    let (scheme, client) = (Rc::new(ready(config(&issuer)).await), client());
    let (good, unknown, claims) = (
        head_of(&key, &claims(&issuer)),
        TestKey::p256("unknown"),
        claims(&issuer),
    );
    let ((release, held), (holding, held_up)) = (mpsc::channel::<()>(), mpsc::channel());
    let slow = issuer.clone();
    thread::spawn(move || {
        slow.change(|_| {
            holding.send(()).unwrap();
            // The issuer answers when the test is over.
            let _ = held.recv();
        });
    });
    held_up.recv().unwrap();
    let flood: Vec<_> = (0..100)
        .map(|id| {
            let mut claims = claims.clone();
            claims["jti"] = json!(id);
            let (scheme, client, head) = (scheme.clone(), client.clone(), head_of(&unknown, &claims));
            actix_rt::spawn(async move { scheme.authenticate(&head, &client).await })
        })
        .collect();
    let start = Instant::now();
    while issuer.questions() < 3 {
        assert!(start.elapsed() < Duration::from_secs(60));
        tokio::task::yield_now().await;
    }
    assert_eq!(identity(scheme.authenticate(&good, &client).await).user(), "ada");
    drop(release);
    for task in flood {
        task.abort();
    }
}

#[actix_web::test]
async fn a_start_without_the_issuer_is_not_ready_and_recovers() {
    let key = TestKey::p256("k");
    let issuer = FakeIssuer::start([&key.jwk]);
    issuer.change(|documents| documents.raw_discovery = Some(Vec::new()));
    let (scheme, token) = (scheme(config(&issuer)), key.token("ES256", &claims(&issuer)));
    let (guard, log) = capture_log();
    assert_eq!(scheme.refresh(&client()).await, Some(Duration::from_secs(5)));
    assert!(!scheme.ready());
    assert_eq!(told(&ask(&*scheme, &token).await), "unavailable for 5 s");
    drop(guard);
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("the issuer's keys cannot be fetched") && !log.contains(&token),
        "{log}"
    );
    issuer.change(|documents| documents.raw_discovery = None);
    scheme.refresh(&client()).await;
    assert!(scheme.ready());
    assert_eq!(identity(ask(&*scheme, &token).await).user(), "ada");
}
