//! instance-proxy inside the playground: one instance, ada's, from the configuration, as on a site without VISA.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::addresses::{INSTANCE_ID, INSTANCE_PREFIX};
use crate::issuer::{ADA, NOTEBOOKS};
use crate::private::write_private;
use crate::service::{self, Ports, Service, Surroundings, quoted};

/// What it is told.
pub(crate) struct Wiring<'a> {
    pub(crate) around: &'a Surroundings,
    pub(crate) ports: Ports,
    pub(crate) demo_instance: SocketAddr,
    pub(crate) routes_file: &'a Path,
}

/// Writes `proxy.conf.json`, which says at which port of an instance there is what.
pub(crate) fn write_routes(directory: &Path, demo_instance: SocketAddr) -> anyhow::Result<PathBuf> {
    let routes = json!([{
        "match": format!("^{INSTANCE_PREFIX}/(\\d+)"),
        "type": "service",
        "name": "Demo instance",
        "remotePort": demo_instance.port(),
        "ws": true,
        "pathRewrite": { format!("^{INSTANCE_PREFIX}/\\d+/"): "/" },
    }]);
    write_private(directory, "proxy.conf.json", &routes.to_string())
}

/// The last table of what is common is `[[identity]]`.
fn config_toml(wiring: &Wiring<'_>) -> String {
    let Wiring {
        around,
        ports,
        demo_instance,
        routes_file,
    } = wiring;
    let (common, routes_file) = (around.config_toml(*ports), quoted(routes_file));
    format!(
        r#"{common}required_scopes = ["{NOTEBOOKS}"]

[[tenant]]
name = "default"
routes_file = {routes_file}

[tenant.instances]
kind = "static"

[[tenant.instance]]
id = "{INSTANCE_ID}"
address = "{}"
users = ["{}"]

[tenant.upstream]
allow_loopback = true
"#,
        demo_instance.ip(),
        ADA.name
    )
}

pub(crate) async fn start_instance_proxy(wiring: &Wiring<'_>) -> anyhow::Result<Service> {
    service::start(&instance_proxy::ABOUT, &config_toml(wiring), instance_proxy::service).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_toml_and_the_instance_is_adas_alone() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let directory = tempfile::Builder::new().prefix("a \"b\"").tempdir().unwrap();
        let routes_file = write_routes(directory.path(), at(40004)).unwrap();
        let text = config_toml(&Wiring {
            around: &Surroundings {
                host: at(0).ip(),
                public: at(0).ip(),
                issuer: at(40002),
                certificates: None,
            },
            ports: Ports {
                public: 8084,
                admin: 8094,
            },
            demo_instance: at(40004),
            routes_file: &routes_file,
        });
        let config: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(config["server"]["port"].as_integer(), Some(8084));
        assert_eq!(
            config["identity"][0]["required_scopes"][0].as_str(),
            Some("exec:notebook")
        );
        let tenant = &config["tenant"][0];
        assert_eq!(tenant["routes_file"].as_str(), routes_file.to_str());
        assert_eq!(tenant["instance"].as_array().map(Vec::len), Some(1));
        assert_eq!(tenant["instance"][0]["users"].as_array().unwrap(), &["ada".into()]);
        let routes: serde_json::Value = serde_json::from_slice(&std::fs::read(&routes_file).unwrap()).unwrap();
        assert_eq!(routes[0]["remotePort"], 40004);
    }
}
