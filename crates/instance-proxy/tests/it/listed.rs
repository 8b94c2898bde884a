//! Instances from the configuration, for sites without VISA.

use proxy_testkit::FakeIssuer;
use serde_json::json;

use crate::{
    harness::{Harness, Setup},
    tunnels::{agrees, open},
};

fn listed() -> (FakeIssuer, Harness) {
    let issuer = FakeIssuer::start();
    let identity = format!(
        "[[identity]]\nkind = \"oidc\"\nissuer = \"{}\"\naudience = [\"nbgate\"]\nalgorithms = [\"ES256\"]\n",
        issuer.url()
    );
    let tables = r#"
[[tenant.instance]]
id = "42"
address = "127.0.0.1"
users = ["ada"]
[[tenant.instance]]
id = "43"
address = "127.0.0.1"
groups = ["/beamline"]
[[tenant.instance]]
id = "44"
address = "127.0.0.1"
"#;
    let harness = Harness::with(Setup {
        identity,
        instances: Some("kind = \"static\"".to_owned()),
        tables: tables.to_owned(),
        ..Setup::default()
    });
    (issuer, harness)
}

#[test]
fn an_instance_is_for_those_who_are_listed() {
    let (issuer, harness) = listed();
    let ada = issuer.token("ada").sign();
    let grace = issuer.token("grace").claim("groups", json!(["/beamline"])).sign();
    for (token, id, status) in [
        (&ada, "42", 200),
        (&ada, "43", 404),
        (&ada, "44", 200),
        (&ada, "45", 404),
        (&grace, "42", 404),
        (&grace, "43", 200),
    ] {
        let answer = harness.get_with(token, &format!("/jupyter/{id}/api"));
        assert_eq!(answer.status, status, "{id}");
    }
    harness
        .send("/jupyter/44/api", &[])
        .assert_problem(401, "unauthenticated");
    harness
        .send("/jupyter/44/api", &[("Authorization", &format!("token {ada}"))])
        .assert_problem(401, "unauthenticated");
    assert_eq!(harness.instance.requests().len(), 3);
    assert!(harness.visa.asked().is_empty());
}

#[test]
fn a_websocket_opens_and_no_session_is_told_to_anybody() {
    let (issuer, harness) = listed();
    harness.instance.otherwise(agrees(""));
    let target = "/jupyter/42/api/kernels/c0ffee/channels?session_id=5e55";
    let (_client, head) = open(&harness, target, &issuer.token("ada").sign());
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(harness.visa.asked().is_empty());
    assert!(!harness.files.path().join("data").exists(), "no journal");
}

#[test]
fn the_cookie_counts_and_stays_here() {
    let (issuer, harness) = listed();
    let cookie = format!("a=b; access_token={}", issuer.token("ada").sign());
    let headers = [("Cookie", cookie.as_str()), ("Authorization", "token own")];
    assert_eq!(harness.send("/jupyter/42/api", &headers).status, 200);
    let seen = harness.instance.request();
    assert_eq!(
        (seen.header("cookie"), seen.header("authorization")),
        (Some("a=b"), Some("token own"))
    );
    assert_eq!(harness.send("/jupyter/-/me", &headers).json()["user"], "ada");
}
