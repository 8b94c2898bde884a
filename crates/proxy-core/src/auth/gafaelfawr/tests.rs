//! Contract: token format, `token-info` and `user-info` with every failure seen on a running server.

mod presented;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use actix_http::RequestHead;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::super::{
    Authenticator, Outcome,
    tests::{
        GT,
        support::{FakePlatform, capture_log, client, head, identity, json_answer, problems, raw_answer, scheme, told},
    },
};

/// A Gafaelfawr that answers the same to everybody.
fn gafaelfawr(status: u16, token_info: &Value) -> FakePlatform {
    let answer = json_answer(status, token_info);
    FakePlatform::start(move |_| answer.clone())
}

fn ada() -> Value {
    json!({
        "token": "2T1RHkIi4b14JzswnXfCsQ", "username": "ada", "token_type": "internal", "scopes": ["exec:notebook", "read:image"],
        "service": "jira-proxy", "created": 1_756_000_000, "expires": 4_102_444_800_u64, "parent": "PAKkV5HgYJX0nMsVGpyNrA"
    })
}

fn config(platform: &FakePlatform) -> Value {
    json!({"kind": "gafaelfawr", "base_url": platform.url()})
}

async fn ask(scheme: &dyn Authenticator, headers: &[(&str, &str)]) -> Outcome {
    scheme.authenticate(&head(headers), &client()).await
}

fn bearer(token: &str) -> RequestHead {
    head(&[("authorization", &format!("Bearer {token}"))])
}

/// What comes of a good token when `token-info` answers so.
async fn outcome(answer: Vec<u8>) -> String {
    let platform = FakePlatform::start(move |_| answer.clone());
    told(&scheme(config(&platform)).authenticate(&bearer(GT), &client()).await)
}

#[actix_web::test]
async fn token_info_says_whose_a_token_is() {
    let platform = gafaelfawr(200, &ada());
    let outcome = scheme(config(&platform)).authenticate(&bearer(GT), &client()).await;
    assert_eq!(told(&outcome), "ada groups= scopes=exec:notebook,read:image");
    let identity = identity(outcome);
    assert_eq!(
        identity.expires(),
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800))
    );
    assert!(!identity.by_cookie());
    let questions = platform.questions();
    assert_eq!(questions.len(), 1, "user-info is not needed");
    assert_eq!(
        (questions[0].method.as_str(), questions[0].path.as_str()),
        ("GET", "/auth/api/v1/token-info")
    );
    assert_eq!(questions[0].header("authorization"), format!("Bearer {GT}"));
}

#[actix_web::test]
async fn groups_come_from_user_info_where_they_are_needed() {
    let platform = FakePlatform::start(|question| match question.path.as_str() {
        "/auth/api/v1/token-info" => json_answer(200, &ada()),
        _ => json_answer(
            200,
            &json!({"username": "ada", "uid": 1, "groups": [{"name": "g_users", "id": 1}, {"name": "ada", "id": 2}]}),
        ),
    });
    for key in [json!({"groups": true}), json!({"required_groups": ["g_users"]})] {
        let mut config = config(&platform);
        config.as_object_mut().unwrap().extend(key.as_object().unwrap().clone());
        let outcome = scheme(config).authenticate(&bearer(GT), &client()).await;
        assert_eq!(told(&outcome), "ada groups=g_users,ada scopes=exec:notebook,read:image");
    }
    assert_eq!(platform.questions()[1].path, "/auth/api/v1/user-info");
    assert_eq!(platform.questions()[1].header("authorization"), format!("Bearer {GT}"));
}

#[actix_web::test]
async fn user_info_that_fails_lets_nobody_in() {
    for (status, answer, expected) in [
        (
            500,
            json!({"detail": [{"type": "user_info_failed"}]}),
            "unavailable for 5 s",
        ),
        (401, json!({"detail": []}), "unknown"),
        (200, json!({"username": "grace", "groups": []}), "unavailable for 5 s"),
        (200, json!({"groups": []}), "unavailable for 5 s"),
        (200, json!({"username": "ada", "groups": ["g"]}), "unavailable for 5 s"),
    ] {
        let answer = json_answer(status, &answer);
        let platform = FakePlatform::start(move |question| match question.path.as_str() {
            "/auth/api/v1/token-info" => json_answer(200, &ada()),
            _ => answer.clone(),
        });
        let mut config = config(&platform);
        config["groups"] = json!(true);
        assert_eq!(
            told(&scheme(config).authenticate(&bearer(GT), &client()).await),
            expected
        );
    }
}

#[actix_web::test]
async fn only_401_and_403_are_a_no() {
    let detail = json!({"detail": {"msg": "Authentication required", "type": "no_authorization"}});
    assert_eq!(outcome(json_answer(401, &detail)).await, "unknown");
    assert_eq!(
        outcome(json_answer(403, &json!({"detail": [{"type": "invalid_token"}]}))).await,
        "unknown"
    );
    assert_eq!(outcome(raw_answer(403, "text/plain", b"")).await, "unknown");
    for status in [
        201, 204, 301, 302, 307, 400, 404, 405, 407, 410, 422, 429, 500, 502, 503, 504,
    ] {
        assert_eq!(
            outcome(json_answer(status, &ada())).await,
            "unavailable for 5 s",
            "{status}"
        );
    }
}

#[actix_web::test]
async fn an_answer_that_is_not_as_documented_decides_nothing() {
    for answer in [
        raw_answer(200, "text/html", b"<!doctype html><title>Log in</title>"),
        raw_answer(200, "application/json", b""),
        raw_answer(200, "application/json", br#"{"username": "ada", "scopes": ["#),
        json_answer(200, &json!({})),
        json_answer(200, &json!(null)),
        json_answer(200, &json!([ada()])),
        json_answer(200, &json!({"username": "ada"})),
        json_answer(200, &json!({"scopes": []})),
        json_answer(200, &json!({"username": 7, "scopes": []})),
        json_answer(200, &json!({"username": "ada", "scopes": "exec:notebook"})),
        json_answer(200, &json!({"username": "ada", "scopes": [], "expires": "2030"})),
        json_answer(200, &json!({"username": "ada", "scopes": [], "expires": -1})),
        json_answer(200, &json!({"username": "ada", "scopes": [], "expires": u64::MAX})),
        Vec::new(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{\"username\":\"ada\",\"scopes\":[]}".to_vec(),
    ] {
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(outcome(answer).await, "unavailable for 5 s", "{text}");
    }
}

#[actix_web::test]
async fn a_token_that_is_over_is_refused_and_one_without_an_end_is_not() {
    let expires = |expires: u64| json_answer(200, &json!({"username": "ada", "scopes": [], "expires": expires}));
    assert_eq!(outcome(expires(1_756_000_000)).await, "the token has expired");
    assert_eq!(outcome(expires(4_102_444_800)).await, "ada groups= scopes=");
    assert_eq!(
        outcome(json_answer(200, &json!({"username": "bot-x", "scopes": []}))).await,
        "bot-x groups= scopes="
    );
}

#[actix_web::test]
async fn a_name_to_forge_a_log_with_is_refused() {
    for user in ["", "a\nb", "a\u{2028}b", " ada"] {
        let told = outcome(json_answer(200, &json!({"username": user, "scopes": []}))).await;
        assert!(told.starts_with("the token is not valid for this service"), "{told}");
    }
}

/// K08, through a whole scheme: what counts is what the platform received.
#[actix_web::test]
async fn a_thousand_first_requests_are_one_question() {
    let platform = gafaelfawr(200, &ada());
    let (scheme, client, head) = (scheme(config(&platform)), client(), bearer(GT));
    let outcomes = join_all((0..1_000).map(|_| scheme.authenticate(&head, &client))).await;
    assert!(outcomes.into_iter().all(|outcome| identity(outcome).user() == "ada"));
    assert_eq!(platform.questions().len(), 1);
}

#[actix_web::test]
async fn an_outage_is_logged_without_the_token_and_not_remembered() {
    let answers = Arc::new(Mutex::new(vec![
        json_answer(200, &ada()),
        raw_answer(500, "text/plain", GT.as_bytes()),
    ]));
    let platform = FakePlatform::start(move |_| answers.lock().unwrap().pop().unwrap());
    let scheme = scheme(config(&platform));
    let (guard, log) = capture_log();
    assert_eq!(
        told(&scheme.authenticate(&bearer(GT), &client()).await),
        "unavailable for 5 s"
    );
    drop(guard);
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    assert_eq!(log.matches("WARN").count(), 1, "{log}");
    assert!(
        log.contains("token-info answered 500") && !log.contains("8t5XdPSYTrteD0pDB15zqQ"),
        "{log}"
    );
    assert_eq!(
        identity(scheme.authenticate(&bearer(GT), &client()).await).user(),
        "ada"
    );
}

#[test]
fn what_is_wrong_with_an_entry_is_said() {
    let found =
        problems(json!({"kind": "gafaelfawr", "base_url": "http://gafaelfawr.gafaelfawr:8080", "cache_seconds": 300}));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("base_url has scheme `http`, so that anybody on the way can read tokens"),
        "{found:?}"
    );
    assert_eq!(found[1], "cache_seconds is 300: use 1 to 60");
    let found =
        problems(json!({"kind": "gafaelfawr", "base_url": "http://gafaelfawr:8080", "allow_insecure_http": true}));
    assert!(found.is_empty(), "{found:?}");
}
