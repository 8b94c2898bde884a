//! RFC 7662.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::super::{
    Authenticator, Outcome,
    tests::{
        GT,
        support::{
            FakePlatform, capture_log, client, head, identity, json_answer, problems, raw_answer, scheme, secret_file,
            told,
        },
    },
};

fn build(platform: &FakePlatform, patch: Value) -> Box<dyn Authenticator> {
    let secret = secret_file("s3:cr et\n");
    let mut config = json!({
        "kind": "introspection", "endpoint": format!("{}/introspect", platform.url()), "client_id": "jira:proxy",
        "client_secret_file": secret.path()
    });
    config
        .as_object_mut()
        .unwrap()
        .extend(patch.as_object().unwrap().clone());
    scheme(config)
}

async fn ask(scheme: &dyn Authenticator, token: &str) -> Outcome {
    scheme
        .authenticate(&head(&[("authorization", &format!("Bearer {token}"))]), &client())
        .await
}

async fn outcome_of(answer: Vec<u8>, patch: Value) -> String {
    let platform = FakePlatform::start(move |_| answer.clone());
    told(&ask(&*build(&platform, patch), "0paque").await)
}

/// What comes of an answer with these members besides `active`.
async fn check(members: Value, patch: Value, expected: &str) {
    let mut answer = json!({"active": true, "username": "ada"});
    answer
        .as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    let found = outcome_of(json_answer(200, &answer), patch.clone()).await;
    assert_eq!(found, expected, "{members} with {patch}");
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

#[actix_web::test]
async fn the_issuer_says_whose_a_token_is() {
    let members = json!({
        "active": true, "username": "ada", "sub": "1234", "scope": "read write", "groups": ["/staff"], "exp": now() + 60,
        "iat": now(), "nbf": now(), "token_type": "Bearer", "typ": "Bearer", "aud": "jira"
    });
    let platform = FakePlatform::start(move |_| json_answer(200, &members));
    let scheme = build(&platform, json!({"audience": ["jira"]}));
    let outcome = ask(&*scheme, "a+b/c=").await;
    assert_eq!(told(&outcome), "ada groups=/staff scopes=read,write");
    assert!(identity(outcome).expires().is_some());
    let question = &platform.questions()[0];
    assert_eq!(
        (question.method.as_str(), question.path.as_str()),
        ("POST", "/introspect")
    );
    assert_eq!(question.body, "token=a%2Bb%2Fc%3D&token_type_hint=access_token");
    // `jira%3Aproxy:s3%3Acr+et`: form-encoded, then put together.
    assert_eq!(
        question.header("authorization"),
        "Basic amlyYSUzQXByb3h5OnMzJTNBY3IrZXQ="
    );
    assert!(
        !question.headers.iter().any(|(_, value)| value.contains("a+b/c=")),
        "{question:?}"
    );
}

#[actix_web::test]
async fn it_takes_jwts_and_opaque_tokens_but_no_gt_tokens() {
    let platform = FakePlatform::start(|_| json_answer(200, &json!({"active": true, "sub": "ada"})));
    let scheme = build(&platform, json!({}));
    assert_eq!(told(&ask(&*scheme, "e30.e30.c2ln").await), "ada groups= scopes=");
    assert_eq!(told(&ask(&*scheme, GT).await), "not present");
    assert_eq!(
        told(
            &scheme
                .authenticate(&head(&[("authorization", "token abc")]), &client())
                .await
        ),
        "not present"
    );
    assert_eq!(platform.questions().len(), 1);
}

#[actix_web::test]
async fn only_active_decides() {
    assert_eq!(
        outcome_of(json_answer(200, &json!({"active": false})), json!({})).await,
        "unknown"
    );
    assert_eq!(
        outcome_of(
            json_answer(200, &json!({"active": false, "username": "ada"})),
            json!({})
        )
        .await,
        "unknown"
    );
    for answer in [
        json!({}),
        json!({"active": "true", "username": "ada"}),
        json!({"active": 1, "username": "ada"}),
        json!({"active": null}),
        json!([]),
        json!("active"),
    ] {
        assert_eq!(
            outcome_of(json_answer(200, &answer), json!({})).await,
            "unavailable for 5 s",
            "{answer}"
        );
    }
    assert_eq!(
        outcome_of(raw_answer(200, "application/jwt", b"e30.e30.c2ln"), json!({})).await,
        "unavailable for 5 s"
    );
    for status in [201, 204, 302, 400, 401, 403, 404, 429, 500, 503] {
        let answer = json_answer(status, &json!({"active": true, "username": "ada"}));
        assert_eq!(outcome_of(answer, json!({})).await, "unavailable for 5 s", "{status}");
    }
}

#[actix_web::test]
async fn an_active_token_must_be_good_now() {
    check(json!({"exp": now() - 31}), json!({}), "the token has expired").await;
    check(json!({"exp": now() + 60}), json!({}), "ada groups= scopes=").await;
    check(json!({"exp": null, "nbf": null}), json!({}), "ada groups= scopes=").await;
    let early = "the token is not valid for this service: its time has not begun";
    check(json!({"nbf": now() + 120}), json!({}), early).await;
    check(json!({"iat": now() + 120}), json!({}), early).await;
    for name in ["exp", "nbf", "iat"] {
        check(json!({name: "2030-01-01"}), json!({}), "unavailable for 5 s").await;
    }
}

#[actix_web::test]
async fn an_active_token_must_be_for_this_service_where_that_is_configured() {
    let ours = || json!({"audience": ["jira", "https://jira"]});
    let other = "the token is not valid for this service: it was issued for another service";
    check(json!({"aud": "jira"}), ours(), "ada groups= scopes=").await;
    check(json!({"aud": ["other", "https://jira"]}), ours(), "ada groups= scopes=").await;
    check(json!({"aud": "jira2"}), ours(), other).await;
    check(json!({"aud": ["jir", "other"]}), ours(), other).await;
    check(json!({"aud": []}), ours(), other).await;
    // The commonest mistake: the client has no mapper for the audience. It is the token that is not for us.
    let none = "the token is not valid for this service: it does not say which service it was issued for";
    check(json!({}), ours(), none).await;
    check(json!({"aud": null}), ours(), none).await;
    check(json!({"aud": 7}), ours(), "unavailable for 5 s").await;
    check(json!({"aud": "other"}), json!({}), "ada groups= scopes=").await;
}

#[actix_web::test]
async fn an_active_token_must_be_an_access_token_of_nobody_in_particular() {
    let other = "the token is not valid for this service: it is not an access token";
    for kind in ["ID", "Refresh", "Offline", "Logout", "refresh"] {
        check(json!({"typ": kind}), json!({}), other).await;
    }
    let bound =
        "the token is not valid for this service: it is bound to a key of its owner, which cannot be checked here";
    check(
        json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}),
        json!({}),
        bound,
    )
    .await;
}

#[actix_web::test]
async fn the_user_is_named_by_one_claim() {
    let answer = |answer: Value| outcome_of(json_answer(200, &answer), json!({}));
    assert_eq!(
        answer(json!({"active": true, "username": "ada", "sub": "1"})).await,
        "ada groups= scopes="
    );
    assert_eq!(answer(json!({"active": true, "sub": "1"})).await, "1 groups= scopes=");
    assert_eq!(
        answer(json!({"active": true, "username": null, "sub": "1"})).await,
        "1 groups= scopes="
    );
    assert_eq!(
        answer(json!({"active": true})).await,
        "the token is not valid for this service: it has no claim `sub`"
    );
    assert_eq!(
        answer(json!({"active": true, "username": 7, "sub": "1"})).await,
        "unavailable for 5 s"
    );
    assert_eq!(
        answer(json!({"active": true, "username": ""})).await,
        "unavailable for 5 s"
    );
}

#[actix_web::test]
async fn user_and_groups_may_be_in_other_claims() {
    let by_mail = || json!({"user_claim": "email"});
    let missing = "the token is not valid for this service: it has no claim `email`";
    check(json!({"email": "a@b"}), by_mail(), "a@b groups= scopes=").await;
    check(json!({}), by_mail(), missing).await;
    check(
        json!({"realm_access": {"roles": ["r"]}}),
        json!({"groups_claim": "realm_access.roles"}),
        "ada groups=r scopes=",
    )
    .await;
    check(json!({"groups": "staff"}), json!({}), "unavailable for 5 s").await;
}

#[actix_web::test]
async fn no_secret_is_shown() {
    let platform = FakePlatform::start(|_| raw_answer(500, "text/plain", b"c4n4ry"));
    let secret = secret_file("c4n4ry");
    let config: super::IntrospectionConfig = serde_json::from_value(json!({
        "endpoint": platform.url(), "client_id": "jira", "client_secret_file": secret.path()
    }))
    .unwrap();
    assert!(!format!("{:?}", config.authorization().unwrap()).contains("amlyYTpjNG40cnk"));
    let scheme = build(&platform, json!({"client_secret_file": secret.path()}));
    let (guard, log) = capture_log();
    assert_eq!(told(&ask(&*scheme, "c4n4ry").await), "unavailable for 5 s");
    drop(guard);
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the endpoint answered 500"), "{log}");
    assert!(!log.contains("c4n4ry") && !log.contains("NG40cnk"), "{log}");
}

#[test]
fn what_is_wrong_with_an_entry_is_said() {
    let found = problems(json!({
        "kind": "introspection", "endpoint": "http://idp/introspect", "client_id": "", "client_secret_file": "/s",
        "audience": [""], "user_claim": " ", "groups_claim": "", "cache_seconds": 0, "required_groups": [""]
    }));
    let keys: Vec<&str> = found.iter().map(|problem| problem.split(' ').next().unwrap()).collect();
    let expected = [
        "endpoint",
        "client_id",
        "audience[0]",
        "user_claim",
        "groups_claim",
        "cache_seconds",
        "required_groups[0]",
    ];
    assert_eq!(keys, expected);
    let missing =
        json!({"kind": "introspection", "endpoint": "https://h", "client_id": "a", "client_secret_file": "/nowhere"});
    let entry = super::super::tests::support::entry(missing);
    assert!(entry.build(&crate::telemetry::Metrics::new("test", "0")).is_err());
}
