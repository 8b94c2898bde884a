mod changes;
mod files;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;

use super::{Credential, ServiceCredential};
use crate::{
    config::sections::{CredentialConfig, CredentialKind, SecretSource, Username},
    files::tests::swap,
    telemetry::Metrics,
};

fn config(kind: CredentialKind) -> CredentialConfig {
    CredentialConfig {
        key: "tenant[0].credential".to_owned(),
        kind,
    }
}

fn basic_files(directory: &Path) -> CredentialConfig {
    let password = SecretSource::File(directory.join("password"));
    config(CredentialKind::Basic {
        username: Username::File(directory.join("username")),
        password,
    })
}

fn token_file(path: PathBuf) -> CredentialConfig {
    config(CredentialKind::Bearer {
        token: SecretSource::File(path),
    })
}

fn start(config: &CredentialConfig) -> (anyhow::Result<Arc<ServiceCredential>>, Arc<Metrics>) {
    let metrics = Metrics::new("test", "1");
    (
        ServiceCredential::new(config, &metrics.tenant("default"), "Jira"),
        metrics,
    )
}

fn started(config: &CredentialConfig) -> Arc<ServiceCredential> {
    start(config).0.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test looks at what is sent")]
fn shown(credential: &Credential) -> String {
    credential.value().unwrap().expose_secret().to_owned()
}

async fn value(source: &ServiceCredential) -> String {
    shown(&source.current().unwrap())
}

fn swap_pair(volume: &Path, version: u32) {
    swap(
        volume,
        version,
        &[
            ("username", &format!("user-{version}\n")),
            ("password", &format!("pass-{version}\r\n")),
        ],
    );
}

fn pair_of(version: u32) -> String {
    format!("Basic {}", STANDARD.encode(format!("user-{version}:pass-{version}")))
}

#[actix_web::test]
async fn each_kind_becomes_its_header() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, "\u{feff}s3cret, \u{e9}\r\n").unwrap();
    let password = SecretSource::File(file.clone());
    let basic = config(CredentialKind::Basic {
        username: Username::Text("bot".into()),
        password,
    });
    assert_eq!(
        value(&started(&basic)).await,
        format!("Basic {}", STANDARD.encode("bot:s3cret, \u{e9}"))
    );
    fs::write(&file, "abc.def==\n\n").unwrap();
    assert_eq!(value(&started(&token_file(file.clone()))).await, "Bearer abc.def==");
    fs::write(&file, "a key").unwrap();
    let header = config(CredentialKind::Header {
        name: "x-api-key".parse().unwrap(),
        value: SecretSource::File(file),
    });
    let credential = started(&header).current().unwrap();
    assert_eq!(
        (credential.name().unwrap().as_str(), shown(&credential).as_str()),
        ("x-api-key", "a key")
    );
    let variable = SecretSource::Variable("OLD_PASSWORD", SecretString::from("hunter2\n"));
    let basic = config(CredentialKind::Basic {
        username: Username::Text("bot".into()),
        password: variable,
    });
    assert_eq!(
        value(&started(&basic)).await,
        format!("Basic {}", STANDARD.encode("bot:hunter2"))
    );
}

#[test]
fn the_header_is_set_once_and_never_shown() {
    let credential = Credential::new(AUTHORIZATION, SecretString::from("Bearer hunter2")).unwrap();
    let mut headers = HeaderMap::new();
    headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer callers"));
    headers.append(AUTHORIZATION, HeaderValue::from_static("Basic callers"));
    credential.apply(&mut headers);
    assert_eq!(
        headers.get_all(AUTHORIZATION).iter().collect::<Vec<_>>(),
        ["Bearer hunter2"]
    );
    assert!(headers[AUTHORIZATION].is_sensitive());
    let shown = format!("{headers:?} {credential:?} {:?}", credential.value());
    assert!(!shown.contains("hunter2") && shown.contains("[REDACTED]"), "{shown}");
    let other = Credential::new(AUTHORIZATION, SecretString::from("Bearer hunter2")).unwrap();
    assert!(
        other.generation() > credential.generation(),
        "two tenants never share a connection"
    );
    let error = Credential::new(AUTHORIZATION, SecretString::from("hunter2\n")).unwrap_err();
    assert!(!error.contains("hunter2"));
}
