//! People's own compute instances, over HTTP and WebSocket.
//!
//! The platform's token (who, and where their instance is), the routes of `proxy.conf.json` (which part of it), and nothing of the
//! platform's for the instance itself. Start reading at `site.rs`, then `proxy_core::instances`.

mod config;
mod routes;
mod site;

use std::{rc::Rc, sync::Arc, time::Duration};

use anyhow::Context as _;
use proxy_core::{
    About,
    auth::{Authenticators, IdentityConfig},
    config::{Alias, Problems, ServiceConfig, Tenants, sections::RealmConfig},
    headers::{HeaderPolicy, Passing},
    instances::{COOKIE, Callers, Directory, InstancesConfig, Pages, Places, Sessions},
    realm::Realm,
    service::Service,
    staying::Stays,
    telemetry::Metrics,
    tenant::Kind,
    upstream::{Paths, Reception, Redirects},
};

pub use self::config::TenantConfig;
use self::{routes::Routes, site::Instances};

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
        Alias::new("VISA_JUPYTER_PROXY_SERVER_HOST", "server.host"),
        Alias::new("VISA_JUPYTER_PROXY_SERVER_PORT", "server.port"),
        Alias::new("VISA_JUPYTER_PROXY_API_HOST", "tenant[0].instances.api_host"),
        Alias::new("VISA_JUPYTER_PROXY_API_PORT", "tenant[0].instances.api_port"),
        Alias::new(
            "VISA_JUPYTER_PROXY_CACHE_REFRESH_TIME_S",
            "tenant[0].instances.refresh_seconds",
        ),
        Alias::new("VISA_JUPYTER_PROXY_STORAGE_DIR", "tenant[0].sessions.directory"),
        Alias::new("VISA_JUPYTER_PROXY_LOG_LEVEL", "log.level"),
        Alias::new("VISA_JUPYTER_PROXY_LOG_TIMEZONE", ""),
        Alias::new("VISA_JUPYTER_PROXY_LOG_SYSLOG_HOST", ""),
        Alias::new("VISA_JUPYTER_PROXY_LOG_SYSLOG_PORT", ""),
        Alias::new("VISA_JUPYTER_PROXY_LOG_SYSLOG_APP_NAME", ""),
    ],
    secrets: &[],
};

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

/// The whole configuration: `config/default.toml` explains each key.
pub type Config = ServiceConfig<Machines>;

/// What the configuration has of its own.
#[derive(Debug)]
pub struct Machines;

impl Tenants for Machines {
    type Tenant = TenantConfig;

    const GAFAELFAWR_SCOPES: &'static [&'static str] = &["exec:notebook"];

    const NEEDS_IDENTITY: bool = false; // VISA says who calls

    fn check(config: &Config, problems: &mut Problems) {
        let local =
            |entry: &IdentityConfig| matches!(entry, IdentityConfig::Oidc(_) | IdentityConfig::Introspection(_));
        for (index, tenant) in config.tenant.iter().enumerate() {
            let needs = !tenant.realm.required_scopes.is_empty() || !tenant.realm.required_groups.is_empty();
            match tenant.instances {
                InstancesConfig::Static if config.identity.is_empty() => {
                    let what = "is empty, so that nobody could sign in: add one, as instances.kind is `static`";
                    problems.add("identity", what);
                }
                InstancesConfig::Visa { .. } if !config.identity.iter().all(local) => {
                    let what = "says who calls, as VISA does: beside it only `oidc` and `introspection` check tokens";
                    problems.add("identity", what);
                }
                InstancesConfig::Visa { .. } if needs && config.identity.is_empty() => {
                    let what =
                        "asks for scopes or groups, which VISA tells nothing of: add an `[[identity]]` of kind `oidc`";
                    problems.add(format!("tenant[{index}]"), what);
                }
                _ => {}
            }
        }
    }

    fn realm(tenant: &TenantConfig) -> &RealmConfig {
        &tenant.realm
    }

    fn policy_table(tenant: &TenantConfig) -> String {
        tenant.routes.table()
    }
}

/// What the workers share of one tenant.
pub(crate) struct Shared {
    routes: Arc<Routes>,
    callers: Arc<Callers>,
    stays: Arc<Stays>,
    sessions: Option<Arc<Sessions>>,
    hidden_cookies: Vec<String>,
    hidden_headers: Vec<String>,
    allowed_origins: Vec<String>,
}

/// The service that `config` describes.
///
/// # Errors
/// A file that the configuration names and that cannot be read.
pub fn service(config: &Config) -> anyhow::Result<Service> {
    let service = Service::of(ABOUT, config)?;
    let schemes = Some(service.authenticators().clone()).filter(|_| !config.identity.is_empty());
    let metrics = service.metrics().clone();
    config.tenant.iter().try_fold(service, |service, tenant| {
        let shared = Shared::new(tenant, config, schemes.clone(), &metrics);
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
        config: &Config,
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
        let public = config
            .server
            .public_url
            .as_ref()
            .map(|url| url.origin().ascii_serialization());
        let hidden_headers = config
            .identity
            .iter()
            .filter_map(IdentityConfig::secret_header)
            .collect();
        let hidden = [COOKIE.to_owned()]
            .into_iter()
            .chain(tenant.hidden_cookies.iter().cloned());
        Ok(Self {
            callers: Callers::new(directory, schemes, Box::new(find_id), metrics),
            routes,
            stays: Stays::new(within),
            sessions,
            hidden_cookies: hidden.collect(),
            hidden_headers,
            allowed_origins: tenant.allowed_origins.iter().cloned().chain(public).collect(),
        })
    }
}
