//! How many tunnels a tenant may have, and for how long: `[tenant.tunnels]` of services that upgrade connections.

use serde_json::Value;

use crate::config::{Problems, Reader, Section, Validate};

/// Longest time that may be configured, in seconds: 30 days.
const MONTH: u64 = 30 * 24 * 3_600;

/// A service whose `Site` upgrades connections reads it into [`RealmConfig::tunnels`](super::RealmConfig::tunnels).
///
/// What its built-in configuration should say:
///
/// ```toml
/// [tenant.tunnels]
/// # WebSockets that may be open at once: in all, and of one user. One more is refused with 503 or 429.
/// max_tunnels = 10000
/// max_tunnels_per_user = 100
/// # How long nothing may move on one, and how long one may be open; 0: for as long as both ends are there. A notebook that
/// # is left open over night is what it is for.
/// idle_seconds = 0
/// lifetime_seconds = 0
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TunnelsConfig {
    /// Of all callers, in one process.
    pub max_tunnels: usize,
    /// Of one caller, in one process.
    pub max_tunnels_per_user: usize,
    /// Without a byte, either way; 0: for ever.
    pub idle_seconds: u64,
    /// 0: for ever.
    pub lifetime_seconds: u64,
}

impl Section for TunnelsConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let section = Self {
            max_tunnels: reader.whole("max_tunnels", 1..=1_000_000),
            max_tunnels_per_user: reader.whole("max_tunnels_per_user", 1..=1_000_000),
            idle_seconds: reader.whole("idle_seconds", 0..=MONTH),
            lifetime_seconds: reader.whole("lifetime_seconds", 0..=MONTH),
        };
        reader.finish().then_some(section)
    }
}

impl Validate for TunnelsConfig {
    fn validate(&self, problems: &mut Problems) {
        let (user, all) = (self.max_tunnels_per_user, self.max_tunnels);
        if user > all {
            problems.add(
                "max_tunnels_per_user",
                format!("is {user}, more than max_tunnels = {all}: lower it"),
            );
        }
    }
}

#[cfg(test)]
mod tests;
