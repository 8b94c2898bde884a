//! Method, path with query, groups and scopes, each on a line: judged by jira-proxy's own rules.

#![no_main]

use std::sync::LazyLock;

use actix_web::http::Method;
use libfuzzer_sys::fuzz_target;
use nbgate_fuzz::{PREFIX, head, line, naive, upstream};
use proxy_core::{
    auth::{Claims, Identity},
    config::{Problems, sections::PolicyConfig},
    error::ProxyError,
    policy::{Policy, Presets, Verdict, rules},
    target::Target,
    upstream::{Paths, Upstream},
};

const OWN: &str = r#"
preset = "read-only"
publish = ["attachments"]
[[rule]]
name = "no-secret-project"
action = "deny"
paths = ["rest/api/*/issue/SEC-*/**"]
[[rule]]
name = "worklogs"
action = "allow"
methods = ["DELETE"]
paths = ["rest/api/2/issue/*/worklog/**"]
group = "/staff"
scope = "write:jira"
"#;

static UPSTREAM: LazyLock<Upstream> = LazyLock::new(|| upstream("/jira/", Paths::Strict));
static READ_ONLY: LazyLock<Policy> = LazyLock::new(|| policy("preset = \"read-only\""));
static EVERY_GET: LazyLock<Policy> = LazyLock::new(|| policy("preset = \"every-get\""));
static WITH_OWN: LazyLock<Policy> = LazyLock::new(|| policy(OWN));

fn policy(toml: &str) -> Policy {
    let mut problems = Problems::default();
    let config: PolicyConfig = toml::from_str(toml).expect("TOML");
    let rules = rules(&config, &Presets::built_in(jira_proxy::KIND.presets), &mut problems);
    assert!(problems.is_empty(), "{problems}");
    Policy::new(rules, "not here")
}

fuzz_target!(|data: &[u8]| {
    let (method, rest) = line(data);
    let (path, rest) = line(rest);
    let (groups, scopes) = line(rest);
    let Ok(method) = Method::from_bytes(method) else { return };
    let Some(head) = head(&[PREFIX.as_bytes(), b"/", path].concat()) else {
        return;
    };
    let (Ok(target), Some(identity)) = (Target::build(&head, &UPSTREAM), identity(groups, scopes)) else {
        return;
    };
    let is_read = [Method::GET, Method::HEAD].contains(&method);
    if allowed(&READ_ONLY, &identity, &method, &target).is_some() {
        check_read_only(is_read || method == Method::POST && is_search(target.tail()), &target);
    }
    if allowed(&EVERY_GET, &identity, &method, &target).is_some() {
        assert!(
            is_read || method == Method::POST && is_search(target.tail()),
            "{method}"
        );
        check_query(&target);
    }
    if let Some(rule) = allowed(&WITH_OWN, &identity, &method, &target) {
        assert!(
            !target
                .tail()
                .split('/')
                .nth(4)
                .is_some_and(|key| key.starts_with("SEC-"))
                || !is_issue(&target),
            "{target:?}"
        );
        if !is_read && method != Method::POST {
            assert!(method == Method::DELETE && &*rule == "worklogs", "{method} by {rule}");
            assert!(
                identity.in_group("/staff") && identity.has_scope("write:jira"),
                "{identity:?}"
            );
        }
    }
});

fn identity(groups: &[u8], scopes: &[u8]) -> Option<Identity> {
    let names = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        text.split(' ')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (groups, scopes) = (names(groups), names(scopes));
    Identity::proven(Claims {
        user: "ada".into(),
        groups,
        scopes,
        kind: "fuzz",
        expires: None,
        by_cookie: false,
    })
    .ok()
}

/// The rule that allows it. `authorize` says what `judge` says, and keeps the target that was judged.
fn allowed(policy: &Policy, identity: &Identity, method: &Method, target: &Target) -> Option<String> {
    let verdict = policy.judge(identity, method, target);
    assert_eq!(verdict, policy.judge(identity, method, target), "the same twice");
    match (verdict, policy.authorize(identity, method, target.clone())) {
        (Verdict::Allowed(rule), Ok(permit)) => {
            assert_eq!((permit.rule(), permit.target()), (&rule, target));
            assert!(policy.publishes(target.tail()));
            let rule = policy
                .rules()
                .iter()
                .find(|one| *one.name() == rule)
                .expect("a rule of this policy");
            assert!(rule.methods().contains(method), "{method} by {}", rule.name());
            let meant = rule.paths().any(|pattern| naive::pattern_means(pattern, target.tail()));
            assert!(meant, "{} by {}", target.tail(), rule.name());
            return Some(rule.name().to_string());
        }
        (Verdict::Denied(rule) | Verdict::Lacking(rule), Err(ProxyError::PolicyDenied { rule: told })) => {
            assert_eq!(*rule, *told)
        }
        (Verdict::Method(allow), Err(ProxyError::MethodNotAllowed { allow: told })) => {
            assert_eq!(allow, told);
            assert!(!allow.split(", ").any(|one| one == method.as_str()) && policy.publishes(target.tail()));
        }
        (Verdict::Unknown, Err(ProxyError::NotFound(_))) => assert!(!policy.publishes(target.tail())),
        (verdict, error) => panic!("{verdict:?} became {error:?}"),
    }
    None
}

fn check_read_only(method_reads: bool, target: &Target) {
    assert!(method_reads, "{target:?}");
    let segments: Vec<&str> = target.tail().split('/').collect();
    match segments.as_slice() {
        ["rest", "api", "2" | "3" | "latest", rest @ ..] => {
            let first = rest.first().copied().unwrap_or_default();
            let hidden = ["user", "group", "myself", "role", "webhook", "application-properties"];
            assert!(!hidden.iter().any(|name| first.starts_with(name)), "{target:?}");
        }
        ["rest", "agile", "1.0", ..] => {}
        _ => panic!("{target:?} is published"),
    }
    check_query(target);
}

/// Nobody acts as somebody else by a parameter.
fn check_query(target: &Target) {
    let parameters = target.query().unwrap_or_default().split(['&', ';']);
    for parameter in parameters {
        let name = naive::decoded(parameter.split('=').next().unwrap_or_default().as_bytes()).to_ascii_lowercase();
        let login: [&[u8]; 4] = [b"os_username", b"os_password", b"jwt", b"updatehistory"];
        assert!(!login.contains(&name.as_slice()), "{target:?}");
    }
}

fn is_search(tail: &str) -> bool {
    matches!(
        tail.strip_prefix("rest/api/2/").or(tail.strip_prefix("rest/api/3/")),
        Some("search" | "search/jql" | "search/approximate-count")
    )
}

fn is_issue(target: &Target) -> bool {
    let segments: Vec<&str> = target.tail().split('/').collect();
    matches!(segments.as_slice(), ["rest", "api", _, "issue", ..])
}
