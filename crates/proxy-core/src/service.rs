//! One running service: listeners, workers, deadlines, drain.
//!
//! Built on actix-http's own parts rather than `HttpServer`, which sends `100 Continue` before anybody has decided
//! anything and leaves a half-sent second request head open for ever.

mod admin;
mod background;
mod expect;
mod guard;
mod layer;
mod lifecycle;
mod listener;
mod progress;
mod socket;
mod stream;
mod tls;
mod turns;
mod upgrade;

use std::{path::Path, rc::Rc, sync::Arc};

use actix_web::web;

use self::tls::Certificate;
pub use self::{background::Background, lifecycle::Running};
use crate::{
    About,
    auth::Authenticators,
    client::{self, PlatformClient},
    config::{
        ServiceConfig, Tenants,
        sections::{ServerConfig, TlsConfig},
    },
    site::{Mount, Site},
    telemetry::{Lines, Metrics},
    transport::Transport,
};

/// One worker's HTTP clients.
#[derive(Clone)]
pub struct Clients {
    /// Asks platforms.
    pub platform: PlatformClient,
    /// Forwards bytes.
    pub upstream: Transport,
}

impl Clients {
    pub(crate) fn new(tls: &Arc<rustls::ClientConfig>) -> Self {
        Self {
            platform: PlatformClient::new(tls.clone()),
            upstream: Transport::new(tls.clone()),
        }
    }
}

type BuildSite = dyn Fn(&Clients) -> Rc<dyn Mount> + Send + Sync;
type AddRoutes = dyn Fn(&mut web::ServiceConfig, &Clients) + Send + Sync;

/// A service that is put together and not yet started.
pub struct Service {
    about: About,
    server: ServerConfig,
    certificate: Option<Certificate>,
    tls: Arc<rustls::ClientConfig>,
    metrics: Arc<Metrics>,
    authenticators: Authenticators,
    lines: Lines,
    settings: String,
    sites: Vec<(String, Arc<BuildSite>)>,
    routes: Vec<Arc<AddRoutes>>,
    background: Vec<Arc<dyn Background>>,
}

impl Service {
    /// The service that `config` describes, without its tenants.
    ///
    /// # Errors
    /// A file that an `[[identity]]` names, the extra CA file, the certificate or its key is no good.
    pub fn of<S: Tenants>(about: About, config: &ServiceConfig<S>) -> anyhow::Result<Self> {
        let metrics = Metrics::new(about.name, about.version);
        let authenticators = Authenticators::new(&config.identity, &metrics)?;
        Self::new(about, &config.server, &config.tls, authenticators, &metrics)
    }

    /// A service without routes.
    ///
    /// # Errors
    /// The extra CA file, the certificate or its key is no good.
    pub fn new(
        about: About,
        server: &ServerConfig,
        tls: &TlsConfig,
        authenticators: Authenticators,
        metrics: &Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let certificate = server.tls_files().map(|files| Certificate::new(files, metrics));
        Ok(Self {
            about,
            server: server.clone(),
            certificate: certificate.transpose()?,
            tls: client::tls_config(tls.ca_file.as_deref().map(Path::new))?,
            metrics: metrics.clone(),
            authenticators,
            lines: Lines::discard(),
            settings: String::new(),
            sites: Vec::new(),
            routes: Vec::new(),
            background: Vec::new(),
        })
    }

    /// Where it listens, and how callers reach it.
    #[must_use]
    pub fn server(&self) -> &ServerConfig {
        &self.server
    }

    /// Its schemes, which all tenants share.
    #[must_use]
    pub fn authenticators(&self) -> &Authenticators {
        &self.authenticators
    }

    /// Serves a site below `prefix`. `build` runs once per worker, with that worker's clients.
    #[must_use]
    pub fn site<S: Site>(mut self, prefix: &str, build: impl Fn(&Clients) -> Rc<S> + Send + Sync + 'static) -> Self {
        let build = move |clients: &Clients| -> Rc<dyn Mount> { build(clients) };
        self.sites.push((prefix.to_owned(), Arc::new(build)));
        self
    }

    /// Serves routes of the service's own. They come before the sites.
    #[must_use]
    pub fn routes(mut self, add: impl Fn(&mut web::ServiceConfig, &Clients) + Send + Sync + 'static) -> Self {
        self.routes.push(Arc::new(add));
        self
    }

    /// Has this done beside requests.
    #[must_use]
    pub fn beside(mut self, work: Arc<dyn Background>) -> Self {
        self.background.push(work);
        self
    }

    /// Where audit events go. Without it they go nowhere.
    #[must_use]
    pub fn audit_to(mut self, lines: Lines) -> Self {
        self.lines = lines;
        self
    }

    /// The redacted configuration that the admin listener shows.
    #[must_use]
    pub fn settings(mut self, settings: String) -> Self {
        self.settings = settings;
        self
    }

    /// The service's metrics.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}
