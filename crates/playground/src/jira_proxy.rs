//! jira-proxy inside the playground: a Basic credential from a file, the built-in policy with attachments published.

use std::net::SocketAddr;
use std::path::Path;

use crate::addresses::JIRA_PREFIX;
use crate::service::{self, Ports, Service, Surroundings, quoted};

/// The name under which jira-proxy knows itself to the demo Jira.
pub(crate) const BOT: &str = "demo-bot";

/// What it is told.
pub(crate) struct Wiring<'a> {
    pub(crate) around: &'a Surroundings,
    pub(crate) ports: Ports,
    pub(crate) demo_jira: SocketAddr,
    pub(crate) password_file: &'a Path,
}

fn config_toml(wiring: &Wiring<'_>) -> String {
    let Wiring {
        around,
        ports,
        demo_jira,
        password_file,
    } = wiring;
    let (common, password_file) = (around.config_toml(*ports), quoted(password_file));
    format!(
        r#"{common}
[[tenant]]
name = "default"
prefix = "{JIRA_PREFIX}"

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

pub(crate) async fn start_jira_proxy(wiring: &Wiring<'_>) -> anyhow::Result<Service> {
    service::start(&jira_proxy::ABOUT, &config_toml(wiring), jira_proxy::service).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_toml_and_holds_no_secret() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let text = config_toml(&Wiring {
            around: &Surroundings {
                host: at(0).ip(),
                public: at(0).ip(),
                issuer: at(40002),
                certificates: None,
            },
            ports: Ports {
                public: 8080,
                admin: 8090,
            },
            demo_jira: at(40001),
            password_file: Path::new("/tmp/a \"b\"/password"),
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
