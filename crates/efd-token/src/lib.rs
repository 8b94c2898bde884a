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

use std::{rc::Rc, sync::Arc};

use anyhow::Context as _;
use proxy_core::{
    About,
    auth::Authenticators,
    config::{Alias, Tenants as _},
    entrance::Entrance,
    forward::Forwarder,
    headers::{HeaderPolicy, Passing},
    lease::{LeaseHolders, Leases},
    policy::Policy,
    realm::Realm,
    service::{Clients, Service},
    tenant::Kind,
    upstream::{Paths, Reception, Redirects},
};

pub use self::config::Config;
use self::{
    config::{Efd, TenantConfig},
    site::{Dialect, Keys},
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
        Alias::new("CREDENTIAL_PATH", "tenant[0].directory"),
        Alias::new("SAFIR_LOG_LEVEL", "log.level"),
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

/// What may be sent to an InfluxDB, once its statements have been read.
fn sent() -> Policy {
    KIND.preset("read-only")
}

/// The service that `config` describes.
///
/// # Errors
/// A file or directory that the configuration names and that cannot be read.
pub fn service(config: &Config) -> anyhow::Result<Service> {
    let service = Service::of(ABOUT, config)?;
    config.tenant.iter().try_fold(service, |service, tenant| {
        let shared = Shared::new(tenant, &service).with_context(|| format!("tenant `{}`", tenant.realm.name))?;
        Ok(tenant.prefixes().fold(service, |service, (_, dialect, prefix)| {
            let (shared, below) = (shared.clone(), prefix.clone());
            service.site(prefix, move |clients| shared.keys(dialect, &below, clients))
        }))
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
    fn new(tenant: &TenantConfig, service: &Service) -> anyhow::Result<Self> {
        let (authenticators, metrics) = (service.authenticators(), service.metrics());
        let realm = Realm::new(&tenant.realm, service.server(), metrics);
        let leases = Arc::new(Leases::new(&tenant.lease, realm.metrics())?);
        Ok(Self {
            authenticators: authenticators.behind(Box::new(LeaseHolders::refused()), metrics),
            with_leases: authenticators.behind(Box::new(LeaseHolders::admitted(&leases)), metrics),
            store: Arc::new(Store::new(tenant, &realm)?),
            realm,
            leases,
            audits_statements: tenant.audits_statements,
            table: Efd::policy_table(tenant).into(),
        })
    }

    fn keys(&self, dialect: Dialect, prefix: &str, clients: &Clients) -> Rc<Keys> {
        Rc::new(Keys {
            dialect,
            prefix: prefix.to_owned(),
            entrance: Entrance::new(&self.authenticators, &self.realm, clients),
            query_entrance: Entrance::new(&self.with_leases, &self.realm, clients),
            policy: sent(),
            forwarder: Forwarder::new(clients.upstream.clone(), KIND, self.realm.metrics().clone()),
            shared: self.clone(),
        })
    }
}
