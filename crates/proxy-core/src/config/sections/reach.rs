//! How machines are reached whose addresses a platform tells.

use std::time::Duration;

use serde_json::Value;

use super::check;
use crate::{
    config::{Problems, Reader, Section, Validate},
    upstream::{Networks, Reuse, Timeouts},
};

/// Longest upload that may be configured, in seconds: 30 days.
const MONTH: u64 = 30 * 86_400;
/// Largest request body that may be configured: 1 TiB.
const TEBIBYTE: u64 = 1 << 40;

/// How such machines are reached.
#[derive(Clone, Debug)]
pub struct ReachConfig {
    /// What may be connected to.
    pub networks: Networks,
    /// See [`Timeouts`].
    pub timeouts: Timeouts,
    /// Largest request body in bytes.
    pub max_request_body_bytes: u64,
    /// Who may share a connection.
    pub reuse: Reuse,
}

impl Section for ReachConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let networks = Networks {
            allowed: reader.all("allow_networks", check::network),
            loopback: reader.flag("allow_loopback"),
        };
        let mut timeouts = Timeouts::take(&mut reader);
        timeouts.upload = Duration::from_secs(reader.whole("upload_timeout_seconds", 1..=MONTH));
        let max_request_body_bytes = reader.whole("max_request_body_bytes", 0..=TEBIBYTE);
        let reuse = reader.choice("reuse", &[("user", Reuse::User), ("never", Reuse::Never)]);
        let readable = reader.finish();
        let section = Self {
            networks,
            timeouts,
            max_request_body_bytes,
            reuse: reuse?,
        };
        Some(section).filter(|_| readable)
    }
}

impl Validate for ReachConfig {
    fn validate(&self, problems: &mut Problems) {
        if self.networks.loopback {
            let what = "lets the platform lead callers to this machine: meant for tests";
            problems.warn("allow_loopback", what);
        }
    }
}
