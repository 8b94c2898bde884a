use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};

use super::super::{Callers, Directory, api::tests::places};
use crate::{
    access::Access,
    auth::{
        Authenticators, Identity,
        tests::{
            GT,
            support::{FakePlatform, client, entry, head, json_answer},
        },
    },
    error::ProxyError,
    staying::Standing,
    telemetry::Metrics,
};

/// Where a GafaelfawrIngress puts the token that it has made for a caller.
const DELEGATED: &str = "x-auth-request-token";

fn platform(status: u16, answer: &Value) -> FakePlatform {
    let answer = json_answer(status, answer);
    FakePlatform::start(move |_| answer.clone())
}

/// Instance 42 is listed, for ada; `platform` is a Gafaelfawr, in front of a hub.
fn callers(platform: &FakePlatform) -> Arc<Callers> {
    let metrics = Metrics::new("test", "0");
    let ada = Access {
        users: vec!["ada".to_owned()],
        ..Access::default()
    };
    let place = places().place([10, 0, 0, 1].into(), "42").unwrap();
    let entries = [
        entry(json!({"kind": "gafaelfawr", "base_url": platform.url(), "required_scopes": ["exec:notebook"]})),
        entry(json!({"kind": "jupyterhub", "api_url": "http://127.0.0.1:1", "service_name": "x"})),
    ];
    let schemes = Authenticators::new(&entries, &metrics).unwrap();
    let directory = Directory::Static(HashMap::from([("42".to_owned(), (place, ada))]));
    Callers::new(directory, Some(schemes), Box::new(|_| None), &metrics)
}

/// What is said of ada, who came when all was well, once her platform says `status` and `answer`.
async fn standing(status: u16, answer: &Value, admit: fn(&Identity) -> Result<(), ProxyError>) -> Standing {
    let good = platform(200, &json!({"username": "ada", "scopes": ["exec:notebook"]}));
    let head = head(&[(DELEGATED, GT), ("cookie", "access_token=of-somebody-else")]);
    let came = callers(&good).look(&head, "42", &client(), None).await;
    let visit = came.map_err(|error| error.to_string()).unwrap();
    let token = visit.token.as_ref().unwrap().token();
    assert_eq!(token, GT, "what was asked about, and nothing else that came along");
    let now = platform(status, answer);
    callers(&now)
        .standing(token, &visit.guest("42"), admit, &client())
        .await
}

#[actix_web::test]
async fn all_that_was_asked_at_first_is_asked_again_of_whoever_an_ingress_has_let_in() {
    let ada = |scope: &str| json!({"username": "ada", "scopes": [scope]});
    let all = |_: &Identity| Ok(());
    let nobody = |_: &Identity| {
        Err(ProxyError::InsufficientGroup {
            groups: vec!["staff".to_owned()],
        })
    };
    let lacking = Standing::Withdrawn("you have not all scopes and groups any more that are required");
    assert_eq!(standing(200, &ada("exec:notebook"), all).await, Standing::Accepted);
    assert_eq!(standing(200, &ada("read:image"), all).await, lacking);
    assert_eq!(standing(200, &ada("exec:notebook"), nobody).await, lacking);
    assert_eq!(standing(401, &json!({"detail": []}), all).await, Standing::Rejected);
    assert_eq!(standing(500, &json!({}), all).await, Standing::Unknown);
}

#[actix_web::test]
async fn a_token_keeps_nobody_but_whom_it_proved() {
    let eve = json!({"username": "eve", "scopes": ["exec:notebook"]});
    assert_eq!(standing(200, &eve, |_| Ok(())).await, Standing::Rejected);
}
