//! jira-proxy inside the playground: its configuration, its start and its end.
//!
//! The configuration is an ordinary one, which an operator could have written: the `oidc` path, a Basic credential
//! from a file, the built-in policy with attachments published.

use std::net::{IpAddr, SocketAddr};
use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::Context;
use proxy_core::{bootstrap, config::Environment, service::Running};
use tokio::time::{sleep, timeout};

use crate::addresses::PREFIX;
use crate::certificates::Certificates;
use crate::issuer::AUDIENCE;

/// The name under which jira-proxy knows itself to the demo Jira.
pub(crate) const BOT: &str = "demo-bot";

/// What jira-proxy is told.
pub(crate) struct Wiring<'a> {
    pub(crate) host: IpAddr,
    /// 0 takes any free port, like `admin_port`.
    pub(crate) port: u16,
    pub(crate) admin_port: u16,
    pub(crate) demo_jira: SocketAddr,
    pub(crate) issuer: SocketAddr,
    pub(crate) password_file: &'a Path,
    /// With them it speaks https.
    pub(crate) certificates: Option<&'a Certificates>,
}

fn config_toml(wiring: &Wiring<'_>) -> String {
    let Wiring {
        host,
        port,
        admin_port,
        demo_jira,
        issuer,
        password_file,
        certificates,
    } = wiring;
    let tls = certificates.map(Certificates::server_toml).unwrap_or_default();
    // TOML's own quoting: a temporary directory may have any name.
    let password_file = toml::Value::from(password_file.to_string_lossy().into_owned());
    format!(
        r#"[server]
host = "{host}"
port = {port}
admin_host = "{host}"
admin_port = {admin_port}
{tls}
[[identity]]
kind = "oidc"
issuer = "http://{issuer}"
audience = ["{AUDIENCE}"]

[[tenant]]
name = "default"
prefix = "{PREFIX}"

[tenant.upstream]
url = "http://{demo_jira}/"

[tenant.credential]
kind = "basic"
username = "{BOT}"
password_file = {password_file}

[tenant.policy]
publish = ["attachments"]
"#
    )
}

/// A running jira-proxy.
pub(crate) struct JiraProxy(Running);

/// Starts jira-proxy and returns once it can tell callers apart. The one place where the playground meets the service.
pub(crate) async fn start_jira_proxy(wiring: &Wiring<'_>) -> anyhow::Result<JiraProxy> {
    let environment = Environment::from(HashMap::new());
    let config = bootstrap::load_str::<jira_proxy::Config>(&jira_proxy::ABOUT, &config_toml(wiring), &environment)
        .map_err(|problems| anyhow::anyhow!("jira-proxy's configuration:\n{problems}"))?;
    let running = jira_proxy::service(&config)?.start()?;
    let keys = async {
        while !running.ready() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(5), keys)
        .await
        .context("jira-proxy cannot read the issuer's keys")?;
    Ok(JiraProxy(running))
}

impl JiraProxy {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_toml_and_holds_no_secret() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let text = config_toml(&Wiring {
            host: at(0).ip(),
            port: 8080,
            admin_port: 8090,
            demo_jira: at(40001),
            issuer: at(40002),
            password_file: Path::new("/tmp/a \"b\"/password"),
            certificates: None,
        });
        let config: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(config["server"]["port"].as_integer(), Some(8080));
        assert_eq!(config["server"]["admin_port"].as_integer(), Some(8090));
        assert_eq!(config["identity"][0]["issuer"].as_str(), Some("http://127.0.0.1:40002"));
        let tenant = &config["tenant"][0];
        assert_eq!(tenant["upstream"]["url"].as_str(), Some("http://127.0.0.1:40001/"));
        assert_eq!(
            tenant["credential"]["password_file"].as_str(),
            Some("/tmp/a \"b\"/password")
        );
        assert!(tenant["credential"].get("password").is_none());
        assert!(config["server"].get("tls_key_file").is_none());
    }
}
