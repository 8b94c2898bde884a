//! The credential that a tenant's requests carry: its kind, and where its secret is.

use std::path::PathBuf;

use http::{HeaderName, header};
use secrecy::SecretString;
use serde_json::Value;

use super::check;
use crate::config::{Problems, Reader, Secrets, Section, Validate};

/// The credential of one tenant.
#[derive(Clone, Debug)]
pub struct CredentialConfig {
    /// Where it is configured: `tenant[0].credential`.
    pub key: String,
    /// What it is.
    pub kind: CredentialKind,
}

/// What a credential is made of.
#[derive(Clone, Debug)]
pub enum CredentialKind {
    /// User and password (RFC 7617).
    Basic {
        /// The account.
        username: Username,
        /// Its password, or API token.
        password: SecretSource,
    },
    /// A bearer token (RFC 6750), such as a personal access token.
    Bearer {
        /// The token.
        token: SecretSource,
    },
    /// A header of the upstream's own.
    Header {
        /// Its name.
        name: HeaderName,
        /// Its value.
        value: SecretSource,
    },
}

/// Where a user name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Username {
    /// Here.
    Text(String),
    /// In a file.
    File(PathBuf),
}

/// Where a secret is.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// In a file.
    File(PathBuf),
    /// In a variable of the service that is replaced.
    Variable(&'static str, SecretString),
    /// Nowhere yet.
    Missing,
}

impl CredentialKind {
    /// The secret, and the key that it would have.
    fn secret(&mut self) -> (&'static str, &mut SecretSource) {
        match self {
            Self::Basic { password, .. } => ("password", password),
            Self::Bearer { token } => ("token", token),
            Self::Header { value, .. } => ("value", value),
        }
    }
}

impl Section for CredentialConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let kind = match reader.choice(
            "kind",
            &[("basic", "basic"), ("bearer", "bearer"), ("header", "header")],
        )? {
            "basic" => {
                let username = username(&mut reader);
                let password = secret(&mut reader, "password", "password_file");
                username.map(|username| CredentialKind::Basic { username, password })
            }
            "bearer" => Some(CredentialKind::Bearer {
                token: secret(&mut reader, "token", "token_file"),
            }),
            _ => {
                let name = reader.parsed("name", header_name);
                let value = secret(&mut reader, "value", "value_file");
                name.map(|name| CredentialKind::Header { name, value })
            }
        };
        let readable = reader.finish();
        kind.filter(|_| readable).map(|kind| Self {
            key: String::new(),
            kind,
        })
    }

    fn attach(&mut self, key: &str, secrets: &Secrets) {
        key.clone_into(&mut self.key);
        let (name, source) = self.kind.secret();
        if let (SecretSource::Missing, Some((variable, secret))) = (&*source, secrets.get(&format!("{key}.{name}"))) {
            *source = SecretSource::Variable(variable, secret.clone());
        }
    }
}

fn username(reader: &mut Reader<'_>) -> Option<Username> {
    if !reader.has("username") && !reader.has("username_file") {
        reader.miss_one("username", "set it, or username_file", "username");
    }
    let file = reader.optional("username_file", check::file);
    let text = reader.optional("username", user);
    match (file, text) {
        (Some(_), Some(_)) => {
            reader.fail("username_file", "and `username` are both set: remove one");
            None
        }
        (Some(file), None) => Some(Username::File(file)),
        (None, text) => text.map(Username::Text),
    }
}

/// RFC 7617: a colon would end the user name, and control characters are not for headers.
fn user(text: &str) -> Result<String, String> {
    match text {
        _ if text.contains(':') => Err("holds a `:`, which a user name may not: correct it".to_owned()),
        _ if text.trim() != text || text.chars().any(char::is_control) => {
            Err("begins or ends with a space, or holds a control character: correct it".to_owned())
        }
        _ => Ok(text.to_owned()),
    }
}

/// The secret `name`, whose file is `key`. One that a variable holds is attached later.
fn secret(reader: &mut Reader<'_>, name: &str, key: &'static str) -> SecretSource {
    if !reader.has(key) && !reader.holds_secret(name) {
        reader.miss_one(key, "name the file that holds the secret", name);
    }
    reader
        .optional(key, check::file)
        .map_or(SecretSource::Missing, SecretSource::File)
}

/// Headers that HTTP itself, or the proxy, decides about.
const NOT_CREDENTIALS: &[HeaderName] = &[
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

fn header_name(text: &str) -> Result<HeaderName, String> {
    match text.parse::<HeaderName>() {
        Ok(name) if !NOT_CREDENTIALS.contains(&name) && name != "keep-alive" => Ok(name),
        Ok(name) => Err(format!(
            "is `{name}`, which says how a request is sent: write the header that the upstream reads the credential from"
        )),
        Err(_) => Err("is not the name of a header: write one such as X-Api-Key".to_owned()),
    }
}

impl Validate for CredentialConfig {
    fn validate(&self, _problems: &mut Problems) {}
}
