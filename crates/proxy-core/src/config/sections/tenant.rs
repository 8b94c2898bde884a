//! A tenant: one public prefix with an upstream, a credential and a policy of its own.

use serde_json::Value;

use super::{CredentialConfig, PolicyConfig, TunnelsConfig, UpstreamConfig, check};
use crate::config::{Problems, Reader, Secrets, Section, Validate};

/// What every tenant has, whatever it serves.
#[derive(Clone, Debug)]
pub struct RealmConfig {
    /// What metrics and audit events call it.
    pub name: String,
    /// Public path of every request; begins with `/`, ends without.
    pub prefix: String,
    /// Scopes that callers must all have.
    pub required_scopes: Vec<String>,
    /// Groups that callers must all be in.
    pub required_groups: Vec<String>,
    /// How many at once.
    pub limits: LimitsConfig,
    /// How many tunnels. `None`: the service upgrades no connection; one that does takes its section `tunnels` itself.
    pub tunnels: Option<TunnelsConfig>,
}

impl RealmConfig {
    /// Takes its keys out of a tenant's table; `None` when one of them cannot be read (the problems are noted).
    pub fn take(reader: &mut Reader<'_>) -> Option<Self> {
        let prefix = reader.parsed("prefix", check::prefix);
        let realm = Self::take_without_prefix(reader);
        Some(Self {
            prefix: prefix?,
            ..realm?
        })
    }

    /// The same for a tenant whose public paths are said elsewhere.
    pub fn take_without_prefix(reader: &mut Reader<'_>) -> Option<Self> {
        let name = reader.parsed("name", check::name);
        let required_scopes = reader.all("required_scopes", check::scope);
        let required_groups = reader.all("required_groups", check::printable);
        let limits = reader.section("limits");
        Some(Self {
            name: name?,
            prefix: String::new(),
            required_scopes,
            required_groups,
            limits: limits?,
            tunnels: None,
        })
    }

    /// Adds what is wrong with a list of tenants as a whole: `prefixes` are a tenant's, each with its key.
    pub fn together<T>(
        key: &str,
        entries: &[T],
        realm: impl Fn(&T) -> &Self,
        prefixes: impl Fn(&T) -> Vec<(&'static str, String)>,
        problems: &mut Problems,
    ) {
        if entries.is_empty() {
            problems.add(key, "is empty: a service needs at least one `[[tenant]]`");
        }
        let mut taken: Vec<(String, String)> = Vec::new();
        for (index, tenant) in entries.iter().enumerate() {
            let name = &realm(tenant).name;
            if let Some(other) = entries[..index].iter().position(|other| realm(other).name == *name) {
                problems.add(
                    format!("{key}[{index}].name"),
                    format!("is `{name}` like that of {key}[{other}]: choose another"),
                );
            }
            for (which, prefix) in prefixes(tenant) {
                let here = format!("{key}[{index}].{which}");
                if let Some((other, _)) = taken.iter().find(|(_, other)| overlap(other, &prefix)) {
                    let what = format!("is `{prefix}`, which shares paths with {other}: choose another");
                    problems.add(&here, what);
                }
                taken.push((here, prefix));
            }
        }
    }
}

/// One tenant.
#[derive(Clone, Debug)]
pub struct TenantConfig {
    /// Its name and prefix, and who may use it.
    pub realm: RealmConfig,
    /// Where requests go.
    pub upstream: UpstreamConfig,
    /// As whom.
    pub credential: CredentialConfig,
    /// Which requests.
    pub policy: PolicyConfig,
}

impl Section for TenantConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let realm = RealmConfig::take(&mut reader);
        let upstream = reader.section("upstream");
        let credential = reader.section("credential");
        let policy = reader.section("policy");
        let readable = reader.finish();
        let section = Self {
            realm: realm?,
            upstream: upstream?,
            credential: credential?,
            policy: policy?,
        };
        Some(section).filter(|_| readable)
    }

    fn attach(&mut self, key: &str, secrets: &Secrets) {
        self.credential.attach(&format!("{key}.credential"), secrets);
    }

    fn together(key: &str, entries: &[Self], problems: &mut Problems) {
        let prefix = |tenant: &Self| vec![("prefix", tenant.realm.prefix.clone())];
        RealmConfig::together(key, entries, |tenant| &tenant.realm, prefix, problems);
    }
}

impl Validate for TenantConfig {
    fn validate(&self, problems: &mut Problems) {
        problems.section("upstream", &self.upstream);
        problems.section("credential", &self.credential);
        problems.section("policy", &self.policy);
        problems.section("limits", &self.realm.limits);
    }
}

/// Whether one is the other, or a path above it.
fn overlap(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    long.strip_prefix(short)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// How many requests of a tenant may be in progress.
#[derive(Clone, Copy, Debug)]
pub struct LimitsConfig {
    /// Of all callers.
    pub max_in_flight: usize,
    /// Of one caller.
    pub max_in_flight_per_user: usize,
    /// How many may wait for a place; 0: none.
    pub queue: usize,
    /// How long they wait.
    pub queue_seconds: u64,
}

impl Section for LimitsConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let section = Self {
            max_in_flight: reader.whole("max_in_flight", 1..=100_000),
            max_in_flight_per_user: reader.whole("max_in_flight_per_user", 1..=100_000),
            queue: reader.whole("queue", 0..=100_000),
            queue_seconds: reader.whole("queue_seconds", 1..=60),
        };
        reader.finish().then_some(section)
    }
}

impl Validate for LimitsConfig {
    fn validate(&self, problems: &mut Problems) {
        let (user, all) = (self.max_in_flight_per_user, self.max_in_flight);
        if user > all {
            problems.add(
                "max_in_flight_per_user",
                format!("is {user}, more than max_in_flight = {all}: lower it"),
            );
        }
    }
}
