//! Read-only Jira for notebook users, under one service account.
//!
//! Platform token (who), read-only policy (may they), Jira (where), service account (as whom). Everything else is
//! `proxy_core`'s; this crate says what is particular to Jira: its headers, its presets, its names.

mod answer;
mod browse;

use proxy_core::{
    About,
    auth::{self, Authenticators, IdentityConfig},
    config::{
        Alias, Document, Problems, Reader, SecretAlias, Validate,
        sections::{LogConfig, ServerConfig, TenantConfig, TlsConfig},
    },
    headers::{HeaderPolicy, Passing},
    proxy::Proxy,
    service::Service,
    telemetry::Metrics,
    tenant::{Kind, Tenant, check_policy, tenant_policy},
    upstream::{Paths, Redirects},
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
            variable: "JIRA_BASE_URL",
            key: "tenant[0].upstream.url",
            lead: "",
        },
        Alias {
            variable: "JIRA_USERNAME",
            key: "tenant[0].credential.username",
            lead: "",
        },
        Alias {
            variable: "SAFIR_PATH_PREFIX",
            key: "tenant[0].prefix",
            lead: "",
        },
        Alias {
            variable: "SAFIR_LOG_LEVEL",
            key: "log.level",
            lead: "",
        },
    ],
    secrets: &[SecretAlias {
        variable: "JIRA_PASSWORD",
        key: "tenant[0].credential.password",
    }],
};

/// What all tenants have in common.
pub const KIND: Kind = Kind {
    not_found: "Path does not resolve to a URL on the Jira server",
    paths: Paths::Strict,
    redirects: Redirects::Follow,
    headers: HEADERS,
    // A form could carry a login (`os_username`).
    body_media: &["application/json"],
    reception: answer::reception,
    extra_query: answer::extra_query,
    presets: include_str!("../config/policy.toml"),
    operations: include_str!("../config/operations.json"),
    user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")),
};

/// Jira's session cookies, the account's name (`X-AUSERNAME`) and login hints stay with Jira.
const HEADERS: HeaderPolicy = HeaderPolicy {
    request: Passing::Only(&[
        "accept",
        "accept-encoding",
        "accept-language",
        "content-type",
        "if-none-match",
        "if-modified-since",
        "if-match",
        "if-range",
        "range",
    ]),
    response: Passing::Only(&[
        "content-type",
        "content-encoding",
        "content-disposition",
        "content-language",
        "content-range",
        "accept-ranges",
        "etag",
        "last-modified",
        "cache-control",
        "retry-after",
        "link",
        "vary",
        "date",
    ]),
    request_defaults: &[("accept", "application/json")],
    sandbox: true,
};

/// Scopes that a Gafaelfawr token needs unless the configuration says otherwise: jira-data-proxy's own.
const GAFAELFAWR_SCOPES: &[&str] = &["exec:notebook"];

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
        let (identity, tenant) = (
            reader.list("identity"),
            reader.list_with("tenant", |tenant, problems| check_policy(tenant, &KIND, problems)),
        );
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
        let table = |tenant: &TenantConfig| {
            let policy = tenant_policy(tenant, &KIND, &mut Problems::default());
            format!("{} {}\n{}", tenant.realm.name, tenant.realm.prefix, policy.to_table())
        };
        self.tenant.iter().map(table).collect::<Vec<_>>().join("\n")
    }
}

impl Validate for Config {
    /// Each section has been checked where it was read.
    fn validate(&self, _problems: &mut Problems) {}
}

/// The service that `config` describes.
///
/// # Errors
/// A file that the configuration names and that cannot be read.
pub fn service(config: &Config) -> anyhow::Result<Service> {
    let metrics = Metrics::new(ABOUT.name, ABOUT.version);
    let authenticators = Authenticators::new(&config.identity, &metrics)?;
    let service = Service::new(ABOUT, &config.server, &config.tls, authenticators.clone(), &metrics)?;
    config.tenant.iter().try_fold(service, |service, tenant| {
        let browse_base = tenant
            .upstream
            .public_url
            .as_ref()
            .unwrap_or(&tenant.upstream.url)
            .clone();
        let tenant = Tenant::new(tenant, &config.server, KIND, &metrics)?; // shared by the workers
        let (prefix, authenticators) = (tenant.realm().prefix().to_owned(), authenticators.clone());
        let service = service.routes(browse::routes(&tenant, &browse_base));
        Ok(service.site(&prefix, move |clients| Proxy::new(&authenticators, &tenant, clients)))
    })
}
