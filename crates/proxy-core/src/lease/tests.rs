use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use actix_http::{RequestHead, header::AUTHORIZATION};
use base64::engine::general_purpose::STANDARD;

use super::{holders::presented, *};
use crate::telemetry::Metrics;

const HOUR: Duration = Duration::from_secs(3_600);
const OLD: &str = "old 0123456789abcdef0123456789abcdef";
const NEW: &str = "new abcdef0123456789abcdef0123456789";

fn leases(directory: &Path, tenant: &str, keys: &str, revocations: &str) -> anyhow::Result<Leases> {
    let (keys_file, revocations_file) = (directory.join("keys"), directory.join("revocations"));
    fs::write(&keys_file, keys)?;
    fs::write(&revocations_file, revocations)?;
    let config = LeaseConfig {
        lifetime_seconds: 3_600,
        keys_file: Some(keys_file),
        revocations_file: Some(revocations_file),
    };
    Leases::new(&config, &Metrics::new("test", "0").tenant(tenant))
}

fn with_keys(keys: &str) -> Leases {
    let directory = TempDir::new().unwrap();
    leases(directory.path(), "default", keys, "").unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test looks at what is handed out")]
fn shown(issued: &Issued) -> String {
    secrecy::ExposeSecret::expose_secret(&issued.password).to_owned()
}

#[expect(clippy::disallowed_methods, reason = "a test needs an identity without a platform")]
fn ada(expires: Option<SystemTime>) -> Identity {
    let claims = Claims {
        user: "ada".to_owned(),
        groups: Vec::new(),
        scopes: Vec::new(),
        kind: "test",
        expires,
        by_cookie: false,
    };
    Identity::proven(claims).unwrap()
}

fn issue(leases: &Leases, until: Option<SystemTime>) -> String {
    shown(&leases.issue(Some(&ada(until)), "usdf_efd", SystemTime::now()).unwrap())
}

#[test]
fn a_lease_proves_its_user_for_its_key_until_it_ends() {
    let leases = with_keys(OLD);
    let (lease, now) = (issue(&leases, None), SystemTime::now());
    let holder = leases.verify(&lease, now).unwrap();
    assert_eq!((holder.user(), holder.kind()), ("ada", KIND));
    assert!(holder.has_scope(&scope("usdf_efd")) && !holder.has_scope(&scope("other")) && holder.groups().is_empty());
    assert!(leases.verify(&lease, now + HOUR - Duration::from_secs(2)).is_ok());
    assert_eq!(leases.verify(&lease, now + HOUR).unwrap_err(), Reason::Expired);
}

#[test]
fn a_lease_does_not_outlive_the_token_it_was_had_with() {
    let (leases, now) = (with_keys(OLD), SystemTime::now());
    let lease = issue(&leases, Some(now + Duration::from_secs(60)));
    assert!(leases.verify(&lease, now + Duration::from_secs(58)).is_ok());
    assert_eq!(
        leases.verify(&lease, now + Duration::from_secs(61)).unwrap_err(),
        Reason::Expired
    );
    let longer = issue(&leases, Some(now + 5 * HOUR));
    assert_eq!(leases.verify(&longer, now + HOUR).unwrap_err(), Reason::Expired);
}

#[test]
fn whatever_is_changed_in_a_lease_makes_it_unknown() {
    let leases = with_keys(OLD);
    let (lease, now) = (issue(&leases, None), SystemTime::now());
    for place in 0..lease.len() {
        let mut forged = lease.clone().into_bytes();
        forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        // The last letter of base64 holds bits that mean nothing: the decoder refuses those that are set.
        assert!(leases.verify(&forged, now).is_err(), "{place}");
    }
    for cut in 0..lease.len() {
        assert!(leases.verify(&lease[..cut], now).is_err(), "{cut}");
    }
    assert!(leases.verify(&format!("{lease}="), now).is_err());
}

#[test]
fn another_key_another_tenant_or_an_unknown_signing_key_is_no_good() {
    let (old, now) = (with_keys(OLD), SystemTime::now());
    let lease = issue(&old, None);
    assert_eq!(with_keys(NEW).verify(&lease, now).unwrap_err(), Reason::Unknown);
    let renamed = with_keys("old abcdef0123456789abcdef0123456789");
    assert_eq!(renamed.verify(&lease, now).unwrap_err(), Reason::Unknown);
    let directory = TempDir::new().unwrap();
    let elsewhere = leases(directory.path(), "other", OLD, "").unwrap();
    assert!(matches!(elsewhere.verify(&lease, now), Err(Reason::Unacceptable(_))));
}

#[test]
fn a_new_signing_key_in_front_leaves_older_leases_good() {
    let (old, both) = (with_keys(OLD), with_keys(&format!("# newest first\n{NEW}\n\n{OLD}\n")));
    let now = SystemTime::now();
    assert!(both.verify(&issue(&old, None), now).is_ok());
    let newer = issue(&both, None);
    assert!(newer.starts_with("nbl1.new.") && old.verify(&newer, now).is_err());
}

#[test]
fn the_issuers_clock_may_be_five_minutes_ahead() {
    let (leases, now) = (with_keys(OLD), SystemTime::now());
    let lease = issue(&leases, None);
    assert!(leases.verify(&lease, now - Duration::from_secs(295)).is_ok());
    assert!(matches!(
        leases.verify(&lease, now - Duration::from_secs(310)),
        Err(Reason::Unacceptable(_))
    ));
}

#[test]
fn revocation_needs_all_that_it_names() {
    let plain = with_keys(OLD);
    let issued = plain.issue(Some(&ada(None)), "usdf_efd", SystemTime::now()).unwrap();
    let (lease, id) = (shown(&issued), &issued.id);
    let none = |text: &str| {
        let directory = TempDir::new().unwrap();
        let leases = leases(directory.path(), "default", OLD, text).unwrap();
        leases.verify(&lease, SystemTime::now()).is_err()
    };
    for text in [
        "[[revoked]]\nuser = 'ada'",
        "[[revoked]]\nkey = 'usdf_efd'",
        &format!("[[revoked]]\nid = '{id}'"),
        "[[revoked]]\nsigned_with = 'old'",
        "[[revoked]]\nissued_before = 2100-01-01T00:00:00Z",
        "[[revoked]]\nissued_before = '2100-01-01T00:00:00+01:00'\nuser = 'ada'",
        "[[revoked]]\nuser = 'grace'\n[[revoked]]\nuser = 'ada'\nkey = 'usdf_efd'",
    ] {
        assert!(none(text), "{text}");
    }
    for text in [
        "",
        "[[revoked]]\nuser = 'Ada'",
        "[[revoked]]\nuser = 'ada'\nkey = 'other'",
        "[[revoked]]\nissued_before = 2020-01-01T00:00:00Z",
        "[[revoked]]\nuser = 'ada'\nissued_before = 2020-01-01T00:00:00Z",
    ] {
        assert!(!none(text), "{text}");
    }
}

#[test]
fn a_file_that_does_not_hold_what_it_should_stops_the_start() {
    let directory = TempDir::new().unwrap();
    let start = |keys: &str, revocations: &str| {
        let error = leases(directory.path(), "default", keys, revocations).unwrap_err();
        let text = format!("{error:#}");
        assert!(!text.contains("0123456789abcdef"), "{text}");
        text
    };
    for keys in [
        "",
        "# nothing",
        "old short",
        "0123456789abcdef0123456789abcdef",
        "a.b 0123456789abcdef0123456789abcdef",
    ] {
        assert!(start(keys, "").contains("key"), "{keys}");
    }
    assert!(start(&format!("{OLD}\n{OLD}"), "").contains("id of another line"));
    for revocations in [
        "[[revoked]]",
        "[[revoked]]\nusr = 'ada'",
        "revoked = 1",
        "[[revoked]]\nissued_before = 'tomorrow'",
        "[[",
    ] {
        start(OLD, revocations);
    }
}

#[test]
fn a_lease_of_nobody_known_says_so() {
    let leases = with_keys(OLD);
    let issued = leases.issue(None, "usdf_efd", SystemTime::now()).unwrap();
    let holder = leases.verify(&shown(&issued), SystemTime::now()).unwrap();
    assert_eq!(holder.user(), NOBODY);
    assert!(holder.has_scope(OPEN) && holder.has_scope(&scope("usdf_efd")));
    assert!(
        !leases
            .verify(&issue(&leases, None), SystemTime::now())
            .unwrap()
            .has_scope(OPEN)
    );
}

#[test]
fn a_lease_is_found_in_every_place_and_beside_any_name() {
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let found = |values: &[String]| {
        let mut head = RequestHead::default();
        for value in values {
            head.headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        presented(&head).map(|found| found.lease.to_string())
    };
    let lease = Some("nbl1.a.b.c".to_owned());
    for value in [
        "Bearer nbl1.a.b.c".to_owned(),
        "tOken nbl1.a.b.c".to_owned(),
        "Token ada:nbl1.a.b.c".to_owned(),
        basic("ada:nbl1.a.b.c"),
        basic("jane.q.doe:nbl1.a.b.c"),
        basic("gt-x.y:nbl1.a.b.c"),
        basic("nbl1.a.b.c:"),
        basic("nbl1.a.b.c:x-oauth-basic"),
    ] {
        assert_eq!(found(std::slice::from_ref(&value)), lease, "{value}");
    }
    for values in [
        vec![],
        vec!["Bearer x.nbl1.a".to_owned()],
        vec![basic("ada:nbl2.a")],
        vec!["Bearer nbl1.a".to_owned(); 2],
    ] {
        assert_eq!(found(&values), None, "{values:?}");
    }
}

#[test]
fn a_lease_is_for_one_key_and_that_of_nobody_known_for_as_long_as_the_key_is_open() {
    let leases = with_keys(OLD);
    let holder = |caller: Option<&Identity>| {
        let issued = leases.issue(caller, "usdf_efd", SystemTime::now()).unwrap();
        leases.verify(&shown(&issued), SystemTime::now()).unwrap()
    };
    let (known, nobody) = (holder(Some(&ada(None))), holder(None));
    for (holder, label, open, expected) in [
        (&known, "usdf_efd", false, true),
        (&known, "usdf_efd", true, true),
        (&known, "summit_efd", true, false),
        (&nobody, "usdf_efd", true, true),
        (&nobody, "usdf_efd", false, false),
        (&nobody, "summit_efd", true, false),
    ] {
        assert_eq!(
            is_for(holder, label, open),
            expected,
            "{} {label} {open}",
            holder.user()
        );
    }
}
