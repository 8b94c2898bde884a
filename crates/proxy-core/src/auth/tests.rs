//! The list of schemes: which one decides, and what it may not let through.

pub(crate) mod support;

use std::sync::Arc;

use serde_json::json;

use self::support::{FakePlatform, client, entry, head, json_answer, raw_answer, scheme, secret_file, told};
use super::{Authenticators, Known, Outcome};
use crate::{
    error::{ProxyError, Reason},
    telemetry::Metrics,
};

/// A token of the right form.
pub(crate) const GT: &str = "gt-2T1RHkIi4b14JzswnXfCsQ.8t5XdPSYTrteD0pDB15zqQ";

struct Fixture {
    gafaelfawr: FakePlatform,
    hub: FakePlatform,
    metrics: Arc<Metrics>,
    schemes: Authenticators,
}

/// Gafaelfawr, then a hub, then the ingress's headers.
fn fixture() -> Fixture {
    let gafaelfawr = FakePlatform::start(|question| match question.header("authorization") {
        text if text.ends_with(GT) => json_answer(200, &json!({"username": "ada", "scopes": ["read:image"]})),
        _ => json_answer(401, &json!({"detail": []})),
    });
    let hub = FakePlatform::start(|question| match question.header("authorization") {
        "token broken" => raw_answer(502, "text/html", b"<h1>Bad gateway</h1>"),
        _ => json_answer(
            200,
            &json!({"kind": "user", "name": "ada", "scopes": ["access:services!service=jira"]}),
        ),
    });
    let metrics = Metrics::new("test", "0");
    let entries = [
        entry(json!({"kind": "gafaelfawr", "base_url": gafaelfawr.url(), "required_scopes": ["read:image"]})),
        entry(
            json!({"kind": "jupyterhub", "api_url": hub.url(), "service_name": "jira", "required_groups": ["staff"]}),
        ),
        entry(json!({"kind": "gateway", "trusted_peers": ["10.0.0.0/8"]})),
    ];
    let schemes = Authenticators::new(&entries, &metrics).unwrap();
    Fixture {
        gafaelfawr,
        hub,
        metrics,
        schemes,
    }
}

impl Fixture {
    async fn ask(&self, headers: &[(&str, &str)]) -> Result<String, ProxyError> {
        let identity = self.schemes.authenticate(&head(headers), &client()).await?.admitted()?;
        Ok(format!("{} by {}", identity.user(), identity.kind()))
    }
}

#[actix_web::test]
async fn the_first_scheme_that_finds_its_kind_decides() {
    let fixture = fixture();
    let bearer = format!("Bearer {GT}");
    let answer = fixture
        .ask(&[("authorization", &bearer), ("x-auth-request-user", "grace")])
        .await;
    assert_eq!(answer.unwrap(), "ada by gafaelfawr");
    assert_eq!(
        fixture.ask(&[("x-auth-request-user", "grace")]).await.unwrap(),
        "grace by gateway"
    );
    assert!(fixture.hub.questions().is_empty());
}

#[actix_web::test]
async fn a_bad_credential_never_falls_through_to_a_weaker_scheme() {
    let fixture = fixture();
    let unknown = format!("Bearer {}", GT.replace('k', "x"));
    let answer = fixture
        .ask(&[("authorization", &unknown), ("x-auth-request-user", "grace")])
        .await;
    assert!(
        matches!(answer, Err(ProxyError::Rejected(Reason::Unknown))),
        "{answer:?}"
    );
    let answer = fixture
        .ask(&[("authorization", "Bearer gt-short"), ("x-auth-request-user", "grace")])
        .await;
    assert!(
        matches!(answer, Err(ProxyError::Rejected(Reason::Malformed(_)))),
        "{answer:?}"
    );
    let answer = fixture
        .ask(&[("authorization", "Bearer broken"), ("x-auth-request-user", "grace")])
        .await;
    assert!(
        matches!(answer, Err(ProxyError::CannotDecide { kind: "jupyterhub", .. })),
        "{answer:?}"
    );
    assert_eq!(fixture.gafaelfawr.questions().len(), 1);
}

#[actix_web::test]
async fn who_lacks_a_scope_or_group_is_not_let_in() {
    let model = json!({"kind": "user", "name": "ada", "scopes": ["access:services!service=other"]});
    let hub = FakePlatform::start(move |_| json_answer(200, &model));
    let config = json!({"kind": "jupyterhub", "api_url": hub.url(), "service_name": "jira"});
    let schemes = Authenticators::new(&[entry(config)], &Metrics::new("test", "0")).unwrap();
    let answer = schemes
        .authenticate(&head(&[("authorization", "token t")]), &client())
        .await
        .and_then(Known::admitted);
    let wanted = ["access:services!service=jira"];
    assert!(
        matches!(&answer, Err(ProxyError::InsufficientScope { scopes }) if scopes == &wanted),
        "{answer:?}"
    );

    let answer = fixture().ask(&[("authorization", "token t")]).await;
    assert!(
        matches!(&answer, Err(ProxyError::InsufficientGroup { groups }) if groups == &["staff"]),
        "{answer:?}"
    );
}

#[actix_web::test]
async fn no_credential_is_counted_as_none() {
    let fixture = fixture();
    assert!(matches!(fixture.ask(&[]).await, Err(ProxyError::Unauthenticated)));
    let _ = fixture.ask(&[("x-auth-request-user", "grace")]).await;
    let metrics = fixture.metrics.to_text();
    assert!(
        metrics.contains(r#"nbgate_identity_lookups_total{kind="none",outcome="not_present"} 1"#),
        "{metrics}"
    );
    assert!(
        metrics.contains(r#"nbgate_identity_lookups_total{kind="gateway",outcome="authenticated"} 1"#),
        "{metrics}"
    );
}

#[test]
fn each_outcome_is_counted_from_zero_before_the_first_caller() {
    let metrics = Metrics::new("test", "0");
    let entries = [
        entry(json!({"kind": "gateway", "trusted_peers": ["10.0.0.0/8"]})),
        entry(json!({"kind": "gafaelfawr", "base_url": "http://localhost:1"})),
    ];
    let _schemes = Authenticators::new(&entries, &metrics).unwrap();
    let text = metrics.to_text();
    for series in [
        r#"nbgate_identity_lookups_total{kind="gateway",outcome="authenticated"} 0"#,
        r#"nbgate_identity_lookups_total{kind="gafaelfawr",outcome="rejected"} 0"#,
        r#"nbgate_identity_lookups_total{kind="gafaelfawr",outcome="unavailable"} 0"#,
        r#"nbgate_identity_lookups_total{kind="none",outcome="not_present"} 0"#,
        r#"nbgate_identity_cache_total{kind="gafaelfawr",result="hit"} 0"#,
        r#"nbgate_identity_cache_total{kind="gafaelfawr",result="miss"} 0"#,
        r#"nbgate_identity_cache_entries{kind="gafaelfawr"} 0"#,
    ] {
        assert!(text.contains(series), "{series} is not in {text}");
    }
    assert!(
        !text.contains(r#"nbgate_identity_cache_total{kind="gateway""#),
        "{text}"
    );
    assert!(!text.contains("nbgate_key_fetches_total{"), "{text}");
}

/// H13; the status of `Ambiguous` is 400.
#[actix_web::test]
async fn two_authorization_headers_are_refused_by_every_token_scheme() {
    let secret = secret_file("s");
    for config in [
        json!({"kind": "gafaelfawr", "base_url": "http://localhost:1"}),
        json!({"kind": "jupyterhub", "api_url": "http://localhost:1", "service_name": "jira"}),
        json!({"kind": "oidc", "issuer": "http://localhost:1", "audience": ["jira"]}),
        json!({"kind": "introspection", "endpoint": "http://localhost:1", "client_id": "jira", "client_secret_file": secret.path()}),
    ] {
        let head = head(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]);
        let outcome = scheme(config).authenticate(&head, &client()).await;
        assert!(
            matches!(outcome, Outcome::Rejected(Reason::Ambiguous)),
            "{}",
            told(&outcome)
        );
    }
}

#[actix_web::test]
async fn the_list_is_ready_when_every_scheme_is_and_refreshed_as_often_as_one_wants() {
    let entries = [
        entry(json!({"kind": "gateway", "trusted_peers": ["10.0.0.0/8"]})),
        entry(json!({"kind": "oidc", "issuer": "http://127.0.0.1:1", "audience": ["jira"]})),
    ];
    let metrics = Metrics::new("test", "0");
    let gateway = Authenticators::new(&entries[..1], &metrics).unwrap();
    assert!(gateway.ready());
    assert_eq!(gateway.refresh(&client()).await, None);
    let both = Authenticators::new(&entries, &metrics).unwrap();
    assert!(!both.ready());
    assert_eq!(both.refresh(&client()).await.map(|after| after.as_secs()), Some(5));
}
