//! What is handed out: lists and documents, in the dialects of segwarides and of Repertoire. Each answer is about one caller.

use std::time::SystemTime;

use actix_http::RequestHead;
use actix_web::{HttpResponse, http::StatusCode};
use proxy_core::{
    auth::Identity,
    documents,
    error::ProxyError,
    lease::{self, Issued},
    limits::Slot,
    pages::{personal, text},
    telemetry::{Decision, Record},
};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use url::Url;

use crate::{
    config::KeyConfig,
    site::{HAND_OUT, Keys},
    store::{Document, Found, InfluxDb},
};

/// A request of somebody who was let in, while it is answered.
pub(crate) struct Asked<'r> {
    record: &'r Record,
    head: &'r RequestHead,
    /// Nobody known, where there is something for such callers.
    caller: Option<Identity>,
    _slot: Slot,
}

/// A lease that was just issued.
struct Lease<'d> {
    influxdb: &'d InfluxDb,
    issued: Issued,
    /// Where its queries go.
    url: Url,
}

/// A database as Repertoire describes it, and the login that it gives to whoever asks for that one.
struct Described {
    database: Value,
    username: String,
    password: String,
}

impl Keys {
    /// Lets somebody in who wants to read, with a place.
    pub(crate) async fn let_in<'r>(&self, record: &'r Record, head: &'r RequestHead) -> Result<Asked<'r>, ProxyError> {
        let caller = self.entrance.caller(record, head, self.shared.store.is_open()).await?;
        let subject = caller.as_ref().map_or(lease::NOBODY, Identity::subject);
        let _slot = self.shared.realm.limits().enter(subject).await?;
        ProxyError::unless_read(&head.method)?;
        record.decision(Decision::Allowed, None);
        Ok(Asked {
            record,
            head,
            caller,
            _slot,
        })
    }

    /// `{prefix}/list`.
    pub(crate) fn list(&self, asked: &Asked<'_>) -> HttpResponse {
        personal().json(self.shared.store.names(asked.caller.as_ref()))
    }

    /// `{prefix}/creds/{label}`: texts and types as segwarides has them.
    pub(crate) fn credentials(&self, asked: &Asked<'_>, label: &str) -> Result<HttpResponse, ProxyError> {
        match self.find(asked.record, label, asked.caller.as_ref()) {
            Found::Missing => Ok(text(StatusCode::NOT_FOUND, format!("No credentials for {label}."))),
            Found::Malformed => {
                let what = "Unable to decode credentials JSON document".to_owned();
                let detail = "the document cannot be read".to_owned();
                asked.record.problem("internal_error", Some(detail));
                Ok(text(StatusCode::INTERNAL_SERVER_ERROR, what))
            }
            Found::Key(document, key) => {
                let body = match self.lease(asked, label, &document, key)? {
                    Some(lease) => lease.as_segwarides().to_string(),
                    None => document.stored().to_owned(),
                };
                Ok(personal().content_type("application/json; charset=utf-8").body(body))
            }
        }
    }

    /// `{discovery}/influxdb/{label}`: as Repertoire has it.
    pub(crate) fn discovered(&self, asked: &Asked<'_>, label: &str) -> Result<HttpResponse, ProxyError> {
        let none = || ProxyError::NotFound("there is no such database here, or it is not yours to use".into());
        let Found::Key(document, key) = self.find(asked.record, label, asked.caller.as_ref()) else {
            return Err(none());
        };
        let described = match self.lease(asked, label, &document, key)? {
            Some(lease) => lease.as_repertoire(),
            None => shared_as_repertoire(&document).ok_or_else(none)?,
        };
        let mut body = described.database;
        body["username"] = described.username.into();
        body["password"] = described.password.into();
        Ok(personal().json(body))
    }

    /// `{discovery}`: what the caller may read.
    pub(crate) fn discovery(&self, asked: &Asked<'_>) -> Result<HttpResponse, ProxyError> {
        let caller = asked.caller.as_ref();
        let mut databases = Map::new();
        for label in self.shared.store.names(caller) {
            let Found::Key(document, _) = self.shared.store.find(&label, caller) else {
                continue;
            };
            let database = match &document.influxdb {
                Some(influxdb) => Some(described(influxdb, &self.query_url(asked.head, &label)?)),
                None => shared_as_repertoire(&document).map(|described| described.database),
            };
            // One without a registry would make Repertoire's clients refuse all of them.
            if let Some(mut database) = database.filter(|database| database["schema_registry"] != "") {
                let credentials = format!("{}/influxdb/{label}", self.prefix);
                database["credentials_url"] = self.shared.realm.public_url(asked.head, &credentials).into();
                databases.insert(label, database);
            }
        }
        Ok(personal().json(json!({ "influxdb_databases": databases })))
    }

    /// A lease for whoever asked, unless the document itself is what is handed out.
    fn lease<'d>(
        &self,
        asked: &Asked<'_>,
        label: &str,
        document: &'d Document,
        key: &KeyConfig,
    ) -> Result<Option<Lease<'d>>, ProxyError> {
        asked.record.detail("mode", key.mode.name());
        let Some(influxdb) = &document.influxdb else {
            return Ok(None);
        };
        let leases = &self.shared.leases;
        let issued = leases.issue(asked.caller.as_ref(), label, SystemTime::now())?;
        asked.record.detail("lease", issued.id.clone());
        let url = self.query_url(asked.head, label)?;
        Ok(Some(Lease { influxdb, issued, url }))
    }

    /// What there is for a caller. Which key was asked for is noted, whatever there is.
    pub(crate) fn find(&self, record: &Record, label: &str, caller: Option<&Identity>) -> Found<'_> {
        if documents::is_name(label) {
            record.detail("key", label);
        }
        let found = self.shared.store.find(label, caller);
        match found {
            Found::Missing => record.decision(Decision::Denied("not_found"), None),
            _ => record.decision(Decision::Allowed, Some(HAND_OUT.into())),
        }
        found
    }

    /// Where the queries of a lease go.
    fn query_url(&self, head: &RequestHead, label: &str) -> Result<Url, ProxyError> {
        self.shared.realm.url_below(head, &format!("/efd/{label}/"))
    }
}

impl Lease<'_> {
    /// As clients of segwarides read it: `port` is a text, `path` has both slashes.
    fn as_segwarides(&self) -> Value {
        json!({
            "host": self.url.host_str(),
            "port": self.url.port_or_known_default().map(|port| port.to_string()),
            "path": self.url.path(),
            "username": self.issued.user,
            "password": self.password(),
            "schema_registry": self.influxdb.schema_registry,
            "expires": OffsetDateTime::from(self.issued.expires).format(&Rfc3339).ok(),
        })
    }

    fn as_repertoire(&self) -> Described {
        Described {
            database: described(self.influxdb, &self.url),
            username: self.issued.user.clone(),
            password: self.password().to_owned(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the caller's own password is what they asked for"
    )]
    fn password(&self) -> &str {
        self.issued.password.expose_secret()
    }
}

/// As Repertoire describes a database that is queried through this service.
fn described(influxdb: &InfluxDb, url: &Url) -> Value {
    json!({
        "url": url.as_str(),
        "database": influxdb.databases.first(),
        "schema_registry": influxdb.schema_registry,
        "local": true,
    })
}

/// A shared document in the other dialect, if it is an InfluxDB's.
fn shared_as_repertoire(document: &Document) -> Option<Described> {
    let fields: Map<String, Value> = serde_json::from_str(document.stored()).ok()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let port = fields.get("port").map_or_else(
        || "443".to_owned(),
        |port| port.as_str().map_or_else(|| port.to_string(), ToOwned::to_owned),
    );
    let path = text("path").unwrap_or_default();
    let url = match text("url") {
        Some(url) => url,
        None => format!("https://{}:{port}/{}", text("host")?, path.trim_matches(['/', '.'])),
    };
    Some(Described {
        database: json!({
            "url": url,
            "database": text("database").unwrap_or_else(|| "efd".to_owned()),
            "schema_registry": text("schema_registry").unwrap_or_default(),
            "local": false,
        }),
        username: text("username")?,
        password: text("password")?,
    })
}
