//! Which leases are no good any more, though their time is not over.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::Statement;

/// What a file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revocations {
    #[serde(default)]
    revoked: Vec<Revoked>,
}

/// Leases that are all of this.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoked {
    user: Option<String>,
    key: Option<String>,
    id: Option<String>,
    /// The id of the signing key.
    signed_with: Option<String>,
    /// RFC 3339.
    #[serde(default, deserialize_with = "time_of")]
    issued_before: Option<OffsetDateTime>,
}

impl Revocations {
    /// As TOML has them: `[[revoked]]` tables.
    #[expect(clippy::disallowed_methods, reason = "a list is made of the file's text")]
    pub(super) fn read(text: &SecretString) -> Result<Self, String> {
        let read: Self = toml::from_str(text.expose_secret()).map_err(|error| {
            format!("is not a list of revocations ({}): write `[[revoked]]` tables with some of `user`, `key`, `id`, `signed_with` and `issued_before`", error.message())
        })?;
        match read.revoked.iter().position(Revoked::is_empty) {
            Some(index) => Err(format!(
                "has a table revoked[{index}] without a key, which would revoke every lease: write `issued_before` if that is meant"
            )),
            None => Ok(read),
        }
    }

    pub(super) fn revokes(&self, lease: &Statement, signing_key: &str) -> bool {
        self.revoked.iter().any(|revoked| revoked.is_about(lease, signing_key))
    }
}

impl Revoked {
    fn is_empty(&self) -> bool {
        let texts = [&self.user, &self.key, &self.id, &self.signed_with];
        texts.iter().all(|text| text.is_none()) && self.issued_before.is_none()
    }

    fn is_about(&self, lease: &Statement, signing_key: &str) -> bool {
        let is = |wanted: &Option<String>, have: &str| wanted.as_deref().is_none_or(|wanted| wanted == have);
        let issued = i64::try_from(lease.issued).unwrap_or(i64::MAX);
        is(&self.user, &lease.user)
            && is(&self.key, &lease.key)
            && is(&self.id, &lease.id)
            && is(&self.signed_with, signing_key)
            && self.issued_before.is_none_or(|before| issued < before.unix_timestamp())
    }
}

fn time_of<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
    /// TOML has times of its own; quoted ones are text.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Time(toml::value::Datetime),
        Text(String),
    }
    let text = match Written::deserialize(deserializer)? {
        Written::Time(time) => time.to_string(),
        Written::Text(text) => text,
    };
    let time = OffsetDateTime::parse(&text, &Rfc3339);
    time.map(Some)
        .map_err(|_| serde::de::Error::custom("issued_before is not a time such as 2026-01-31T12:00:00Z"))
}
