//! EFD databases for notebook users, without anybody holding the shared password.
//!
//! Hands out documents of a mounted secret in the dialects of segwarides and Repertoire: a lease, which is a password of the
//! caller's own that is good for queries through this service, or the document itself. Queries are read before they are sent:
//! only statements that read pass. Start reading at `site.rs`, then `query.rs`.

mod config;
mod hand_out;
mod query;
mod site;
mod store;

use std::{fmt::Write as _, rc::Rc, sync::Arc};

use anyhow::Context as _;
use proxy_core::{
    About,
    auth::{self, Authenticators, IdentityConfig},
    config::{
        Alias, Document, Problems, Reader, Validate,
        sections::{LogConfig, PolicyConfig, ServerConfig, TlsConfig},
    },
    entrance::Entrance,
    forward::Forwarder,
    headers::{HeaderPolicy, Passing},
    lease::{LeaseHolders, Leases},
    policy::{self, Policy, Presets},
    realm::Realm,
    service::Service,
    telemetry::Metrics,
    tenant::Kind,
    upstream::{Paths, Reception, Redirects},
};

use self::{
    config::{KeyConfig, TenantConfig},
    site::{Discovery, Keys, Segwarides},
    store::Store,
};

/// What the binary says of itself.
pub const ABOUT: About = About {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    description: env!("CARGO_PKG_DESCRIPTION"),
    repository_url: None,
    documentation_url: None,
    defaults: include_str!("../config/default.toml"),
    aliases: &[
        Alias {
            variable: "SAFIR_NAME",
            key: "tenant[0].prefix",
            lead: "/",
        },
        Alias {
            variable: "CREDENTIAL_PATH",
            key: "tenant[0].directory",
            lead: "",
        },
        Alias {
            variable: "SAFIR_LOG_LEVEL",
            key: "log.level",
            lead: "",
        },
    ],
    secrets: &[],
};

/// What all InfluxDBs have in common.
const KIND: Kind = Kind {
    not_found: "there is no such page: `list`, `creds/{key}` and `efd/{key}/query` are here",
    paths: Paths::Strict,
    redirects: Redirects::Follow,
    headers: HeaderPolicy {
        request: Passing::Only(&["accept", "accept-encoding"]),
        response: Passing::Only(&["content-type", "content-encoding", "date", "cache-control", "vary"]),
        request_defaults: &[("accept", "application/json")],
        sandbox: true,
    },
    body_media: &["application/x-www-form-urlencoded"],
    reception: |status, _| Reception::by_status(status),
    extra_query: |_, _| None,
    presets: include_str!("../config/policy.toml"),
    operations: include_str!("../config/operations.json"),
    user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")),
};

/// Scopes that a Gafaelfawr token needs unless the configuration says otherwise: Repertoire's own.
const GAFAELFAWR_SCOPES: &[&str] = &["read:sasquatch"];

/// The whole configuration: `config/default.toml` explains each key.
#[derive(Debug)]
pub struct Config {
    server: ServerConfig,
    log: LogConfig,
    tls: TlsConfig,
    identity: Vec<IdentityConfig>,
    tenant: Vec<TenantConfig>,
}

impl Document for Config {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (server, log, tls) = (reader.section("server"), reader.section("log"), reader.section("tls"));
        let (identity, tenant) = (reader.list("identity"), reader.list("tenant"));
        let mut config = Self {
            server: server?,
            log: log?,
            tls: tls?,
            identity: identity?,
            tenant: tenant?,
        };
        auth::config::apply_defaults(&mut config.identity, GAFAELFAWR_SCOPES);
        Some(config)
    }

    fn log(&self) -> &LogConfig {
        &self.log
    }

    fn print_policy(&self) -> String {
        let table = |tenant: &TenantConfig| format!("{} {}\n{}", tenant.realm.name, tenant.realm.prefix, table(tenant));
        self.tenant.iter().map(table).collect::<Vec<_>>().join("\n")
    }
}

impl Validate for Config {
    /// Each section has been checked where it was read.
    fn validate(&self, _problems: &mut Problems) {}
}

/// Who may read which key, then what reaches an InfluxDB.
fn table(tenant: &TenantConfig) -> String {
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

/// What may be sent to an InfluxDB, once its statements have been read.
fn sent() -> Policy {
    let config = PolicyConfig {
        preset: "read-only".to_owned(),
        publish: Vec::new(),
        rule: Vec::new(),
    };
    let rules = policy::rules(&config, &Presets::built_in(KIND.presets), &mut Problems::default());
    Policy::new(rules, KIND.not_found)
}

/// The service that `config` describes.
///
/// # Errors
/// A file or directory that the configuration names and that cannot be read.
pub fn service(config: &Config) -> anyhow::Result<Service> {
    let metrics = Metrics::new(ABOUT.name, ABOUT.version);
    let authenticators = Authenticators::new(&config.identity, &metrics)?;
    let service = Service::new(ABOUT, &config.server, &config.tls, authenticators.clone(), &metrics)?;
    config.tenant.iter().try_fold(service, |service, tenant| {
        let shared = Shared::new(tenant, &config.server, &authenticators, &metrics)
            .with_context(|| format!("tenant `{}`", tenant.realm.name))?;
        let (for_keys, for_discovery) = (shared.clone(), shared);
        let service = service.site(&tenant.realm.prefix, move |clients| {
            Rc::new(Segwarides(for_keys.keys(clients)))
        });
        Ok(match tenant.discovery_prefix.clone() {
            None => service,
            Some(prefix) => service.site(&prefix.clone(), move |clients| {
                Rc::new(Discovery {
                    keys: for_discovery.keys(clients),
                    prefix: prefix.clone(),
                })
            }),
        })
    })
}

/// What the workers share of one tenant.
#[derive(Clone)]
struct Shared {
    authenticators: Authenticators,
    with_leases: Authenticators,
    realm: Arc<Realm>,
    store: Arc<Store>,
    leases: Arc<Leases>,
    audits_statements: bool,
    table: Arc<str>,
}

impl Shared {
    fn new(
        tenant: &TenantConfig,
        server: &ServerConfig,
        authenticators: &Authenticators,
        metrics: &Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let realm = Realm::new(&tenant.realm, server, metrics);
        let leases = Arc::new(Leases::new(&tenant.lease, realm.metrics())?);
        Ok(Self {
            authenticators: authenticators.behind(Box::new(LeaseHolders::refused()), metrics),
            with_leases: authenticators.behind(Box::new(LeaseHolders::admitted(&leases)), metrics),
            store: Arc::new(Store::new(tenant, &realm)?),
            realm,
            leases,
            audits_statements: tenant.audit.statements,
            table: table(tenant).into(),
        })
    }

    fn keys(&self, clients: &proxy_core::service::Clients) -> Rc<Keys> {
        Rc::new(Keys {
            entrance: Entrance::new(&self.authenticators, &self.realm, clients),
            query_entrance: Entrance::new(&self.with_leases, &self.realm, clients),
            policy: sent(),
            forwarder: Forwarder::new(clients.upstream.clone(), KIND, self.realm.metrics().clone()),
            shared: self.clone(),
        })
    }
}
