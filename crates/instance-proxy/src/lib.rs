//! People's own compute instances, over HTTP and WebSocket.
//!
//! The platform's token (who, and where their instance is), the routes of `proxy.conf.json` (which part of it), and nothing of the
//! platform's for the instance itself. Start reading at `site.rs`, then `proxy_core::instances`.

mod config;
mod routes;
mod site;

use std::{rc::Rc, sync::Arc, time::Duration};

use self::{config::TenantConfig, routes::Routes, site::Instances};
use anyhow::Context as _;
use proxy_core::{
    About,
    auth::{self, Authenticators, IdentityConfig},
    config::{
        Alias, Document, Problems, Reader, Validate,
        sections::{LogConfig, ServerConfig, TlsConfig},
    },
    headers::{HeaderPolicy, Passing},
    instances::{COOKIE, Callers, Directory, InstancesConfig, Pages, Places, Sessions},
    realm::Realm,
    service::Service,
    staying::Stays,
    telemetry::Metrics,
    tenant::Kind,
    upstream::{Paths, Reception, Redirects},
};

/// How soon it is noticed at open tunnels that access has ended, where VISA is not asked.
const STATIC_REFRESH: Duration = Duration::from_secs(60);

/// What the binary says of itself.
pub const ABOUT: About = About {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    description: env!("CARGO_PKG_DESCRIPTION"),
    repository_url: None,
    documentation_url: None,
    defaults: include_str!("../config/default.toml"),
    aliases: &[
        alias("VISA_JUPYTER_PROXY_SERVER_HOST", "server.host"),
        alias("VISA_JUPYTER_PROXY_SERVER_PORT", "server.port"),
        alias("VISA_JUPYTER_PROXY_API_HOST", "tenant[0].instances.api_host"),
        alias("VISA_JUPYTER_PROXY_API_PORT", "tenant[0].instances.api_port"),
        alias(
            "VISA_JUPYTER_PROXY_CACHE_REFRESH_TIME_S",
            "tenant[0].instances.refresh_seconds",
        ),
        alias("VISA_JUPYTER_PROXY_STORAGE_DIR", "tenant[0].sessions.directory"),
        alias("VISA_JUPYTER_PROXY_LOG_LEVEL", "log.level"),
        alias("VISA_JUPYTER_PROXY_LOG_TIMEZONE", ""),
        alias("VISA_JUPYTER_PROXY_LOG_SYSLOG_HOST", ""),
        alias("VISA_JUPYTER_PROXY_LOG_SYSLOG_PORT", ""),
        alias("VISA_JUPYTER_PROXY_LOG_SYSLOG_APP_NAME", ""),
    ],
    secrets: &[],
};

const fn alias(variable: &'static str, key: &'static str) -> Alias {
    Alias {
        variable,
        key,
        lead: "",
    }
}

/// What all instances have in common: they see who calls, so that the lists of headers are `headers::visible`'s.
const KIND: Kind = Kind {
    not_found: routes::NOT_FOUND,
    paths: Paths::Opaque,
    redirects: Redirects::Relay,
    headers: HeaderPolicy {
        request: Passing::Only(&[]),
        response: Passing::Only(&[]),
        request_defaults: &[],
        sandbox: false,
    },
    body_media: &[],
    reception: |_, _| Reception::Unsaid,
    extra_query: |_, _| None,
    presets: "",
    operations: "{}",
    user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")),
};

/// Scopes that a Gafaelfawr token needs unless the configuration says otherwise.
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
        let (identity, tenant) = (reader.list_if_any("identity"), reader.list("tenant"));
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
        let table = |tenant: &TenantConfig| format!("{}\n{}", tenant.realm.name, tenant.routes.table());
        self.tenant.iter().map(table).collect::<Vec<_>>().join("\n")
    }
}

impl Validate for Config {
    fn validate(&self, problems: &mut Problems) {
        let local =
            |entry: &IdentityConfig| matches!(entry, IdentityConfig::Oidc(_) | IdentityConfig::Introspection(_));
        for (index, tenant) in self.tenant.iter().enumerate() {
            let needs = !tenant.realm.required_scopes.is_empty() || !tenant.realm.required_groups.is_empty();
            match tenant.instances {
                InstancesConfig::Static if self.identity.is_empty() => {
                    let what = "is empty, so that nobody could sign in: add one, as instances.kind is `static`";
                    problems.add("identity", what);
                }
                InstancesConfig::Visa { .. } if !self.identity.iter().all(local) => {
                    let what = "says who calls, as VISA does: beside it only `oidc` and `introspection` check tokens";
                    problems.add("identity", what);
                }
                InstancesConfig::Visa { .. } if needs && self.identity.is_empty() => {
                    let what =
                        "asks for scopes or groups, which VISA tells nothing of: add an `[[identity]]` of kind `oidc`";
                    problems.add(format!("tenant[{index}]"), what);
                }
                _ => {}
            }
        }
    }
}

/// What the workers share of one tenant.
pub(crate) struct Shared {
    routes: Arc<Routes>,
    callers: Arc<Callers>,
    stays: Arc<Stays>,
    sessions: Option<Arc<Sessions>>,
    hidden_cookies: Vec<String>,
    allowed_origins: Vec<String>,
}

/// The service that `config` describes.
///
/// # Errors
/// A file that the configuration names and that cannot be read.
pub fn service(config: &Config) -> anyhow::Result<Service> {
    let metrics = Metrics::new(ABOUT.name, ABOUT.version);
    let schemes = Authenticators::new(&config.identity, &metrics)?;
    let service = Service::new(ABOUT, &config.server, &config.tls, schemes.clone(), &metrics)?;
    let schemes = Some(schemes).filter(|_| !config.identity.is_empty());
    config.tenant.iter().try_fold(service, |service, tenant| {
        let shared = Shared::new(tenant, &config.server, schemes.clone(), &metrics);
        let shared = Arc::new(shared.with_context(|| format!("tenant `{}`", tenant.realm.name))?);
        let realm = Realm::new(&tenant.realm, &config.server, &metrics);
        let pages = Authenticators::only(Pages::of(&shared.callers), &metrics);
        let service = match &shared.sessions {
            Some(sessions) => service.beside(sessions.background()),
            None => service,
        };
        Ok(shared.routes.prefixes().into_iter().fold(service, |service, prefix| {
            let (shared, realm, pages) = (shared.clone(), realm.clone(), pages.clone());
            service.site(prefix, move |clients| {
                Rc::new(Instances::new(&shared, &realm, &pages, clients))
            })
        }))
    })
}

impl Shared {
    fn new(
        tenant: &TenantConfig,
        server: &ServerConfig,
        schemes: Option<Authenticators>,
        metrics: &Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let routes = tenant.routes.clone();
        let ports = routes.0.iter().map(|route| (route.name.clone(), route.port)).collect();
        let places = Places::new(ports, KIND, &tenant.upstream);
        let directory = Directory::new(&tenant.instances, &tenant.listed, places, metrics)?;
        let (within, sessions) = match (&tenant.instances, &directory) {
            (InstancesConfig::Visa { refresh, .. }, Directory::Visa(api)) => (
                *refresh,
                Some(Sessions::new(
                    api,
                    tenant.sessions.directory.join(&tenant.realm.name),
                    metrics,
                )),
            ),
            _ => (STATIC_REFRESH, None),
        };
        let for_pages = routes.clone();
        let find_id = move |target: &str| for_pages.find(target).map(|asked| asked.id.to_owned());
        let public = server.public_url.as_ref().map(|url| url.origin().ascii_serialization());
        let hidden = [COOKIE.to_owned()]
            .into_iter()
            .chain(tenant.hidden_cookies.iter().cloned());
        Ok(Self {
            callers: Callers::new(directory, schemes, Box::new(find_id), metrics),
            routes,
            stays: Stays::new(within),
            sessions,
            hidden_cookies: hidden.collect(),
            allowed_origins: tenant.allowed_origins.iter().cloned().chain(public).collect(),
        })
    }
}
