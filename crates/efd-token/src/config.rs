//! `[[tenant]]` of efd-token: a directory of documents, who may read which, and what they are handed.

use std::{fmt::Write as _, path::PathBuf};

use proxy_core::{
    access::Access,
    config::{
        Problems, Reader, Section, ServiceConfig, Tenants, Validate,
        sections::{LeaseConfig, RealmConfig, check},
    },
    upstream::Timeouts,
};
use serde_json::Value;
use url::Url;

use crate::{sent, site::Dialect};

/// The whole configuration: `config/default.toml` explains each key.
pub type Config = ServiceConfig<Efd>;

/// What the configuration has of its own.
#[derive(Debug)]
pub struct Efd;

impl Tenants for Efd {
    type Tenant = TenantConfig;

    /// Repertoire's own.
    const GAFAELFAWR_SCOPES: &'static [&'static str] = &["read:sasquatch"];

    fn realm(tenant: &TenantConfig) -> &RealmConfig {
        &tenant.realm
    }

    /// Who may read which key, then what reaches an InfluxDB.
    fn policy_table(tenant: &TenantConfig) -> String {
        let keys: Vec<&KeyConfig> = tenant.keys.iter().chain(&tenant.unlisted).collect();
        let width = keys.iter().map(|key| key.name.len()).max().unwrap_or_default().max(3);
        let mut text = format!("{:width$}  mode    who may\n", "key");
        for KeyConfig { name, mode, access, .. } in keys {
            let _ = writeln!(text, "{name:width$}  {:6}  {}", mode.name(), access.to_text());
        }
        format!(
            "{text}\nof the statements of a query, only those that read; they are sent by:\n{}",
            sent().to_table()
        )
    }
}

/// One tenant.
#[derive(Clone, Debug)]
pub struct TenantConfig {
    pub(crate) realm: RealmConfig,
    /// Below which the Repertoire dialect is served.
    pub(crate) discovery_prefix: Option<String>,
    /// Where the documents are; `None`: there are none.
    pub(crate) directory: Option<PathBuf>,
    /// What a document is that no entry is about; `None`: nobody's.
    pub(crate) unlisted: Option<KeyConfig>,
    pub(crate) upstream: UpstreamConfig,
    pub(crate) lease: LeaseConfig,
    /// Whether audit events hold the statements themselves, literals included, and not their kinds alone.
    pub(crate) audits_statements: bool,
    pub(crate) keys: Vec<KeyConfig>,
}

impl TenantConfig {
    /// Where it is served, each with its key.
    pub(crate) fn prefixes(&self) -> impl Iterator<Item = (&'static str, Dialect, &String)> {
        let own = ("prefix", Dialect::Segwarides, &self.realm.prefix);
        let discovery = self.discovery_prefix.as_ref();
        let discovery = discovery.map(|prefix| ("discovery_prefix", Dialect::Repertoire, prefix));
        [own].into_iter().chain(discovery)
    }
}

impl Section for TenantConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let realm = RealmConfig::take(&mut reader);
        let discovery_prefix = reader.optional("discovery_prefix", check::prefix);
        let directory = reader.optional("directory", check::file);
        let words = [("lease", true), ("hidden", false)];
        let unlisted = reader.choice("unlisted_keys", &words);
        let upstream = reader.table("upstream", UpstreamConfig::take);
        let lease = reader.section("lease");
        let audits_statements = reader.table("audit", |audit| audit.flag("statements"));
        let keys = reader.list("key");
        let readable = reader.finish();
        let section = Self {
            realm: realm?,
            discovery_prefix,
            directory,
            unlisted: unlisted?.then(KeyConfig::unlisted),
            upstream: upstream?,
            lease: lease?,
            audits_statements: audits_statements?,
            keys: keys?,
        };
        Some(section).filter(|_| readable)
    }

    fn together(key: &str, entries: &[Self], problems: &mut Problems) {
        let prefixes = |tenant: &Self| tenant.prefixes().map(|(key, _, path)| (key, path.clone())).collect();
        RealmConfig::together(key, entries, |tenant| &tenant.realm, prefixes, problems);
    }
}

impl Validate for TenantConfig {
    fn validate(&self, problems: &mut Problems) {
        if self.directory.is_none() {
            problems.warn("directory", "is not set: there is no document to hand out");
        }
    }
}

/// How every InfluxDB of a tenant is reached.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamConfig {
    pub(crate) allow_insecure_http: bool,
    pub(crate) scan_bodies: bool,
    pub(crate) timeouts: Timeouts,
    pub(crate) max_query_bytes: u64,
}

impl UpstreamConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            allow_insecure_http: reader.flag("allow_insecure_http"),
            scan_bodies: reader.flag("scan_bodies"),
            timeouts: Timeouts::take(reader),
            max_query_bytes: reader.whole("max_query_bytes", 1..=1 << 20),
        }
    }
}

/// What is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A password of the caller's own, good for queries through this service.
    Lease,
    /// The document as it is stored.
    Shared,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Shared => "shared",
        }
    }
}

/// What is said of one document.
#[derive(Clone, Debug)]
pub(crate) struct KeyConfig {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) access: Access,
    /// What may be queried; empty: what the document names.
    pub(crate) databases: Vec<String>,
    /// Where the InfluxDB is, if not where the document says.
    pub(crate) url: Option<Url>,
}

impl KeyConfig {
    /// Of documents that nothing is said of: a lease for everybody who may use the service.
    pub(crate) fn unlisted() -> Self {
        Self {
            name: "(any other)".to_owned(),
            mode: Mode::Lease,
            access: Access::default(),
            databases: Vec::new(),
            url: None,
        }
    }
}

impl Section for KeyConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let name = reader.parsed("name", check::document);
        let words = [("lease", Mode::Lease), ("shared", Mode::Shared)];
        let mode = reader.choice_or("mode", &words, Mode::Lease);
        let access = Access::take(&mut reader);
        let databases = reader.all("databases", check::printable);
        let url = reader.optional("url", check::base_url);
        let readable = reader.finish();
        let section = Self {
            name: name?,
            mode: mode?,
            access,
            databases,
            url,
        };
        Some(section).filter(|_| readable)
    }

    fn together(key: &str, entries: &[Self], problems: &mut Problems) {
        for (index, entry) in entries.iter().enumerate() {
            if let Some(other) = entries[..index].iter().position(|other| other.name == entry.name) {
                let what = format!("is `{}` like that of {key}[{other}]: remove one", entry.name);
                problems.add(format!("{key}[{index}].name"), what);
            }
        }
    }
}

impl Validate for KeyConfig {
    fn validate(&self, problems: &mut Problems) {
        self.access.check(problems);
        if self.mode == Mode::Shared && (!self.databases.is_empty() || self.url.is_some()) {
            let what = "is `shared`, where nothing is queried: remove `databases` and `url`, or use `lease`";
            problems.add("mode", what);
        }
    }
}
