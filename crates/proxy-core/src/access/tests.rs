use super::Access;
use crate::auth::{Claims, Identity};

#[expect(clippy::disallowed_methods, reason = "a test needs an identity without a platform")]
fn caller(user: &str, groups: &[&str], scopes: &[&str]) -> Identity {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Identity::proven(Claims {
        user: user.to_owned(),
        groups: texts(groups),
        scopes: texts(scopes),
        kind: "test",
        expires: None,
        by_cookie: false,
    })
    .unwrap()
}

fn access(scopes: &[&str], groups: &[&str], users: &[&str], anonymous: bool) -> Access {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Access {
        required_scopes: texts(scopes),
        groups: texts(groups),
        users: texts(users),
        anonymous,
    }
}

#[test]
fn every_scope_is_needed_and_one_of_the_groups_and_users() {
    let rules = access(&["a", "b"], &["/g", "/h"], &["ada"], false);
    for (user, groups, scopes, expected) in [
        ("ada", &[][..], &["a", "b"][..], true),
        ("grace", &["/h"], &["b", "a", "c"], true),
        ("grace", &[], &["a", "b"], false),
        ("grace", &["/h/more", "/"], &["a", "b"], false),
        ("ada", &["/g"], &["a"], false),
        ("ada", &["/g"], &["a", "bb"], false),
        ("Ada", &[], &["a", "b"], false),
    ] {
        assert_eq!(
            rules.admits(Some(&caller(user, groups, scopes))),
            expected,
            "{user} {groups:?} {scopes:?}"
        );
    }
    assert!(!rules.admits(None));
}

#[test]
fn without_rules_every_caller_is_admitted_and_nobody_who_is_none() {
    assert!(Access::default().admits(Some(&caller("ada", &[], &[]))));
    assert!(!Access::default().admits(None));
    assert!(access(&[], &[], &[], true).admits(None));
    assert!(!access(&["a"], &[], &[], false).admits(Some(&caller("ada", &[], &[]))));
}
