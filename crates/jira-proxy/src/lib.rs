//! Read-only Jira for notebook users, under one service account.
//!
//! Platform token (who), read-only policy (may they), Jira (where), service account (as whom). Everything else is
//! `proxy_core`'s; this crate says what is particular to Jira: its headers, its presets, its names.

mod answer;
mod browse;

use proxy_core::{
    About,
    config::{
        Alias, Problems, SecretAlias, ServiceConfig, Tenants,
        sections::{RealmConfig, TenantConfig},
    },
    headers::{HeaderPolicy, Passing},
    proxy::Proxy,
    service::Service,
    tenant::{Kind, Tenant, tenant_policy},
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
        Alias::new("JIRA_BASE_URL", "tenant[0].upstream.url"),
        Alias::new("JIRA_USERNAME", "tenant[0].credential.username"),
        Alias::new("SAFIR_PATH_PREFIX", "tenant[0].prefix"),
        Alias::new("SAFIR_LOG_LEVEL", "log.level"),
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

/// The whole configuration: `config/default.toml` explains each key.
pub type Config = ServiceConfig<Jira>;

/// What the configuration has of its own.
#[derive(Debug)]
pub struct Jira;

impl Tenants for Jira {
    type Tenant = TenantConfig;

    /// jira-data-proxy's own.
    const GAFAELFAWR_SCOPES: &'static [&'static str] = &["exec:notebook"];

    const POLICIES: Option<Kind> = Some(KIND);

    fn realm(tenant: &TenantConfig) -> &RealmConfig {
        &tenant.realm
    }

    fn policy_table(tenant: &TenantConfig) -> String {
        tenant_policy(tenant, &KIND, &mut Problems::default()).to_table()
    }
}

/// The service that `config` describes.
///
/// # Errors
/// A file that the configuration names and that cannot be read.
pub fn service(config: &Config) -> anyhow::Result<Service> {
    let service = Service::of(ABOUT, config)?;
    config.tenant.iter().try_fold(service, |service, tenant| {
        let browse_base = tenant
            .upstream
            .public_url
            .as_ref()
            .unwrap_or(&tenant.upstream.url)
            .clone();
        let tenant = Tenant::new(tenant, service.server(), KIND, service.metrics())?; // shared by the workers
        let (prefix, authenticators) = (tenant.realm().prefix().to_owned(), service.authenticators().clone());
        let service = service.routes(browse::routes(&tenant, &browse_base));
        Ok(service.site(&prefix, move |clients| Proxy::new(&authenticators, &tenant, clients)))
    })
}
