//! The configuration of the site: as a service's, with a section of tunnels.

use proxy_core::{
    auth::IdentityConfig,
    config::{
        Document, Problems, Reader, Section, Validate,
        sections::{LogConfig, PolicyConfig, RealmConfig, ServerConfig, TlsConfig},
    },
};
use serde_json::Value;
use url::Url;

/// The whole configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) server: ServerConfig,
    log: LogConfig,
    pub(crate) tls: TlsConfig,
    pub(crate) identity: Vec<IdentityConfig>,
    pub(crate) tenant: Vec<TenantConfig>,
}

/// One tenant, its upstream in two keys.
#[derive(Debug)]
pub(crate) struct TenantConfig {
    pub(crate) realm: RealmConfig,
    pub(crate) policy: PolicyConfig,
    pub(crate) url: Url,
    pub(crate) response_timeout_seconds: u64,
    pub(crate) upgrades: bool,
}

impl Section for TenantConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let realm = RealmConfig::take(&mut reader);
        let tunnels = reader.section("tunnels");
        let policy = reader.section("policy");
        let url = reader.parsed("url", |url| Url::parse(url).map_err(|error| error.to_string()));
        let response_timeout_seconds = reader.whole("response_timeout_seconds", 1..=60);
        let upgrades = reader.flag("upgrades");
        let readable = reader.finish();
        let section = Self {
            realm: RealmConfig { tunnels, ..realm? },
            policy: policy?,
            url: url?,
            response_timeout_seconds,
            upgrades,
        };
        Some(section).filter(|_| readable)
    }
}

impl Validate for TenantConfig {
    fn validate(&self, _problems: &mut Problems) {}
}

impl Document for Config {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (server, log, tls) = (reader.section("server"), reader.section("log"), reader.section("tls"));
        let (identity, tenant) = (reader.list("identity"), reader.list("tenant"));
        Some(Self {
            server: server?,
            log: log?,
            tls: tls?,
            identity: identity?,
            tenant: tenant?,
        })
    }

    fn log(&self) -> &LogConfig {
        &self.log
    }

    fn print_policy(&self) -> String {
        String::new()
    }
}

impl Validate for Config {
    fn validate(&self, _problems: &mut Problems) {}
}
