use actix_http::RequestHead;
use actix_web::http::Method;
use proptest::prelude::*;

use super::{Policy, Presets, Verdict, rules};
use crate::{
    auth::{Claims, Identity},
    config::{Problems, sections::PolicyConfig},
    error::ProxyError,
    target::Target,
    tenant::tests::upstream,
};

const PRESETS: &str = r#"
[[preset]]
name = "strict"
[[preset.rule]]
name = "people"
action = "deny"
paths = ["api/user*/**"]
option = "personal-data"
[[preset.rule]]
name = "login-by-query"
action = "deny"
paths = ["**"]
query = ["os_username"]
[[preset.rule]]
name = "staff"
action = "allow"
methods = ["GET"]
paths = ["api/staff/**"]
group = "/staff"
scope = "read:staff"
[[preset.rule]]
name = "read"
action = "allow"
methods = ["GET", "HEAD"]
paths = ["api/{1,2}/**", "api/user*/**"]
[[preset.rule]]
name = "search"
action = "allow"
methods = ["POST"]
paths = ["api/{1,2}/search"]
[[preset.rule]]
name = "files"
action = "allow"
methods = ["GET"]
paths = ["files/**"]
option = "files"
"#;

fn policy(toml: &str) -> (Policy, Problems) {
    let mut problems = Problems::default();
    let config: PolicyConfig = toml::from_str(toml).unwrap();
    let rules = rules(&config, &Presets::built_in(PRESETS), &mut problems);
    (Policy::new(rules, "not here"), problems)
}

fn target(tail: &str) -> Target {
    let mut head = RequestHead::default();
    head.uri = format!("/jira-data-proxy/{tail}").parse().unwrap();
    Target::build(&head, &upstream("https://jira.example.org/")).unwrap()
}

pub(crate) fn identity(user: &str, groups: &[&str], scopes: &[&str]) -> Identity {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let claims = Claims {
        user: user.into(),
        groups: owned(groups),
        scopes: owned(scopes),
        kind: "test",
        expires: None,
        by_cookie: false,
    };
    #[expect(clippy::disallowed_methods, reason = "a test needs an identity without a platform")]
    Identity::proven(claims).unwrap()
}

fn judge(policy: &Policy, groups: &[&str], scopes: &[&str], method: &str, tail: &str) -> String {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    match policy.judge(&identity("ada", groups, scopes), &method, &target(tail)) {
        Verdict::Allowed(rule) => format!("allow {rule}"),
        Verdict::Denied(rule) => format!("deny {rule}"),
        Verdict::Lacking(rule) => format!("lacking {rule}"),
        Verdict::Method(allow) => format!("only {allow}"),
        Verdict::Unknown => "unknown".to_owned(),
    }
}

#[test]
fn the_first_rule_that_applies_decides_and_the_default_is_no() {
    let (policy, problems) = policy(r#"preset = "strict""#);
    assert!(problems.is_empty(), "{problems}");
    for (method, tail, expected) in [
        ("GET", "api/1/issue/A-1", "allow read"),
        ("HEAD", "api/2", "allow read"),
        ("GET", "api/3/issue", "unknown"),
        ("GET", "", "unknown"),
        ("POST", "api/1/search", "allow search"),
        ("POST", "api/1/search/", "only GET, HEAD"),
        ("POST", "api/1/issue", "only GET, HEAD"),
        ("DELETE", "api/1/search", "only GET, HEAD, POST"),
        ("get", "api/1/issue", "only GET, HEAD"),
        ("TRACE", "api/1/issue", "only GET, HEAD"),
        ("GET", "api/user", "deny people"),
        ("GET", "api/user/search?x=1", "deny people"),
        ("PUT", "api/users", "deny people"),
        ("GET", "api/1/issue?os_username=x", "deny login-by-query"),
        ("GET", "api/1/issue?a=1&%6fS_username", "deny login-by-query"),
        ("GET", "files/1", "unknown"),
        ("GET", "api/staff/1", "lacking staff"),
    ] {
        assert_eq!(judge(&policy, &[], &[], method, tail), expected, "{method} {tail}");
    }
}

#[test]
fn group_and_scope_must_both_be_there_exactly() {
    let (policy, _) = policy(r#"preset = "strict""#);
    for (groups, scopes, expected) in [
        (&["/staff"][..], &["read:staff"][..], "allow staff"),
        (&["/staff"], &[], "lacking staff"),
        (&[], &["read:staff"], "lacking staff"),
        (&["/staff/sub"], &["read:staff"], "lacking staff"),
        (&["/staff"], &["read:staff:all", "read"], "lacking staff"),
    ] {
        assert_eq!(judge(&policy, groups, scopes, "GET", "api/staff/1"), expected);
    }
}

#[test]
fn an_option_opens_allow_rules_and_lifts_deny_rules() {
    let (policy, problems) = policy(
        r#"preset = "strict"
publish = ["files", "personal-data"]"#,
    );
    assert!(problems.is_empty());
    assert_eq!(judge(&policy, &[], &[], "GET", "files/1"), "allow files");
    assert_eq!(judge(&policy, &[], &[], "GET", "api/user"), "allow read");
}

#[test]
fn a_sites_own_rule_comes_first() {
    let (policy, problems) = policy(
        r#"preset = "strict"
[[rule]]
name = "no-secrets"
action = "deny"
paths = ["api/*/issue/SEC-*/**"]"#,
    );
    assert!(problems.is_empty());
    assert_eq!(
        judge(&policy, &[], &[], "GET", "api/1/issue/SEC-7/comment"),
        "deny no-secrets"
    );
    assert_eq!(judge(&policy, &[], &[], "GET", "api/1/issue/SE-7"), "allow read");
}

#[test]
fn refusals_become_the_errors_that_callers_read() {
    let (policy, _) = policy(r#"preset = "strict""#);
    let ada = identity("ada", &[], &[]);
    let error = |method: Method, tail: &str| policy.authorize(&ada, &method, target(tail)).unwrap_err();
    assert!(matches!(error(Method::GET, "api/user"), ProxyError::PolicyDenied { rule } if rule == "people"));
    assert!(matches!(error(Method::PUT, "api/1/x"), ProxyError::MethodNotAllowed { allow } if allow == "GET, HEAD"));
    assert!(matches!(error(Method::GET, "secure/x"), ProxyError::NotFound(text) if text == "not here"));
    let permit = policy.authorize(&ada, &Method::GET, target("api/1/x?y")).unwrap();
    assert_eq!(
        (permit.target().path_and_query(), permit.rule().as_ref()),
        ("/api/1/x?y", "read")
    );
}

#[test]
fn every_problem_of_a_policy_is_named() {
    let (_, problems) = policy(
        r#"preset = "strict"
publish = ["attachements"]
[[rule]]
name = "Read It"
action = "allow"
methods = ["get", "TRACE"]
paths = ["/api", "a/**/b", "a{b", "a//b", "../x", "x**"]
[[rule]]
name = "read"
action = "allow"
option = "files"
methods = []
paths = []"#,
    );
    let found = problems.to_string();
    for part in [
        "publish[0] is `attachements`",
        "rule[0].name",
        "rule[0].methods[0]",
        "rule[0].methods[1]",
        "rule[0].paths[0]",
        "rule[0].paths[1]",
        "rule[0].paths[2]",
        "rule[0].paths[3]",
        "rule[0].paths[4]",
        "rule[0].paths[5]",
        "rule[1].option",
        "rule[1].methods is empty",
        "rule[1].paths is empty",
        "name is `read` again",
    ] {
        assert!(found.contains(part), "{part} in\n{found}");
    }
    let (_, problems) = self::policy(r#"preset = "lax""#);
    assert!(problems.to_string().contains("preset is `lax`: use one of `strict`"));
}

#[test]
fn the_policy_reads_as_a_table() {
    let (policy, _) = policy(r#"preset = "strict""#);
    let table = policy.to_table();
    assert!(table.starts_with("rule "), "{table}");
    assert!(
        table.contains("query has os_username")
            && table.contains("caller in group /staff and caller has scope read:staff")
    );
    assert!(table.trim_end().ends_with("**") && table.contains("(default)"));
}

proptest! {
    /// Nothing outside the published trees is ever allowed.
    #[test]
    fn only_published_paths_are_allowed(tail in "[a-z0-9/]{0,20}") {
        let (policy, _) = policy(r#"preset = "strict""#);
        let mut head = RequestHead::default();
        head.uri = format!("/jira-data-proxy/{tail}").parse().unwrap();
        if let Ok(target) = Target::build(&head, &upstream("https://jira.example.org/")) {
            let verdict = policy.judge(&identity("ada", &[], &[]), &Method::GET, &target);
            let published = ["api/1", "api/2"].iter().any(|tree| tail == *tree || tail.starts_with(&format!("{tree}/")));
            prop_assert_eq!(matches!(verdict, Verdict::Allowed(_)), published);
        }
    }
}
