//! From configuration to the value of a header.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};

use super::file;
use crate::{
    config::sections::{CredentialConfig, CredentialKind, SecretSource, Username},
    files::Flaw,
};

/// The header's value, and the files that it was made of.
pub(super) type Found = (SecretString, Vec<PathBuf>);

/// The header that this credential is.
pub(super) fn header_name(config: &CredentialConfig) -> HeaderName {
    match &config.kind {
        CredentialKind::Basic { .. } | CredentialKind::Bearer { .. } => AUTHORIZATION,
        CredentialKind::Header { name, .. } => name.clone(),
    }
}

/// Reads everything that the credential is made of, as it is at one moment. Errors name key and file.
pub(super) fn read(config: &CredentialConfig) -> Result<Found, String> {
    let (secret_key, secret) = match &config.kind {
        CredentialKind::Basic { password, .. } => ("password", password),
        CredentialKind::Bearer { token } => ("token", token),
        CredentialKind::Header { value, .. } => ("value", value),
    };
    let username = match &config.kind {
        CredentialKind::Basic {
            username: Username::File(path),
            ..
        } => Some(("username", path.as_path())),
        _ => None,
    };
    let secret_file = match secret {
        SecretSource::File(path) => Some((secret_key, path.as_path())),
        SecretSource::Variable(..) | SecretSource::Missing => None,
    };
    let (keys, paths): (Vec<&str>, Vec<&Path>) = username.into_iter().chain(secret_file).unzip();
    let (secrets, places) = file::read(&paths).map_err(|Flaw { index, what }| {
        format!(
            "{}.{}_file names {}, which {what}",
            config.key,
            keys[index],
            paths[index].display()
        )
    })?;
    let mut read = secrets.into_iter();
    let username = username.and_then(|_| read.next());
    let secret = match secret {
        SecretSource::File(_) => read
            .next()
            .ok_or_else(|| format!("{}.{secret_key}_file is missing", config.key))?,
        SecretSource::Variable(variable, secret) => from_variable(config, secret_key, variable, secret)?,
        SecretSource::Missing => return Err(format!("{}.{secret_key}_file is missing", config.key)),
    };
    let value = value(&config.kind, username.as_ref(), &secret)
        .map_err(|(part, what)| format!("{}: the {part} {what}", config.key))?;
    Ok((value, places))
}

#[expect(clippy::disallowed_methods, reason = "a secret is looked at before it is used")]
fn from_variable(
    config: &CredentialConfig,
    key: &str,
    variable: &str,
    secret: &SecretString,
) -> Result<SecretString, String> {
    file::clean(secret.expose_secret()).map_err(|what| format!("{variable}, which is {}.{key}, {what}", config.key))
}

/// `Basic …` (RFC 7617), `Bearer …` (RFC 6750), or the secret itself.
#[expect(clippy::disallowed_methods, reason = "a header's value is what a secret is for")]
fn value(
    kind: &CredentialKind,
    username: Option<&SecretString>,
    secret: &SecretString,
) -> Result<SecretString, (&'static str, &'static str)> {
    let text = secret.expose_secret();
    match kind {
        CredentialKind::Basic {
            username: configured, ..
        } => {
            let user = match (configured, username) {
                (Username::Text(text), _) => text.as_str(),
                (Username::File(_), read) => read.map_or("", ExposeSecret::expose_secret),
            };
            if user.contains(':') {
                return Err(("user name", "holds a `:`, which it may not: correct it"));
            }
            Ok(basic(user, secret))
        }
        CredentialKind::Bearer { .. } if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(("token", "holds a character that tokens do not have: correct it"))
        }
        CredentialKind::Bearer { .. } => {
            let mut value = Zeroizing::new(String::with_capacity("Bearer ".len() + text.len()));
            value.push_str("Bearer ");
            value.push_str(text);
            Ok(SecretString::from(value.as_str()))
        }
        CredentialKind::Header { .. } if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') => {
            Err(("value", "holds a character that headers do not have: correct it"))
        }
        CredentialKind::Header { .. } => Ok(SecretString::from(text)),
    }
}

#[expect(clippy::disallowed_methods, reason = "a header's value is what a secret is for")]
pub(super) fn basic(user: &str, password: &SecretString) -> SecretString {
    let password = password.expose_secret();
    // Buffers that never grow: one that does leaves copies behind that nobody wipes.
    let mut pair = Zeroizing::new(String::with_capacity(user.len() + 1 + password.len()));
    pair.push_str(user);
    pair.push(':');
    pair.push_str(password);
    let mut value = Zeroizing::new(String::with_capacity("Basic ".len() + pair.len().div_ceil(3) * 4));
    value.push_str("Basic ");
    STANDARD.encode_string(pair.as_bytes(), &mut value);
    SecretString::from(value.as_str())
}
