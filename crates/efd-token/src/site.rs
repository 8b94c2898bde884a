//! What is where: the routes of segwarides and of the queries below one prefix, those of Repertoire below another.

use std::{rc::Rc, sync::Arc};

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
const READS: &str = "GET, HEAD";

/// One tenant, of one worker.
pub(crate) struct Keys {
    pub(crate) entrance: Entrance,
    /// The same for queries, where leases count too.
    pub(crate) query_entrance: Entrance,
    pub(crate) policy: Policy,
    pub(crate) forwarder: Forwarder,
    pub(crate) shared: Shared,
}

impl Keys {
    pub(crate) fn realm(&self) -> &Arc<Realm> {
        self.entrance.realm()
    }

    /// Whether `identity` could read `label`.
    fn verdict(&self, identity: &Identity, label: &str, rule: &'static str) -> Verdict {
        match self.shared.store.find(label, Some(identity)) {
            Found::Key(_, key) if rule == HAND_OUT || key.mode == Mode::Lease => Verdict::Allowed(rule.into()),
            _ => Verdict::Unknown,
        }
    }
}

/// What is asked for below one prefix.
enum Route<'p> {
    Root,
    List,
    Key(&'p str),
    /// Below an InfluxDB of ours.
    Database(&'p str, &'p str),
    Unknown,
}

/// Names are compared as they are written: none of ours is ever encoded.
fn route<'p>(path: &'p str, prefix: &str) -> Route<'p> {
    let Some(below) = path.strip_prefix(prefix) else {
        return Route::Unknown;
    };
    let segments: Vec<&str> = below.split('/').skip(1).collect();
    match segments[..] {
        [] | [""] => Route::Root,
        ["list"] => Route::List,
        ["creds", label] => Route::Key(label),
        // The client `influxdb` puts a slash behind the path that it is given, which has one.
        ["efd", label, page] | ["efd", label, "", page] => Route::Database(label, page),
        _ => Route::Unknown,
    }
}

/// Segwarides' routes, and the queries.
pub(crate) struct Segwarides(pub(crate) Rc<Keys>);

impl Site for Segwarides {
    fn entrance(&self) -> &Entrance {
        &self.0.entrance
    }

    async fn handle(&self, record: &Record, head: &RequestHead, body: Payload) -> Result<HttpResponse, ProxyError> {
        let keys = &self.0;
        let found = route(head.uri.path(), keys.realm().prefix());
        if let Route::Database(label, page) = found {
            return match page {
                "query" => keys.query(record, head, label, body).await,
                "ping" | "health" => alive(record, head, keys, page),
                _ => Err(ProxyError::NotFound(
                    "of an InfluxDB, only `query`, `ping` and `health` are here".into(),
                )),
            };
        }
        record.route(
            match found {
                Route::Root => "metadata",
                Route::List => "list",
                Route::Key(_) => "creds",
                Route::Database(..) | Route::Unknown => "none",
            }
            .into(),
        );
        let (caller, _slot) = keys.caller(record, head).await?;
        ProxyError::unless_read(&head.method)?;
        record.decision(Decision::Allowed, None);
        match found {
            Route::Root => Ok(personal().json(json!({ "_metadata": ABOUT.metadata() }))),
            Route::List => Ok(keys.list(caller.as_ref())),
            Route::Key(label) => {
                let label = percent_decode_str(label).decode_utf8_lossy();
                keys.credentials(record, head, &label, caller.as_ref())
            }
            Route::Database(..) | Route::Unknown => Err(ProxyError::NotFound(KIND.not_found.into())),
        }
    }

    async fn preview(&self, record: &Record, head: &RequestHead) -> Result<(), ProxyError> {
        match route(head.uri.path(), self.0.realm().prefix()) {
            Route::Database(label, "query") => {
                let (_, document) = self.0.admit_query(record, head, label).await?;
                let influxdb = document.influxdb.as_ref();
                influxdb.map_or(Ok(()), |influxdb| forward::admit_body(head, &influxdb.upstream, &KIND))
            }
            _ => ProxyError::unless_read(&head.method),
        }
    }

    fn explain(&self, identity: &Identity, method: &Method, target: &str) -> Result<Verdict, ProxyError> {
        let path = target.split('?').next().unwrap_or_default();
        Ok(match route(path, self.0.realm().prefix()) {
            Route::Database(_, "query") if !matches!(*method, Method::GET | Method::POST) => {
                Verdict::Method("GET, POST".to_owned())
            }
            Route::Database(label, "query") => self.0.verdict(identity, label, "query"),
            Route::Unknown => Verdict::Unknown,
            _ if ProxyError::unless_read(method).is_err() => Verdict::Method(READS.to_owned()),
            Route::Root | Route::List => Verdict::Allowed(HAND_OUT.into()),
            Route::Key(label) => self.0.verdict(identity, label, HAND_OUT),
            Route::Database(_, "ping" | "health") => Verdict::Allowed("alive".into()),
            Route::Database(..) => Verdict::Unknown,
        })
    }

    fn policy_table(&self) -> String {
        self.0.shared.table.to_string()
    }

    fn operations(&self) -> Map<String, Value> {
        serde_json::from_str(KIND.operations).unwrap_or_default()
    }
}

/// Repertoire's routes.
pub(crate) struct Discovery {
    pub(crate) keys: Rc<Keys>,
    pub(crate) prefix: String,
}

impl Discovery {
    /// The key that a path is about; empty: all of them.
    fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        match path.strip_prefix(self.prefix.as_str())? {
            "" | "/" => Some(""),
            below => below
                .strip_prefix("/influxdb/")
                .filter(|label| !label.is_empty() && !label.contains('/')),
        }
    }
}

impl Site for Discovery {
    fn entrance(&self) -> &Entrance {
        &self.keys.entrance
    }

    async fn handle(&self, record: &Record, head: &RequestHead, _body: Payload) -> Result<HttpResponse, ProxyError> {
        record.route("discovery".into());
        let (caller, _slot) = self.keys.caller(record, head).await?;
        ProxyError::unless_read(&head.method)?;
        record.decision(Decision::Allowed, None);
        match self.below(head.uri.path()) {
            Some("") => self.keys.discovery(head, &self.prefix, caller.as_ref()),
            Some(label) => self.keys.discovered(record, head, label, caller.as_ref()),
            None => Err(ProxyError::NotFound("there is no such page of the discovery".into())),
        }
    }

    async fn preview(&self, _record: &Record, head: &RequestHead) -> Result<(), ProxyError> {
        ProxyError::unless_read(&head.method)
    }

    fn explain(&self, identity: &Identity, method: &Method, target: &str) -> Result<Verdict, ProxyError> {
        Ok(match self.below(target.split('?').next().unwrap_or_default()) {
            _ if ProxyError::unless_read(method).is_err() => Verdict::Method(READS.to_owned()),
            Some("") => Verdict::Allowed(HAND_OUT.into()),
            Some(label) => self.keys.verdict(identity, label, HAND_OUT),
            None => Verdict::Unknown,
        })
    }

    fn policy_table(&self) -> String {
        self.keys.shared.table.to_string()
    }

    fn operations(&self) -> Map<String, Value> {
        serde_json::from_str(include_str!("../config/discovery.json")).unwrap_or_default()
    }
}

/// `ping` and `health`: clients ask without a credential. The same for every name, there or not; nothing is forwarded.
fn alive(record: &Record, head: &RequestHead, keys: &Keys, page: &str) -> Result<HttpResponse, ProxyError> {
    record.tenant(keys.realm().metrics());
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
