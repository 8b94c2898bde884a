use serde_json::{Value, json};

use super::super::super::tests::support::{check_problems, entry, problems};

fn check(patch: Value, expected: &[&str]) {
    let base = json!({"kind": "oidc", "issuer": "https://idp/realms/main", "audience": ["jira"]});
    check_problems(&base, patch, expected);
}

#[test]
fn the_issuer_is_asked_over_https_unless_it_is_meant_otherwise() {
    check(json!({}), &[]);
    check(
        json!({"issuer": "http://keycloak:8080/realms/main"}),
        &["issuer has scheme `http`"],
    );
    check(
        json!({"issuer": "http://keycloak:8080/realms/main", "allow_insecure_http": true}),
        &[],
    );
}

#[test]
fn a_token_for_anybody_is_not_enough() {
    check(
        json!({"audience": []}),
        &["audience is empty, so that a token for any other service would do here"],
    );
    check(json!({"audience": [""]}), &["audience[0] is empty"]);
    check(
        json!({"authorized_parties": []}),
        &["authorized_parties is empty, so that nobody could sign in"],
    );
    check(
        json!({"authorized_parties": ["notebook", " "]}),
        &["authorized_parties[1] is empty"],
    );
}

#[test]
fn no_algorithm_with_a_shared_secret_can_be_configured() {
    check(json!({"algorithms": []}), &["algorithms is empty"]);
    let all = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
    ];
    check(json!({"algorithms": all}), &[]);
    for bad in ["HS256", "HS384", "HS512", "none", "ES512", "rs256", "", "c4n4ry"] {
        check(
            json!({"algorithms": ["RS256", bad]}),
            &["algorithms[1] is not accepted: use one of RS256"],
        );
        let found = problems(json!({"kind": "oidc", "algorithms": [bad]}));
        assert!(
            !format!("{found:?}").contains("c4n4ry"),
            "a text may be a secret at the wrong place"
        );
    }
}

#[test]
fn numbers_and_names_are_checked() {
    let claims = json!({"user_claim": "", "groups_claim": " a", "scopes_claim": "a "});
    check(
        claims,
        &["user_claim is empty", "groups_claim is empty", "scopes_claim is empty"],
    );
    check(json!({"leeway_seconds": 301}), &["leeway_seconds is 301: use 0 to 300"]);
    check(
        json!({"max_token_lifetime_seconds": 59}),
        &["max_token_lifetime_seconds is 59"],
    );
    check(json!({"max_token_lifetime_seconds": 3600, "leeway_seconds": 0}), &[]);
}

#[test]
fn the_defaults_are_what_keycloak_needs() {
    let entry = format!(
        "{:?}",
        entry(json!({"kind": "oidc", "issuer": "https://idp", "audience": ["jira"]}))
    );
    for default in [
        r#"algorithms: ["RS256", "ES256"]"#,
        r#"user_claim: "preferred_username""#,
        r#"groups_claim: "groups""#,
        r#"scopes_claim: "scope""#,
        "leeway_seconds: 30",
        "cache_seconds: 60",
        "max_token_lifetime_seconds: None",
        "authorized_parties: None",
    ] {
        assert!(entry.contains(default), "{entry}");
    }
}
