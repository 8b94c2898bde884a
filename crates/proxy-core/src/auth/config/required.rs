//! What an entry demands of everybody whom it has identified.

use super::{super::Identity, check_names};
use crate::config::Problems;

/// Scopes and groups, all of which an identity must have: exactly, never by prefix.
#[derive(Clone, Debug, Default)]
pub struct Required {
    scopes: Vec<String>,
    groups: Vec<String>,
}

impl Required {
    pub(in crate::auth) fn new(scopes: &[String], groups: &[String]) -> Self {
        Self {
            scopes: scopes.to_vec(),
            groups: groups.to_vec(),
        }
    }

    /// Notes names that nobody can have.
    pub(in crate::auth) fn check(scopes: &[String], groups: &[String], problems: &mut Problems) {
        check_names("required_scopes", scopes, problems);
        check_names("required_groups", groups, problems);
    }

    pub(in crate::auth) fn missing_scopes(&self, identity: &Identity) -> Vec<String> {
        self.missing_scopes_but(|scope| identity.has_scope(scope))
    }

    /// The required scopes that `has` denies: for a platform where one scope stands for another.
    pub(in crate::auth) fn missing_scopes_but(&self, has: impl Fn(&str) -> bool) -> Vec<String> {
        self.scopes.iter().filter(|scope| !has(scope)).cloned().collect()
    }

    pub(in crate::auth) fn missing_groups(&self, identity: &Identity) -> Vec<String> {
        self.groups
            .iter()
            .filter(|group| !identity.in_group(group))
            .cloned()
            .collect()
    }

    pub(in crate::auth) fn needs_groups(&self) -> bool {
        !self.groups.is_empty()
    }
}
