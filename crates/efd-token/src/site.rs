//! What is where: the routes of segwarides and of the queries below one prefix, those of Repertoire below another.

use actix_http::{Payload, RequestHead};
use actix_web::{HttpResponse, http::Method};
use percent_encoding::percent_decode_str;
use proxy_core::{
    auth::Identity,
    entrance::Entrance,
    error::ProxyError,
    forward::{self, Forwarder},
    pages::personal,
    policy::{Policy, Verdict},
    realm::Realm,
    site::Site,
    telemetry::{Decision, Record},
};
use serde_json::{Map, Value, json};

use crate::{ABOUT, KIND, Shared, config::Mode, store::Found};

/// What a client of InfluxDB may read of a version: it tells nothing of the one behind.
const VERSION: &str = "1.x";
/// The rule that hand-outs and lists are allowed by.
pub(crate) const HAND_OUT: &str = "hand-out";

/// Whose routes are below a prefix.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dialect {
    /// Those of segwarides, and the queries.
    Segwarides,
    Repertoire,
}

/// What of one tenant is below one prefix, of one worker.
pub(crate) struct Keys {
    pub(crate) dialect: Dialect,
    pub(crate) prefix: String,
    pub(crate) entrance: Entrance,
    /// The same for queries, where leases count too.
    pub(crate) query_entrance: Entrance,
    pub(crate) policy: Policy,
    pub(crate) forwarder: Forwarder,
    pub(crate) shared: Shared,
}

/// What is asked for below a prefix.
enum Route<'p> {
    Root,
    List,
    Key(&'p str),
    /// Below an InfluxDB of ours.
    Database(&'p str, &'p str),
    Unknown,
    /// Repertoire's: all databases, one of them, and what is not there.
    Discovery,
    Discovered(&'p str),
    Undiscovered,
}

impl Route<'_> {
    /// As metrics and audit events have it.
    fn name(&self) -> &'static str {
        match self {
            Self::Root => "metadata",
            Self::List => "list",
            Self::Key(_) => "creds",
            Self::Database(..) | Self::Unknown => "none",
            Self::Discovery | Self::Discovered(_) | Self::Undiscovered => "discovery",
        }
    }
}

impl Keys {
    /// Names are compared as they are written: none of ours is ever encoded.
    fn route<'p>(&self, path: &'p str) -> Route<'p> {
        let below = path.strip_prefix(self.prefix.as_str());
        let segments: Option<Vec<&str>> = below.map(|below| below.split('/').skip(1).collect());
        match (self.dialect, segments.as_deref()) {
            (Dialect::Segwarides, Some([] | [""])) => Route::Root,
            (Dialect::Segwarides, Some(["list"])) => Route::List,
            (Dialect::Segwarides, Some(["creds", label])) => Route::Key(label),
            // The client `influxdb` puts a slash behind the path that it is given, which has one.
            (Dialect::Segwarides, Some(["efd", label, page] | ["efd", label, "", page])) => {
                Route::Database(label, page)
            }
            (Dialect::Segwarides, _) => Route::Unknown,
            (Dialect::Repertoire, Some([] | [""])) => Route::Discovery,
            (Dialect::Repertoire, Some(["influxdb", label])) if !label.is_empty() => Route::Discovered(label),
            (Dialect::Repertoire, _) => Route::Undiscovered,
        }
    }

    /// Whether `identity` could read `label`.
    fn verdict(&self, identity: &Identity, label: &str, rule: &'static str) -> Verdict {
        match self.shared.store.find(label, Some(identity)) {
            Found::Key(_, key) if rule == HAND_OUT || key.mode == Mode::Lease => Verdict::Allowed(rule.into()),
            _ => Verdict::Unknown,
        }
    }
}

impl Site for Keys {
    fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    async fn handle(&self, record: &Record, head: &RequestHead, body: Payload) -> Result<HttpResponse, ProxyError> {
        let route = self.route(head.uri.path());
        if let Route::Database(label, page) = route {
            return match page {
                "query" => self.query(record, head, label, body).await,
                "ping" | "health" => alive(record, head, &self.shared.realm, page),
                _ => Err(ProxyError::NotFound(
                    "of an InfluxDB, only `query`, `ping` and `health` are here".into(),
                )),
            };
        }
        record.route(route.name().into());
        let asked = self.let_in(record, head).await?;
        match route {
            Route::Root => Ok(personal().json(json!({ "_metadata": ABOUT.metadata() }))),
            Route::List => Ok(self.list(&asked)),
            Route::Key(label) => self.credentials(&asked, &percent_decode_str(label).decode_utf8_lossy()),
            Route::Database(..) | Route::Unknown => Err(ProxyError::NotFound(KIND.not_found.into())),
            Route::Discovery => self.discovery(&asked),
            Route::Discovered(label) => self.discovered(&asked, label),
            Route::Undiscovered => Err(ProxyError::NotFound("there is no such page of the discovery".into())),
        }
    }

    async fn preview(&self, record: &Record, head: &RequestHead) -> Result<(), ProxyError> {
        match self.route(head.uri.path()) {
            Route::Database(label, "query") => {
                let (_, document) = self.admit_query(record, head, label).await?;
                let influxdb = document.influxdb.as_ref();
                influxdb.map_or(Ok(()), |influxdb| forward::admit_body(head, &influxdb.upstream, &KIND))
            }
            _ => ProxyError::unless_read(&head.method),
        }
    }

    fn explain(&self, identity: &Identity, method: &Method, target: &str) -> Result<Verdict, ProxyError> {
        Ok(match self.route(target.split('?').next().unwrap_or_default()) {
            Route::Database(_, "query") if !matches!(*method, Method::GET | Method::POST) => {
                Verdict::Method("GET, POST".to_owned())
            }
            Route::Database(label, "query") => self.verdict(identity, label, "query"),
            Route::Unknown => Verdict::Unknown,
            _ if ProxyError::unless_read(method).is_err() => Verdict::Method("GET, HEAD".to_owned()),
            Route::Root | Route::List | Route::Discovery => Verdict::Allowed(HAND_OUT.into()),
            Route::Key(label) | Route::Discovered(label) => self.verdict(identity, label, HAND_OUT),
            Route::Database(_, "ping" | "health") => Verdict::Allowed("alive".into()),
            Route::Database(..) | Route::Undiscovered => Verdict::Unknown,
        })
    }

    fn policy_table(&self) -> String {
        self.shared.table.to_string()
    }

    fn operations(&self) -> Map<String, Value> {
        let described = match self.dialect {
            Dialect::Segwarides => KIND.operations,
            Dialect::Repertoire => include_str!("../config/discovery.json"),
        };
        serde_json::from_str(described).unwrap_or_default()
    }
}

/// `ping` and `health`: clients ask without a credential. The same for every name, there or not; nothing is forwarded.
fn alive(record: &Record, head: &RequestHead, realm: &Realm, page: &str) -> Result<HttpResponse, ProxyError> {
    record.tenant(realm.metrics());
    record.route("alive".into());
    ProxyError::unless_read(&head.method)?;
    record.decision(Decision::Allowed, None);
    let mut answer = match page {
        "ping" => HttpResponse::NoContent(),
        _ => HttpResponse::Ok(),
    };
    answer
        .insert_header(("x-influxdb-version", VERSION))
        .insert_header(("cache-control", "no-store"));
    Ok(match page {
        "ping" => answer.finish(),
        _ => answer.json(json!({ "name": "influxdb", "message": "ready for queries", "status": "pass", "checks": [] })),
    })
}
