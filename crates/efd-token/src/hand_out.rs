//! What is handed out: lists and documents, in the dialects of segwarides and of Repertoire. Each answer is about one caller.

use std::time::SystemTime;

use actix_http::RequestHead;
use actix_web::{HttpResponse, HttpResponseBuilder, http::header};
use proxy_core::{
    auth::Identity,
    error::ProxyError,
    lease::{self, Issued},
    limits::Slot,
    pages::personal,
    telemetry::{Decision, Record},
};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use url::Url;

use crate::{
    config::{KeyConfig, Mode, key_name},
    site::{HAND_OUT, Keys},
    store::{Document, Found, InfluxDb},
};

impl Keys {
    /// Who asks, with a place: nobody known, where there is something for such callers and no credential was sent.
    pub(crate) async fn caller(
        &self,
        record: &Record,
        head: &RequestHead,
    ) -> Result<(Option<Identity>, Slot), ProxyError> {
        let caller = match self.entrance.authenticate(record, head).await {
            Ok(identity) => Some(identity),
            Err(ProxyError::Unauthenticated)
                if self.shared.store.is_open() && !head.headers.contains_key(header::AUTHORIZATION) =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        let slot = self
            .realm()
            .limits()
            .enter(caller.as_ref().map_or(lease::NOBODY, Identity::subject))
            .await?;
        Ok((caller, slot))
    }

    /// `{prefix}/list`.
    pub(crate) fn list(&self, caller: Option<&Identity>) -> HttpResponse {
        personal().json(self.shared.store.names(caller))
    }

    /// `{prefix}/creds/{label}`: texts and types as segwarides has them.
    pub(crate) fn credentials(
        &self,
        record: &Record,
        head: &RequestHead,
        label: &str,
        caller: Option<&Identity>,
    ) -> Result<HttpResponse, ProxyError> {
        match self.find(record, label, caller) {
            Found::Missing => Ok(text(HttpResponse::NotFound(), format!("No credentials for {label}."))),
            Found::Malformed => {
                record.problem("internal_error", Some("the document cannot be read".to_owned()));
                Ok(text(
                    HttpResponse::InternalServerError(),
                    "Unable to decode credentials JSON document".to_owned(),
                ))
            }
            Found::Key(document, key) => self.hand_out(record, head, label, caller, (&document, key)),
        }
    }

    fn hand_out(
        &self,
        record: &Record,
        head: &RequestHead,
        label: &str,
        caller: Option<&Identity>,
        (document, key): (&Document, &KeyConfig),
    ) -> Result<HttpResponse, ProxyError> {
        record.detail("mode", key.mode.name());
        let body = match (&document.influxdb, key.mode) {
            (Some(influxdb), Mode::Lease) => {
                let issued = self.issue(record, caller, label)?;
                as_segwarides(influxdb, &issued, caller, &self.query_url(head, label)?)
            }
            _ => document.stored().to_owned(),
        };
        let mut answer = personal();
        Ok(answer.content_type("application/json; charset=utf-8").body(body))
    }

    /// `{discovery}/influxdb/{label}`: as Repertoire has it.
    pub(crate) fn discovered(
        &self,
        record: &Record,
        head: &RequestHead,
        label: &str,
        caller: Option<&Identity>,
    ) -> Result<HttpResponse, ProxyError> {
        let none = || ProxyError::NotFound("there is no such database here, or it is not yours to use".into());
        let Found::Key(document, key) = self.find(record, label, caller) else {
            return Err(none());
        };
        record.detail("mode", key.mode.name());
        let body = match (&document.influxdb, key.mode) {
            (Some(influxdb), Mode::Lease) => {
                let issued = self.issue(record, caller, label)?;
                let mut body = self.described(head, label, influxdb)?;
                body.extend(login(&issued, caller));
                body
            }
            _ => shared_as_repertoire(&document).ok_or_else(none)?,
        };
        Ok(personal().json(body))
    }

    /// `{discovery}`: what the caller may read.
    pub(crate) fn discovery(
        &self,
        head: &RequestHead,
        prefix: &str,
        caller: Option<&Identity>,
    ) -> Result<HttpResponse, ProxyError> {
        let mut databases = Map::new();
        for label in self.shared.store.names(caller) {
            let Found::Key(document, key) = self.shared.store.find(&label, caller) else {
                continue;
            };
            let described = match (&document.influxdb, key.mode) {
                (Some(influxdb), Mode::Lease) => Some(self.described(head, &label, influxdb)?),
                _ => shared_as_repertoire(&document),
            };
            // One without a registry would make Repertoire's clients refuse all of them.
            let registry = |described: &Map<String, Value>| described["schema_registry"] != "";
            let Some(mut described) = described.filter(registry) else {
                continue;
            };
            described.retain(|name, _| !matches!(name.as_str(), "username" | "password"));
            let credentials = self.realm().public_url(head, &format!("{prefix}/influxdb/{label}"));
            described.insert("credentials_url".to_owned(), credentials.into());
            databases.insert(label, described.into());
        }
        Ok(personal().json(json!({ "influxdb_databases": databases })))
    }

    fn described(
        &self,
        head: &RequestHead,
        label: &str,
        influxdb: &InfluxDb,
    ) -> Result<Map<String, Value>, ProxyError> {
        Ok(Map::from_iter([
            ("url".to_owned(), self.query_url(head, label)?.as_str().into()),
            (
                "database".to_owned(),
                influxdb.databases.first().map(String::as_str).into(),
            ),
            ("schema_registry".to_owned(), influxdb.schema_registry.as_str().into()),
            ("local".to_owned(), true.into()),
        ]))
    }

    fn issue(&self, record: &Record, caller: Option<&Identity>, label: &str) -> Result<Issued, ProxyError> {
        let issued = self.shared.leases.issue(caller, label, SystemTime::now())?;
        record.detail("lease", issued.id.clone());
        Ok(issued)
    }

    /// What there is for a caller; noted, whatever it is.
    fn find(&self, record: &Record, label: &str, caller: Option<&Identity>) -> Found<'_> {
        let found = self.shared.store.find(label, caller);
        note(record, label, &found);
        found
    }

    /// Where the queries of a lease go.
    fn query_url(&self, head: &RequestHead, label: &str) -> Result<Url, ProxyError> {
        let url = format!("{}/efd/{label}/", self.realm().public_base(head));
        Url::parse(&url).map_err(|error| ProxyError::Internal {
            detail: format!("the public URL: {error}"),
        })
    }
}

/// Notes which key somebody asked for, whatever they got.
pub(crate) fn note(record: &Record, label: &str, found: &Found<'_>) {
    if key_name(label).is_ok() {
        record.detail("key", label);
    }
    match found {
        Found::Missing => record.decision(Decision::Denied("not_found"), None),
        _ => record.decision(Decision::Allowed, Some(HAND_OUT.into())),
    }
}

/// As clients of segwarides read it: `port` is a text, `path` has both slashes.
#[expect(
    clippy::disallowed_methods,
    reason = "the caller's own password is what they asked for"
)]
fn as_segwarides(influxdb: &InfluxDb, issued: &Issued, caller: Option<&Identity>, url: &Url) -> String {
    json!({
        "host": url.host_str(),
        "port": url.port_or_known_default().map(|port| port.to_string()),
        "path": url.path(),
        "username": caller.map_or(lease::NOBODY, Identity::user),
        "password": issued.password.expose_secret(),
        "schema_registry": influxdb.schema_registry,
        "expires": OffsetDateTime::from(issued.expires).format(&Rfc3339).ok(),
    })
    .to_string()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the caller's own password is what they asked for"
)]
fn login(issued: &Issued, caller: Option<&Identity>) -> [(String, Value); 2] {
    [
        (
            "username".to_owned(),
            caller.map_or(lease::NOBODY, Identity::user).into(),
        ),
        ("password".to_owned(), issued.password.expose_secret().into()),
    ]
}

/// A shared document in the other dialect, if it is an InfluxDB's.
fn shared_as_repertoire(document: &Document) -> Option<Map<String, Value>> {
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
    let database = text("database").unwrap_or_else(|| "efd".to_owned());
    let mut body = json!({ "url": url, "database": database, "local": false, "schema_registry": text("schema_registry").unwrap_or_default() });
    for name in ["username", "password"] {
        body[name] = text(name)?.into();
    }
    body.as_object().cloned()
}

fn text(mut answer: HttpResponseBuilder, body: String) -> HttpResponse {
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    answer.insert_header(("x-content-type-options", "nosniff"));
    answer.content_type("text/plain; charset=utf-8").body(body)
}
