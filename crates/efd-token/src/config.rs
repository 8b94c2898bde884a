//! `[[tenant]]` of efd-token: a directory of documents, who may read which, and what they are handed.

use std::path::PathBuf;

use proxy_core::{
    access::Access,
    config::{
        Problems, Reader, Section, Validate,
        sections::{LeaseConfig, RealmConfig, check},
    },
};
use serde_json::Value;
use url::Url;

/// Longest wait that may be configured, in seconds.
const HOUR: u64 = 3_600;

/// One tenant.
#[derive(Clone, Debug)]
pub(crate) struct TenantConfig {
    pub(crate) realm: RealmConfig,
    /// Below which the Repertoire dialect is served.
    pub(crate) discovery_prefix: Option<String>,
    /// Where the documents are; `None`: there are none.
    pub(crate) directory: Option<PathBuf>,
    /// What a document is that no entry is about; `None`: nobody's.
    pub(crate) unlisted: Option<KeyConfig>,
    pub(crate) upstream: UpstreamConfig,
    pub(crate) lease: LeaseConfig,
    pub(crate) audit: AuditConfig,
    pub(crate) keys: Vec<KeyConfig>,
}

impl Section for TenantConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let realm = RealmConfig::take(&mut reader);
        let discovery_prefix = reader.optional("discovery_prefix", check::prefix);
        let directory = reader.optional("directory", check::file);
        let words = [("lease", true), ("hidden", false)];
        let unlisted = reader.choice("unlisted_keys", &words);
        let (upstream, lease) = (reader.section("upstream"), reader.section("lease"));
        let audit = reader.section("audit");
        let keys = reader.list("key");
        let readable = reader.finish();
        let section = Self {
            realm: realm?,
            discovery_prefix,
            directory,
            unlisted: unlisted?.then(KeyConfig::unlisted),
            upstream: upstream?,
            lease: lease?,
            audit: audit?,
            keys: keys?,
        };
        Some(section).filter(|_| readable)
    }

    fn together(key: &str, entries: &[Self], problems: &mut Problems) {
        let prefixes = |tenant: &Self| {
            let own = ("prefix", tenant.realm.prefix.clone());
            let discovery = tenant
                .discovery_prefix
                .clone()
                .map(|prefix| ("discovery_prefix", prefix));
            [Some(own), discovery].into_iter().flatten().collect()
        };
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
    pub(crate) connect_timeout_seconds: u64,
    pub(crate) response_timeout_seconds: u64,
    pub(crate) idle_timeout_seconds: u64,
    pub(crate) max_query_bytes: u64,
}

impl Section for UpstreamConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let section = Self {
            allow_insecure_http: reader.flag("allow_insecure_http"),
            scan_bodies: reader.flag("scan_bodies"),
            connect_timeout_seconds: reader.whole("connect_timeout_seconds", 1..=HOUR),
            response_timeout_seconds: reader.whole("response_timeout_seconds", 1..=HOUR),
            idle_timeout_seconds: reader.whole("idle_timeout_seconds", 1..=HOUR),
            max_query_bytes: reader.whole("max_query_bytes", 1..=1 << 20),
        };
        reader.finish().then_some(section)
    }
}

impl Validate for UpstreamConfig {
    fn validate(&self, _problems: &mut Problems) {}
}

/// What audit events hold.
#[derive(Clone, Debug)]
pub(crate) struct AuditConfig {
    /// The statements themselves, literals included, and not their kinds alone.
    pub(crate) statements: bool,
}

impl Section for AuditConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let section = Self {
            statements: reader.flag("statements"),
        };
        reader.finish().then_some(section)
    }
}

impl Validate for AuditConfig {
    fn validate(&self, _problems: &mut Problems) {}
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
        let name = reader.parsed("name", key_name);
        let words = [("lease", Mode::Lease), ("shared", Mode::Shared)];
        let mode = reader.choice_or("mode", &words, Mode::Lease);
        let access = Access::take(&mut reader);
        let (databases, url) = (
            reader.all("databases", check::printable),
            reader.optional("url", check::base_url),
        );
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

/// What a document may be called.
pub(crate) fn key_name(text: &str) -> Result<String, String> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match (1..=128).contains(&text.len()) && text.bytes().all(letter) && !text.starts_with('.') {
        true => Ok(text.to_owned()),
        false => Err(
            "is not the name of a document: write 1 to 128 of a-z, A-Z, 0-9, `.`, `_` and `-`, and no `.` in front"
                .to_owned(),
        ),
    }
}

/// An http URL beyond this machine shows the shared password to everybody on the way.
pub(crate) fn check_url(url: &Url, upstream: &UpstreamConfig) -> Result<(), String> {
    if url.scheme() == "https" || upstream.allow_insecure_http || check::is_loopback(url) {
        return Ok(());
    }
    Err("names an InfluxDB that would be sent the password in the clear: use https, or set upstream.allow_insecure_http = true".to_owned())
}
