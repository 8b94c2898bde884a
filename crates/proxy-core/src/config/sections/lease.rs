//! Leases that a service issues itself.

use std::path::PathBuf;

use serde_json::Value;

use super::check;
use crate::config::{Problems, Reader, Section, Validate};

/// Longest life of a lease: 30 days.
const MONTH: u64 = 30 * 86_400;

/// What leases are made with.
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// How long one is good.
    pub lifetime_seconds: u64,
    /// What they are signed with; `None`: a key of this process alone.
    pub keys_file: Option<PathBuf>,
    /// Those that are no good any more.
    pub revocations_file: Option<PathBuf>,
}

impl Section for LeaseConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let section = Self {
            lifetime_seconds: reader.whole("lifetime_seconds", 1..=MONTH),
            keys_file: reader.optional("keys_file", check::file),
            revocations_file: reader.optional("revocations_file", check::file),
        };
        reader.finish().then_some(section)
    }
}

impl Validate for LeaseConfig {
    fn validate(&self, problems: &mut Problems) {
        if self.keys_file.is_none() {
            let what = "is not set: leases end when the process does, and no other replica knows them";
            problems.warn("keys_file", what);
        }
    }
}
