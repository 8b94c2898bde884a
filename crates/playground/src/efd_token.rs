//! efd-token inside the playground: one document, that of the demo EFD, for which everybody may have leases.

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use crate::account::Account;
use crate::addresses::{EFD_KEY, EFD_PREFIX};
use crate::private::write_private;
use crate::service::{self, Ports, Service, Surroundings, quoted};

/// The name under which efd-token knows itself to the demo EFD.
pub(crate) const READER: &str = "efdreader";

/// What it is told.
pub(crate) struct Wiring<'a> {
    pub(crate) around: &'a Surroundings,
    pub(crate) ports: Ports,
    pub(crate) documents: &'a Path,
}

/// Writes the document of the demo EFD into a directory of its own, which is what efd-token reads.
pub(crate) fn write_document(directory: &Path, demo_efd: SocketAddr, reader: &Account) -> anyhow::Result<PathBuf> {
    let documents = directory.join("documents");
    DirBuilder::new()
        .mode(0o700)
        .create(&documents)
        .with_context(|| format!("cannot make {}", documents.display()))?;
    let document = json!({
        "url": format!("http://{demo_efd}/"),
        "database": "efd",
        "username": reader.name,
        "password": reader.password,
        "schema_registry": format!("http://{demo_efd}/schema-registry"),
    });
    write_private(&documents, EFD_KEY, &document.to_string())?;
    Ok(documents)
}

fn config_toml(wiring: &Wiring<'_>) -> String {
    let Wiring {
        around,
        ports,
        documents,
    } = wiring;
    let (common, documents) = (around.config_toml(*ports), quoted(documents));
    format!(
        r#"{common}
[[tenant]]
name = "default"
prefix = "{EFD_PREFIX}"
directory = {documents}
"#
    )
}

pub(crate) async fn start_efd_token(wiring: &Wiring<'_>) -> anyhow::Result<Service> {
    service::start(&efd_token::ABOUT, &config_toml(wiring), efd_token::service).await
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_configuration_is_toml_and_the_password_is_in_the_document_alone() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let directory = tempfile::Builder::new().prefix("a \"b\"").tempdir().unwrap();
        let reader = Account {
            name: READER,
            password: "open sesame".to_owned(),
        };
        let documents = write_document(directory.path(), at(40003), &reader).unwrap();
        let text = config_toml(&Wiring {
            around: &Surroundings {
                host: at(0).ip(),
                public: at(0).ip(),
                issuer: at(40002),
                certificates: None,
            },
            ports: Ports {
                public: 8082,
                admin: 8092,
            },
            documents: &documents,
        });
        let config: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(config["server"]["port"].as_integer(), Some(8082));
        assert_eq!(config["tenant"][0]["directory"].as_str(), documents.to_str());
        assert!(!text.contains("sesame"));
        let file = documents.join(EFD_KEY);
        let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(document["url"], "http://127.0.0.1:40003/");
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&documents), mode(&file)), (0o700, 0o600));
    }
}
