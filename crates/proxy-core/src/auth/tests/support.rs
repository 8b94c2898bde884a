//! Requests, entries and outcomes, as the tests of every scheme need them.

use actix_http::{
    RequestHead,
    header::{HeaderName, HeaderValue},
};
use serde_json::Value;

use super::super::{Authenticator, Identity, IdentityConfig, Outcome};
pub(crate) use crate::client::tests::support::{
    FakePlatform, capture_log, client, json_answer, raw_answer, secret_file,
};
use crate::{
    config::{Problems, Section as _, Validate as _},
    error::Reason,
    telemetry::Metrics,
};

/// The head of a request, from the ingress's address.
pub(crate) fn head(headers: &[(&str, &str)]) -> RequestHead {
    let bytes: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    head_of_bytes(&bytes)
}

pub(crate) fn head_of_bytes(headers: &[(&str, &[u8])]) -> RequestHead {
    let mut head = RequestHead::default();
    head.peer_addr = Some("10.1.2.3:4567".parse().unwrap());
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        head.headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    head
}

/// An entry as a configuration has it, without a problem.
pub(crate) fn entry(config: Value) -> IdentityConfig {
    let mut problems = Problems::default();
    let entry = IdentityConfig::read(config, &mut problems);
    if let Some(entry) = &entry {
        entry.validate(&mut problems);
    }
    assert_eq!(problems.found(), [""; 0]);
    entry.unwrap()
}

pub(crate) fn scheme(config: Value) -> Box<dyn Authenticator> {
    entry(config).build(&Metrics::new("test", "0")).unwrap()
}

/// What is wrong with an entry.
pub(crate) fn problems(config: Value) -> Vec<String> {
    let mut problems = Problems::default();
    if let Some(entry) = IdentityConfig::read(config, &mut problems) {
        entry.validate(&mut problems);
    }
    problems.found().to_vec()
}

/// Checks how each problem begins that `base` has with the members of `patch`.
pub(crate) fn check_problems(base: &Value, patch: Value, expected: &[&str]) {
    let mut config = base.clone();
    config
        .as_object_mut()
        .unwrap()
        .extend(patch.as_object().unwrap().clone());
    let found = problems(config);
    assert_eq!(found.len(), expected.len(), "{patch}: {found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{patch}: {found}");
    }
}

/// An outcome in words, for tables.
pub(crate) fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::NotPresent => "not present".to_owned(),
        Outcome::Authenticated(identity, _) => {
            let (groups, scopes) = (identity.groups().join(","), identity.scopes().join(","));
            format!("{} groups={groups} scopes={scopes}", identity.user())
        }
        Outcome::Rejected(Reason::Unknown) => "unknown".to_owned(),
        Outcome::Rejected(reason) => reason.to_string(),
        Outcome::Unavailable { retry_after } => format!("unavailable for {} s", retry_after.as_secs()),
    }
}

pub(crate) fn identity(outcome: Outcome) -> Identity {
    match outcome {
        Outcome::Authenticated(identity, _) => identity,
        other => panic!("{}", told(&other)),
    }
}
