use serde_json::json;

use super::{
    super::tests::support::{entry, problems, secret_file},
    IdentityConfig, KINDS, apply_defaults, join, platform_url,
};
use crate::config::{Problems, Section as _};
use crate::credential::read_secret;

fn check(config: serde_json::Value, expected: &[&str]) {
    let found = problems(config.clone());
    assert_eq!(found.len(), expected.len(), "{config}: {found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{config}: `{found}` is not `{expected}`");
    }
}

#[test]
fn a_kind_is_needed_and_must_be_known() {
    check(json!({}), &["kind is missing: use one of `gateway`"]);
    check(
        json!({"kind": "gatway"}),
        &["kind is not a kind that is known here: use one of `gateway`"],
    );
    check(json!({"kind": ["oidc"]}), &["kind is not a kind"]);
    check(json!("oidc"), &["is not a table of keys"]);
    for kind in KINDS.split(", ") {
        assert!(
            !problems(json!({"kind": kind.trim_matches('`')}))[0].starts_with("kind"),
            "{kind}"
        );
    }
}

#[test]
fn what_each_kind_needs_is_said_all_at_once() {
    check(json!({"kind": "gateway"}), &["trusted_peers is missing"]);
    check(json!({"kind": "gafaelfawr"}), &["base_url is missing"]);
    check(json!({"kind": "jupyterhub"}), &["api_url is missing"]);
    check(json!({"kind": "oidc"}), &["issuer is missing", "audience is missing"]);
    check(
        json!({"kind": "introspection"}),
        &[
            "endpoint is missing",
            "client_id is missing",
            "client_secret_file is missing",
        ],
    );
}

#[test]
fn a_key_that_no_kind_has_is_a_problem() {
    check(
        json!({"kind": "gafaelfawr", "base_url": "https://h", "group": true}),
        &["group is not a key here: did you mean `groups`?"],
    );
    check(
        json!({"kind": "gateway", "trusted_peers": ["10.0.0.0/8"], "issuer": "https://h"}),
        &["issuer is not a key here"],
    );
}

#[test]
fn a_platform_is_asked_over_https_unless_it_is_meant_otherwise() {
    for (url, allow, problem) in [
        ("https://host", false, ""),
        ("https://host:8443/a/b/", false, ""),
        ("http://localhost:8081/hub/api", false, ""),
        ("http://127.0.0.1:8081", false, ""),
        ("http://127.8.9.1", false, ""),
        ("http://[::1]:80", false, ""),
        ("http://[::ffff:127.0.0.1]", false, ""),
        ("http://hub:8081", true, ""),
        ("http://hub:8081", false, "has scheme `http`"),
        ("http://localhost.evil", false, "has scheme `http`"),
        ("http://127.0.0.1.evil", false, "has scheme `http`"),
        ("http://10.0.0.1", false, "has scheme `http`"),
        ("http://0.0.0.0", false, "has scheme `http`"),
        ("ftp://host", true, "has scheme `"),
        ("file:///etc/passwd", true, "has scheme `"),
        ("https://user@host", false, "holds a user or password"),
        ("https://:c4n4ry@host", false, "holds a user or password"),
        ("https://host/?a=b", false, "holds a query or fragment"),
        ("https://host/#a", false, "holds a query or fragment"),
        ("https://host/ ", false, "holds a space or control character"),
        ("https://ho\nst/", false, "holds a space or control character"),
        ("host/path", false, "is not an absolute URL"),
        ("/path", false, "is not an absolute URL"),
        ("https://", false, "has no host"),
        ("https:/host", false, "is not an absolute URL"),
        ("https:\\\\host", false, "holds a backslash"),
        ("https://host:0", false, "has port 0"),
        ("http://hub.localhost:8081", false, "has scheme `http`"),
        ("", false, "is not an absolute URL"),
    ] {
        let found = platform_url(url, allow)
            .map(|_| String::new())
            .unwrap_or_else(|what| what);
        assert_eq!(found.is_empty(), problem.is_empty(), "{url}: {found}");
        assert!(
            found.starts_with(problem) && !found.contains("c4n4ry"),
            "{url}: {found}"
        );
    }
}

#[test]
fn an_address_is_put_below_the_base_with_one_slash() {
    for base in ["https://host/base", "https://host/base/"] {
        assert_eq!(join(&base.parse().unwrap(), "a/b").as_str(), "https://host/base/a/b");
    }
    assert_eq!(join(&"https://host".parse().unwrap(), "a").as_str(), "https://host/a");
}

#[test]
fn a_secret_is_read_without_its_newline_and_never_empty() {
    assert!(read_secret(secret_file("s3cret\n").path()).is_ok());
    for empty in ["", "\n", "\r\n"] {
        let error = read_secret(secret_file(empty).path()).unwrap_err().to_string();
        assert!(error.contains("is empty"), "{error}");
    }
    assert!(read_secret("/nowhere/secret".as_ref()).is_err());
}

#[test]
fn an_answer_is_cached_for_a_minute_at_most() {
    let config = |seconds| json!({"kind": "gafaelfawr", "base_url": "https://h", "cache_seconds": seconds});
    check(config(1), &[]);
    check(config(60), &[]);
    check(config(0), &["cache_seconds is 0: use 1 to 60"]);
    check(config(61), &["cache_seconds is 61: use 1 to 60"]);
    assert!(!problems(json!({"kind": "gafaelfawr", "base_url": "https://h", "cache_seconds": 1.5})).is_empty());
}

#[test]
fn names_that_nobody_can_have_are_problems() {
    let config =
        json!({"kind": "gafaelfawr", "base_url": "https://h", "required_scopes": ["a", ""], "required_groups": [" b"]});
    check(config, &["required_scopes[1] is empty", "required_groups[0] is empty"]);
}

#[test]
fn the_service_says_which_scopes_a_gafaelfawr_token_needs_unless_the_entry_does() {
    let mut entries = [
        entry(json!({"kind": "gafaelfawr", "base_url": "https://h"})),
        entry(json!({"kind": "gafaelfawr", "base_url": "https://h", "required_scopes": []})),
        entry(json!({"kind": "gateway", "trusted_peers": ["10.0.0.0/8"]})),
    ];
    apply_defaults(&mut entries, &["exec:notebook"]);
    let [first, second, third] = entries.map(|entry| format!("{entry:?}"));
    assert!(first.contains(r#"required_scopes: Some(["exec:notebook"])"#), "{first}");
    assert!(second.contains("required_scopes: Some([])"), "{second}");
    assert!(third.contains("required_scopes: []"), "{third}");
}

#[test]
fn an_entry_that_never_gets_to_see_a_credential_is_a_problem() {
    let gateway = || entry(json!({"kind": "gateway", "trusted_peers": ["10.0.0.0/8"]}));
    let hub = || entry(json!({"kind": "jupyterhub", "api_url": "https://h", "service_name": "jira"}));
    let oidc = || entry(json!({"kind": "oidc", "issuer": "https://h", "audience": ["jira"]}));
    let introspection = || {
        entry(
            json!({"kind": "introspection", "endpoint": "https://h", "client_id": "jira", "client_secret_file": "/s"}),
        )
    };
    let check = |entries: &[IdentityConfig], expected: &str| {
        let mut problems = Problems::default();
        IdentityConfig::together("identity", entries, &mut problems);
        let found = problems.found().join("; ");
        assert!(
            found.starts_with(expected) && found.is_empty() == expected.is_empty(),
            "{entries:?}: {found}"
        );
    };
    check(
        &[],
        "identity is empty, so that nobody could sign in: add a `[[identity]]`",
    );
    check(&[gateway(), gateway(), hub(), oidc(), introspection()], "");
    check(
        &[oidc(), gateway(), oidc()],
        "identity[2] never gets to see a credential, as `identity[0]` takes them all",
    );
    check(&[introspection(), hub()], "identity[1] never");
    check(&[introspection(), oidc()], "identity[1] never");
}
