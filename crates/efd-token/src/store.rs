//! The documents: what each says of an InfluxDB, and who may read it.
//!
//! **Invariant**: what a caller may not read is not to be told from what is not there.

use std::{collections::HashMap, sync::Arc};

use anyhow::Context as _;
use proxy_core::{
    auth::Identity,
    config::sections::check,
    credential::{Credential, Documented, Guarded},
    documents::{Address, Documents, Fields},
    lease,
    realm::Realm,
    upstream::Upstream,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    KIND,
    config::{KeyConfig, Mode, TenantConfig, UpstreamConfig},
};

/// What `lsst_efd_client` wants of a document.
const FIELDS: [&str; 6] = ["host", "port", "path", "username", "password", "schema_registry"];
/// What else is known in one.
const MORE_FIELDS: [&str; 2] = ["url", "database"];

/// One document.
#[derive(Debug)]
pub(crate) struct Document {
    text: SecretString,
    /// Of a document that is leased.
    pub(crate) influxdb: Option<InfluxDb>,
}

impl Document {
    /// As it is stored.
    #[expect(
        clippy::disallowed_methods,
        reason = "a shared document is handed out as it is stored"
    )]
    pub(crate) fn stored(&self) -> &str {
        self.text.expose_secret()
    }

    fn credential(&self) -> Option<&Guarded> {
        Some(&self.influxdb.as_ref()?.credential)
    }

    fn same_place(&self, other: &Self) -> bool {
        let place = |document: &Self| document.influxdb.as_ref().map(|influxdb| influxdb.upstream.base_url());
        place(self) == place(other)
    }
}

/// What a document says of an InfluxDB.
#[derive(Debug)]
pub(crate) struct InfluxDb {
    pub(crate) upstream: Upstream,
    pub(crate) schema_registry: String,
    /// What may be queried.
    pub(crate) databases: Vec<String>,
    credential: Guarded,
}

/// All documents of one tenant.
pub(crate) struct Store {
    documents: Option<Documents<Document>>,
    rules: Arc<Rules>,
}

struct Rules {
    listed: HashMap<String, KeyConfig>,
    unlisted: Option<KeyConfig>,
    upstream: UpstreamConfig,
}

/// What there is under a name, for one caller.
pub(crate) enum Found<'s> {
    Missing,
    /// The caller may read it, and it cannot be read.
    Malformed,
    Key(Arc<Document>, &'s KeyConfig),
}

impl Store {
    /// Reads the documents and begins to watch them.
    ///
    /// # Errors
    /// The directory cannot be read; the error names the key.
    pub(crate) fn new(config: &TenantConfig, realm: &Realm) -> anyhow::Result<Self> {
        let rules = Arc::new(Rules {
            listed: config.keys.iter().map(|key| (key.name.clone(), key.clone())).collect(),
            unlisted: config.unlisted.clone(),
            upstream: config.upstream.clone(),
        });
        let open = |directory| {
            let rules = rules.clone();
            let read = move |name: &str, text: &SecretString| rules.document(name, text);
            Documents::open(directory, realm.metrics(), read).context("tenant.directory")
        };
        Ok(Self {
            documents: config.directory.as_deref().map(open).transpose()?,
            rules,
        })
    }

    /// The key `label`, if `caller` may read it. Whoever has a lease for it was asked when it was issued.
    pub(crate) fn find(&self, label: &str, caller: Option<&Identity>) -> Found<'_> {
        let key = self.rules.of(label).filter(|key| match caller {
            Some(holder) if holder.kind() == lease::KIND => {
                key.mode == Mode::Lease && lease::is_for(holder, label, key.access.anonymous)
            }
            _ => key.access.admits(caller),
        });
        let (Some(key), Some(documents)) = (key, &self.documents) else {
            return Found::Missing;
        };
        match documents.snapshot().get(label) {
            None => Found::Missing,
            Some(Err(_)) => Found::Malformed,
            // One that nothing is said of, and that is no InfluxDB's, was never meant to be handed out.
            Some(Ok(document)) if key.mode == Mode::Lease && document.influxdb.is_none() => Found::Missing,
            Some(Ok(document)) => Found::Key(document.clone(), key),
        }
    }

    /// The names of the keys that `caller` may read and that can be read, in order.
    pub(crate) fn names(&self, caller: Option<&Identity>) -> Vec<String> {
        let snapshot = self.documents.as_ref().map(Documents::snapshot);
        let names = snapshot.iter().flat_map(|snapshot| snapshot.names());
        names
            .filter(|name| matches!(self.find(name, caller), Found::Key(..)))
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Whether there is anything for callers without a credential.
    pub(crate) fn is_open(&self) -> bool {
        self.rules.listed.values().any(|key| key.access.anonymous)
    }

    /// The credential of the key `label`, renewed from its document.
    pub(crate) fn credential(&self, label: &str, document: &Arc<Document>) -> Option<Documented<Document>> {
        let new = |documents| Documented::new(documents, label, document, Document::credential, Document::same_place);
        self.documents.as_ref().map(new)
    }
}

impl Rules {
    fn of(&self, label: &str) -> Option<&KeyConfig> {
        self.listed.get(label).or(self.unlisted.as_ref())
    }

    /// Makes something of one document. Only JSON objects are documents.
    fn document(&self, name: &str, text: &SecretString) -> Result<Document, String> {
        let fields = Fields::read(text)?;
        let leased = self.of(name).filter(|key| key.mode == Mode::Lease);
        let influxdb = match leased.map(|key| influxdb(&fields, key, &self.upstream)) {
            None => None,
            Some(Ok(influxdb)) => {
                warn_of_fields(name, &fields);
                Some(influxdb)
            }
            // Where it is listed as one, it has to be one.
            Some(Err(what)) if self.listed.contains_key(name) => return Err(what),
            Some(Err(what)) => {
                tracing::warn!(
                    key = name,
                    "this document {what}; it is not handed out: list it as a key with mode = \"shared\" if it is meant to be"
                );
                None
            }
        };
        Ok(Document {
            text: text.clone(),
            influxdb,
        })
    }
}

fn warn_of_fields(name: &str, fields: &Fields) {
    let (missing, unknown) = fields.compared(&FIELDS, &MORE_FIELDS);
    if !missing.is_empty() {
        tracing::warn!(
            key = name,
            ?missing,
            "a document of an InfluxDB lacks fields that clients of the EFD read"
        );
    }
    if !unknown.is_empty() {
        tracing::warn!(
            key = name,
            ?unknown,
            "a document of an InfluxDB has fields that nothing reads"
        );
    }
}

/// The fields of a document that matter here, beside those that say where the InfluxDB is.
#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
    schema_registry: Option<String>,
    database: Option<String>,
}

fn influxdb(fields: &Fields, key: &KeyConfig, config: &UpstreamConfig) -> Result<InfluxDb, String> {
    let (Some(address), Some(login)) = (fields.typed::<Address>(), fields.typed::<Login>()) else {
        return Err("lacks `username` or `password`, or has a field that is no text".to_owned());
    };
    let url = key.url.clone().map_or_else(|| address.base_url("InfluxDB"), Ok)?;
    // It would show the shared password to everybody on the way.
    if check::is_clear(&url) && !config.allow_insecure_http {
        return Err("names an InfluxDB that would be sent the password in the clear: use https, or set upstream.allow_insecure_http = true".to_owned());
    }
    let credential = Credential::basic(&login.username, &SecretString::from(login.password))
        .map_err(|what| format!("holds a user or password that {what}"))?;
    let upstream = Upstream::new("InfluxDB", &url, &KIND, config.timeouts);
    Ok(InfluxDb {
        upstream: Upstream {
            scan_bodies: config.scan_bodies,
            max_request_body: config.max_query_bytes,
            ..upstream.ok_or("names a host that cannot be one: correct it")?
        },
        schema_registry: login.schema_registry.unwrap_or_default(),
        databases: match key.databases.is_empty() {
            true => vec![login.database.unwrap_or_else(|| "efd".to_owned())],
            false => key.databases.clone(),
        },
        credential: Guarded::new(credential),
    })
}

#[cfg(test)]
mod tests;
