//! Contract: `GET {api_url}/user`, its minimal model, its scopes.

use std::{
    rc::Rc,
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::super::{
    Authenticator, Outcome,
    tests::{
        GT,
        support::{
            FakePlatform, capture_log, client, entry, head, identity, json_answer, problems, raw_answer, scheme, told,
        },
    },
};

fn model() -> Value {
    json!({
        "kind": "user", "name": "ada", "admin": false, "groups": ["staff"], "session_id": null, "token_id": "a12",
        "scopes": ["access:services!service=jira", "read:users:name!user=ada"]
    })
}

fn config(hub: &FakePlatform) -> Value {
    json!({"kind": "jupyterhub", "api_url": format!("{}/hub/api", hub.url()), "service_name": "jira"})
}

async fn ask(scheme: &dyn Authenticator, authorization: &str) -> Outcome {
    scheme
        .authenticate(&head(&[("authorization", authorization)]), &client())
        .await
}

async fn outcome(answer: Vec<u8>) -> String {
    let hub = FakePlatform::start(move |_| answer.clone());
    told(&ask(&*scheme(config(&hub)), "Bearer f00ba7").await)
}

#[actix_web::test]
async fn the_hub_says_whose_a_token_is() {
    let hub = FakePlatform::start(|_| json_answer(200, &model()));
    let scheme = scheme(config(&hub));
    for authorization in [
        "Bearer f00ba7",
        "token f00ba7",
        "TOKEN f00ba7",
        "Basic YWRhOmYwMGJhNw==",
    ] {
        let outcome = ask(&*scheme, authorization).await;
        assert_eq!(
            told(&outcome),
            "ada groups=staff scopes=access:services!service=jira,read:users:name!user=ada"
        );
        assert!(!identity(outcome).by_cookie());
    }
    let questions = hub.questions();
    assert_eq!(questions.len(), 1, "it is one token, whichever scheme it came by");
    assert_eq!(
        (questions[0].method.as_str(), questions[0].path.as_str()),
        ("GET", "/hub/api/user")
    );
    assert_eq!(questions[0].header("authorization"), "token f00ba7");
}

#[actix_web::test]
async fn tokens_of_other_kinds_are_never_shown_to_the_hub() {
    let hub = FakePlatform::start(|_| json_answer(200, &model()));
    let scheme = scheme(config(&hub));
    for authorization in [
        format!("Bearer {GT}"),
        format!("token {GT}"),
        "Bearer gt-x".to_owned(),
        "Bearer eyJhbGciOiJub25lIn0.e30.".to_owned(),
        "Bearer a.b.c".to_owned(),
        "Digest abc".to_owned(),
        "Basic Og==".to_owned(),
    ] {
        assert_eq!(
            told(&ask(&*scheme, &authorization).await),
            "not present",
            "{authorization}"
        );
    }
    assert_eq!(
        told(
            &scheme
                .authenticate(&head(&[("cookie", "jupyterhub-services=x")]), &client())
                .await
        ),
        "not present"
    );
    assert!(hub.questions().is_empty());
}

#[actix_web::test]
async fn only_403_is_a_no() {
    assert_eq!(
        outcome(json_answer(403, &json!({"status": 403, "message": "Forbidden"}))).await,
        "unknown"
    );
    for status in [201, 204, 302, 400, 401, 404, 424, 429, 500, 502, 503, 504] {
        assert_eq!(
            outcome(json_answer(status, &model())).await,
            "unavailable for 5 s",
            "{status}"
        );
    }
}

#[actix_web::test]
async fn a_model_that_is_not_as_documented_decides_nothing() {
    for key in ["kind", "name", "scopes"] {
        let mut model = model();
        model.as_object_mut().unwrap().remove(key);
        assert_eq!(outcome(json_answer(200, &model)).await, "unavailable for 5 s", "{key}");
    }
    for (key, value) in [
        ("kind", json!("server")),
        ("name", json!(null)),
        ("scopes", json!("access:services")),
        ("groups", json!([1])),
    ] {
        let mut model = model();
        model[key] = value;
        assert_eq!(outcome(json_answer(200, &model)).await, "unavailable for 5 s", "{key}");
    }
    assert_eq!(
        outcome(raw_answer(200, "text/html", b"<html>starting</html>")).await,
        "unavailable for 5 s"
    );
}

#[actix_web::test]
async fn a_service_of_the_hub_cannot_be_taken_for_a_user() {
    let service = json!({"kind": "service", "name": "cull", "admin": true, "roles": [], "scopes": ["access:services"]});
    assert_eq!(
        outcome(json_answer(200, &service)).await,
        "service:cull groups= scopes=access:services"
    );
    let mut user = model();
    user["name"] = json!("service:cull");
    let told = outcome(json_answer(200, &user)).await;
    assert_eq!(
        told,
        "the token is not valid for this service: its owner is named like a service of the hub"
    );
}

#[actix_web::test]
async fn a_scope_stands_for_its_filtered_forms_and_not_the_other_way_round() {
    for (have, missing) in [
        ("access:services", false),
        ("access:services!service=jira", false),
        ("access:services!service=jir", true),
        ("access:services!service=jira2", true),
        ("access:services!service", true),
        ("access:services!", true),
        ("access:servers", true),
        ("access", true),
        ("", true),
    ] {
        let scopes: Vec<&str> = [have].into_iter().filter(|scope| !scope.is_empty()).collect();
        let model = json!({"kind": "user", "name": "ada", "scopes": scopes});
        let hub = FakePlatform::start(move |_| json_answer(200, &model));
        let scheme = scheme(config(&hub));
        let identity = identity(ask(&*scheme, "token t").await);
        assert_eq!(!scheme.missing_scopes(&identity).is_empty(), missing, "{have}");
    }
    let mut unfiltered = json!({"kind": "jupyterhub", "api_url": "https://h", "required_scopes": ["access:services"]});
    let hub = FakePlatform::start(|_| json_answer(200, &model()));
    unfiltered["api_url"] = json!(hub.url());
    let scheme = scheme(unfiltered);
    let identity = identity(ask(&*scheme, "token t").await);
    assert_eq!(
        scheme.missing_scopes(&identity),
        ["access:services"],
        "a filtered scope is less"
    );
}

#[test]
fn who_may_use_the_service_is_the_hubs_decision_unless_the_entry_says_otherwise() {
    let config =
        entry(json!({"kind": "jupyterhub", "api_url": "http://127.0.0.1:8081/hub/api", "service_name": "jira"}));
    let super::super::IdentityConfig::JupyterHub(config) = config else {
        panic!()
    };
    assert_eq!(config.scopes(), ["access:services!service=jira"]);
    let found = problems(json!({"kind": "jupyterhub", "api_url": "http://127.0.0.1:8081/hub/api"}));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("service_name is missing: set it"), "{found:?}");
    assert!(problems(json!({"kind": "jupyterhub", "api_url": "https://h", "required_scopes": []})).is_empty());
    let found = problems(
        json!({"kind": "jupyterhub", "api_url": "http://hub:8081/hub/api", "service_name": " ", "cache_seconds": 61}),
    );
    assert_eq!(found.len(), 3, "{found:?}");
}

#[actix_web::test]
async fn an_outage_is_logged_without_the_token() {
    let hub = FakePlatform::start(|_| raw_answer(200, "application/json", br#"{"kind": "c4n4ry""#));
    let scheme = scheme(config(&hub));
    let (guard, log) = capture_log();
    assert_eq!(told(&ask(&*scheme, "token c4n4ry").await), "unavailable for 5 s");
    drop(guard);
    let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    assert!(log.contains("WARN") && !log.contains("c4n4ry"), "{log}");
}

#[actix_web::test]
async fn a_flood_of_bad_tokens_at_a_slow_hub_keeps_nobody_waiting_for_long() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let hub = FakePlatform::start(move |question| {
        if question.header("authorization") != "token good" {
            // Until the test is over.
            let _ = held.lock().unwrap().recv();
        }
        json_answer(200, &model())
    });
    let (scheme, client) = (Rc::new(scheme(config(&hub))), client());
    let ask = |token: &str| {
        let head = head(&[("authorization", &format!("Bearer {token}"))]);
        let (scheme, client) = (scheme.clone(), client.clone());
        async move { told(&scheme.authenticate(&head, &client).await) }
    };
    let ada = "ada groups=staff scopes=access:services!service=jira,read:users:name!user=ada";
    assert_eq!(ask("good").await, ada);
    let flood: Vec<_> = (0..150)
        .map(|token| actix_rt::spawn(ask(&format!("bad{token}"))))
        .collect();
    let start = Instant::now();
    while hub.questions().len() < 33 {
        assert!(start.elapsed() < Duration::from_secs(60));
        tokio::task::yield_now().await;
    }
    let start = Instant::now();
    assert_eq!(ask("good").await, ada);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "who is known waits for nobody"
    );
    assert_eq!(ask("new").await, "unavailable for 5 s");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(hub.questions().len(), 33, "32 at a time, and the first");
    drop(release);
    for task in flood {
        task.abort();
    }
}
