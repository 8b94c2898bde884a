//! The documents: what each says of an InfluxDB, and who may read it.
//!
//! **Invariant**: what a caller may not read is not to be told from what is not there.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use proxy_core::{
    auth::Identity,
    credential::{Credential, Documented, Guarded},
    documents::Documents,
    lease,
    realm::Realm,
    upstream::{Timeouts, Upstream},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    KIND,
    config::{KeyConfig, Mode, TenantConfig, UpstreamConfig, check_url},
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
                let open = key.access.anonymous || !holder.has_scope(lease::OPEN);
                key.mode == Mode::Lease && open && holder.has_scope(&lease::scope(label))
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
    #[expect(clippy::disallowed_methods, reason = "a document is made of the file's text")]
    fn document(&self, name: &str, text: &SecretString) -> Result<Document, String> {
        let fields: Map<String, Value> = serde_json::from_str(text.expose_secret()).map_err(|error| {
            format!(
                "is not a JSON object (line {}, column {}): correct it",
                error.line(),
                error.column()
            )
        })?;
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

fn warn_of_fields(name: &str, fields: &Map<String, Value>) {
    let missing: Vec<&str> = FIELDS
        .into_iter()
        .filter(|field| !fields.contains_key(*field))
        .collect();
    let known = |field: &str| FIELDS.contains(&field) || MORE_FIELDS.contains(&field);
    let unknown: Vec<&str> = fields
        .keys()
        .map(String::as_str)
        .filter(|field| !known(field))
        .collect();
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

/// The fields of a document that matter here.
#[derive(Deserialize)]
struct Fields {
    host: Option<String>,
    port: Option<Value>,
    path: Option<String>,
    url: Option<String>,
    username: String,
    password: String,
    schema_registry: Option<String>,
    database: Option<String>,
}

fn influxdb(fields: &Map<String, Value>, key: &KeyConfig, config: &UpstreamConfig) -> Result<InfluxDb, String> {
    // serde's own words may repeat what was found.
    let fields = Fields::deserialize(fields)
        .map_err(|_| "lacks `username` or `password`, or has a field that is no text".to_owned())?;
    let url = key.url.clone().map_or_else(|| address(&fields), Ok)?;
    check_url(&url, config)?;
    let credential = Credential::basic(&fields.username, &SecretString::from(fields.password.as_str()))
        .map_err(|what| format!("holds a user or password that {what}"))?;
    let named = fields.database.unwrap_or_else(|| "efd".to_owned());
    Ok(InfluxDb {
        upstream: upstream(&url, config).ok_or("names a host that cannot be one: correct it")?,
        schema_registry: fields.schema_registry.unwrap_or_default(),
        databases: if key.databases.is_empty() {
            vec![named]
        } else {
            key.databases.clone()
        },
        credential: Guarded::new(credential),
    })
}

/// Where the document says that its InfluxDB is.
fn address(fields: &Fields) -> Result<Url, String> {
    let wrong = || {
        "does not say where its InfluxDB is: write `host`, and `port` and `path` if they are not 443 and /, or `url`"
            .to_owned()
    };
    if let Some(url) = &fields.url {
        return proxy_core::config::sections::check::base_url(url).map_err(|what| format!("has a `url` that {what}"));
    }
    let host = fields.host.as_deref().ok_or_else(wrong)?;
    let port = match &fields.port {
        None => "443".to_owned(),
        Some(Value::String(port)) => port.clone(),
        Some(port) => port.to_string(),
    };
    // The originals have `.` for no path.
    let path = fields.path.as_deref().unwrap_or_default().trim_matches('/');
    let url = match path {
        "" | "." => format!("https://{host}:{port}/"),
        path => format!("https://{host}:{port}/{path}/"),
    };
    proxy_core::config::sections::check::base_url(&url).map_err(|_| wrong())
}

fn upstream(url: &Url, config: &UpstreamConfig) -> Option<Upstream> {
    let timeouts = Timeouts {
        connect: Duration::from_secs(config.connect_timeout_seconds),
        response: Duration::from_secs(config.response_timeout_seconds),
        idle: Duration::from_secs(config.idle_timeout_seconds),
        upload: Duration::from_secs(config.response_timeout_seconds),
    };
    Some(Upstream {
        scan_bodies: config.scan_bodies,
        max_request_body: config.max_query_bytes,
        ..Upstream::new("InfluxDB", url, &KIND, timeouts)?
    })
}

#[cfg(test)]
mod tests;
