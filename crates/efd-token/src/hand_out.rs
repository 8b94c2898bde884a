//! What is handed out: lists and documents, in the dialects of segwarides and of Repertoire. Each answer is about one caller.

use std::time::SystemTime;

use actix_http::RequestHead;
use actix_web::{HttpResponse, HttpResponseBuilder, http::header::CACHE_CONTROL};
use proxy_core::{
    auth::{self, Identity},
    error::{ProxyError, Reason},
    lease::{self, Issued},
    pages::personal,
    telemetry::{Decision, Record},
};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use url::Url;

use crate::{
    config::{KeyConfig, Mode},
    site::Keys,
    store::{Document, Found, InfluxDb},
};

/// Whom a lease is for that is handed to a caller without a credential.
const ANONYMOUS: &str = "anonymous";

impl Keys {
    /// Who asks: nobody known, where there is something for such callers and no credential was sent.
    pub(crate) async fn caller(&self, record: &Record, head: &RequestHead) -> Result<Option<Identity>, ProxyError> {
        let head = auth::presented_as_basic(head, None)?;
        if lease::is_presented(&head) {
            record.tenant(self.realm().metrics());
            let what = "a lease is good for queries only: send your platform token";
            return Err(ProxyError::Rejected(Reason::Unacceptable(what.into())));
        }
        match self.entrance.authenticate(record, &head).await {
            Ok(identity) => Ok(Some(identity)),
            Err(ProxyError::Unauthenticated) if self.store.is_open() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `{prefix}/list`.
    pub(crate) fn list(&self, caller: Option<&Identity>) -> HttpResponse {
        personal().json(self.store.names(caller))
    }

    /// `{prefix}/creds/{label}`: texts and types as segwarides has them.
    pub(crate) fn credentials(
        &self,
        record: &Record,
        head: &RequestHead,
        label: &str,
        caller: Option<&Identity>,
    ) -> Result<HttpResponse, ProxyError> {
        match self.store.find(label, caller) {
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
        note(record, label, key);
        let body = match (&document.influxdb, key.mode) {
            (Some(influxdb), Mode::Lease) => {
                let issued = self.issue(record, caller, label)?;
                as_segwarides(influxdb, &issued, caller, &self.query_url(head, label)?)
            }
            _ => shared(document),
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
        let found = self.store.find(label, caller);
        let (Found::Key(document, key), none) = (found, "there is no such database here, or it is not yours to use")
        else {
            return Err(ProxyError::NotFound(
                "there is no such database here, or it is not yours to use".into(),
            ));
        };
        note(record, label, key);
        let body = match (&document.influxdb, key.mode) {
            (Some(influxdb), Mode::Lease) => {
                let issued = self.issue(record, caller, label)?;
                let mut body = self.described(head, label, influxdb)?;
                body.extend(login(&issued, caller));
                body
            }
            _ => shared_as_repertoire(&document).ok_or_else(|| ProxyError::NotFound(none.into()))?,
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
        for label in self.store.names(caller) {
            let Found::Key(document, key) = self.store.find(&label, caller) else {
                continue;
            };
            let described = match (&document.influxdb, key.mode) {
                (Some(influxdb), Mode::Lease) => Some(self.described(head, &label, influxdb)?),
                _ => shared_as_repertoire(&document),
            };
            let Some(mut described) = described else {
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
        let user = caller.map_or(ANONYMOUS, Identity::user);
        let issued = self
            .leases
            .issue(user, caller.and_then(Identity::expires), label, SystemTime::now())?;
        record.detail("lease", issued.id.clone());
        Ok(issued)
    }

    /// Where the queries of a lease go.
    fn query_url(&self, head: &RequestHead, label: &str) -> Result<Url, ProxyError> {
        let url = format!("{}/efd/{label}/", self.realm().public_base(head));
        Url::parse(&url).map_err(|error| ProxyError::Internal {
            detail: format!("the public URL: {error}"),
        })
    }
}

fn note(record: &Record, label: &str, key: &KeyConfig) {
    record.detail("key", label);
    record.detail("mode", key.mode.name());
    record.decision(Decision::Allowed, Some("hand-out".into()));
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
        "username": caller.map_or(ANONYMOUS, Identity::user),
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
        ("username".to_owned(), caller.map_or(ANONYMOUS, Identity::user).into()),
        ("password".to_owned(), issued.password.expose_secret().into()),
    ]
}

#[expect(
    clippy::disallowed_methods,
    reason = "a shared document is handed out as it is stored"
)]
fn shared(document: &Document) -> String {
    document.text.expose_secret().to_owned()
}

/// A shared document in the other dialect, if it is an InfluxDB's.
#[expect(
    clippy::disallowed_methods,
    reason = "a shared document is handed out as it is stored"
)]
fn shared_as_repertoire(document: &Document) -> Option<Map<String, Value>> {
    let mut fields: Map<String, Value> = serde_json::from_str(document.text.expose_secret()).ok()?;
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
    let mut body = Map::from_iter([("url".to_owned(), url.into()), ("database".to_owned(), database.into())]);
    for name in ["schema_registry", "username", "password"] {
        body.insert(name.to_owned(), fields.remove(name).unwrap_or_else(|| "".into()));
    }
    Some(body)
}

fn text(mut answer: HttpResponseBuilder, body: String) -> HttpResponse {
    answer.insert_header((CACHE_CONTROL, "no-store"));
    answer.insert_header(("x-content-type-options", "nosniff"));
    answer.content_type("text/plain; charset=utf-8").body(body)
}
