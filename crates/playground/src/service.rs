//! A service inside the playground: what every service is told, its start and its end.
//!
//! The configurations are ordinary ones, which an operator could have written; this is where the playground meets
//! services.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use proxy_core::config::{Document, Environment};
use proxy_core::service::{self, Running};
use proxy_core::{About, bootstrap};
use tokio::time::{sleep, timeout};

use crate::certificates::Certificates;
use crate::issuer::AUDIENCE;

/// What is the same for every service.
pub(crate) struct Surroundings {
    /// Where everything is that is only for this machine.
    pub(crate) host: IpAddr,
    /// Where callers are served.
    pub(crate) public: IpAddr,
    pub(crate) issuer: SocketAddr,
    /// With them services speak https.
    pub(crate) certificates: Option<Certificates>,
}

/// Of one service; 0 takes any free port.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) public: u16,
    pub(crate) admin: u16,
}

impl Surroundings {
    /// Where it listens, and who vouches for callers.
    pub(crate) fn config_toml(&self, ports: Ports) -> String {
        let Self {
            host,
            public,
            issuer,
            certificates,
        } = self;
        let Ports { public: port, admin } = ports;
        let tls = certificates.as_ref().map(Certificates::server_toml).unwrap_or_default();
        format!(
            r#"[server]
host = "{public}"
port = {port}
admin_host = "{host}"
admin_port = {admin}
{tls}
[[identity]]
kind = "oidc"
issuer = "http://{issuer}"
audience = ["{AUDIENCE}"]
"#
        )
    }
}

/// TOML's own quoting: a temporary directory may have any name.
pub(crate) fn quoted(path: &Path) -> toml::Value {
    path.to_string_lossy().into_owned().into()
}

/// A running service.
pub(crate) struct Service(Running);

/// Starts it and returns once it can tell callers apart.
pub(crate) async fn start<C: Document>(
    about: &About,
    config: &str,
    service: fn(&C) -> anyhow::Result<service::Service>,
) -> anyhow::Result<Service> {
    let environment = Environment::from(HashMap::new());
    let config = bootstrap::load_str::<C>(about, config, &environment)
        .map_err(|problems| anyhow::anyhow!("the configuration of {}:\n{problems}", about.name))?;
    let running = service(&config)?.start()?;
    let keys = async {
        while !running.ready() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(5), keys)
        .await
        .with_context(|| format!("{} cannot read the issuer's keys", about.name))?;
    Ok(Service(running))
}

impl Service {
    pub(crate) fn public(&self) -> SocketAddr {
        self.0.public
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        self.0.admin
    }

    /// Ends it at once: a demo has nobody to wait for.
    pub(crate) async fn stop(self) {
        self.0.stop().await;
    }
}
