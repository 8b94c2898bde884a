//! The path of one query: who asks, for which key, which statements, and only then the InfluxDB.

use std::sync::Arc;

use actix_http::{Payload, RequestHead};
use actix_web::{HttpResponse, http::Method};
use influxql::{Parameters, Statement};
use proxy_core::{
    auth::{self, Identity},
    error::ProxyError,
    forward::{self, Exchange},
    lease,
    pages::personal,
    target::Target,
    telemetry::{Decision, Record},
};
use serde_json::json;

use crate::{
    KIND,
    site::Keys,
    store::{Document, Found, InfluxDb},
};

/// The rule that denies statements, in errors, metrics and audit events.
const RULE: &str = "statements";

impl Keys {
    /// `{prefix}/efd/{label}/query`.
    pub(crate) async fn query(
        &self,
        record: &Record,
        head: &RequestHead,
        label: &str,
        body: Payload,
    ) -> Result<HttpResponse, ProxyError> {
        let (identity, document) = self.admit_query(record, head, label).await?; // who asks, for which key?
        let influxdb = document.influxdb.as_ref().ok_or_else(missing)?;
        let slot = self.shared.realm.limits().enter(identity.subject()).await?; // may they now? A body takes memory
        let form = forward::collect(head, body, &influxdb.upstream, &KIND).await?;
        let form = std::str::from_utf8(&form).map_err(|_| ProxyError::BadRequest("the body is not UTF-8".into()))?;
        let parameters = Parameters::read(head.uri.query().unwrap_or_default(), form).map_err(bad)?; // asking exactly what?
        let statements = self.read_statements(record, &parameters, influxdb)?; // do they only read?
        record.decision(Decision::Allowed, Some("query".into()));
        if statements.iter().all(lists_databases) {
            return Ok(databases(influxdb, statements.len()));
        }
        let target = Target::form(&influxdb.upstream, "query", parameters.to_form(&statements).into())?;
        let authorize = |target| self.policy.authorize(&identity, &Method::POST, target);
        let permit = authorize(target)?; // may it be sent? The policy has the last word
        let source = self.shared.store.credential(label, &document).ok_or_else(missing)?;
        let credential = source.current(&influxdb.upstream.name)?; // as whom?
        let exchange = Exchange {
            identity: &identity,
            upstream: &influxdb.upstream,
            head,
            credentials: &source,
            public_base: String::new(),
            visible: None,
            record,
        };
        self.forwarder
            .forward(permit, credential, &exchange, Payload::None, slot, authorize)
            .await
    }

    /// Who asks, and the key, if they may use it.
    pub(crate) async fn admit_query(
        &self,
        record: &Record,
        head: &RequestHead,
        label: &str,
    ) -> Result<(Identity, Arc<Document>), ProxyError> {
        record.route("query".into());
        let pair = influxql::credentials(head.uri.query().unwrap_or_default()).map_err(bad)?;
        let head = auth::presented_as_basic(head, pair)?;
        let identity = self.query_entrance.identify(record, &head).await?;
        if identity.kind() != lease::KIND {
            self.query_entrance.admit(record, &identity)?; // whoever has a lease was asked when it was issued
        }
        let Found::Key(document, _) = self.find(record, label, Some(&identity)) else {
            return Err(missing());
        };
        ProxyError::unless_one_of(&head.method, &[Method::GET, Method::POST])?;
        Ok((identity, document))
    }

    /// Every statement, if all of them read, and nothing but what the key opens.
    fn read_statements(
        &self,
        record: &Record,
        parameters: &Parameters,
        influxdb: &InfluxDb,
    ) -> Result<Vec<Statement>, ProxyError> {
        let read = influxql::read(&parameters.statements).map_err(|refusal| {
            record.detail("statements", refusal.kind);
            (refusal.what, format!("The statement is: {}. Only SELECT without INTO, SHOW of measurements, fields, tags, series and retention policies, and EXPLAIN are passed on.", refusal.kind))
        });
        let checked = read.and_then(|statements| {
            record.detail("statements", influxql::kinds(&statements));
            if self.shared.audits_statements {
                record.detail("statement_texts", influxql::text(&statements));
            }
            check(&statements, parameters, influxdb).map(|()| statements)
        });
        checked.map_err(|(what, hint)| {
            record.decision(Decision::Denied("policy_denied"), Some(RULE.into()));
            self.shared.realm.metrics().denied(RULE);
            ProxyError::ContentDenied { rule: RULE, what, hint }
        })
    }
}

/// What the key does not open is refused, whoever asks.
fn check(statements: &[Statement], parameters: &Parameters, influxdb: &InfluxDb) -> Result<(), (String, String)> {
    let mut named = statements
        .iter()
        .flat_map(|statement| &statement.databases)
        .chain(&parameters.database);
    if !named.all(|name| influxdb.databases.contains(name)) {
        let what = "a database is named that this key does not open".to_owned();
        let hint = format!("Databases of this key: {}.", influxdb.databases.join(", "));
        return Err((what, hint));
    }
    if statements.iter().any(lists_databases) && !statements.iter().all(lists_databases) {
        let what = "SHOW DATABASES stands beside other statements".to_owned();
        return Err((what, "Send SHOW DATABASES by itself.".to_owned()));
    }
    Ok(())
}

fn lists_databases(statement: &Statement) -> bool {
    statement.kind == "SHOW DATABASES"
}

/// The same for whoever may not read a key and for a key that is not there.
fn missing() -> ProxyError {
    ProxyError::NotFound("there is no such key, or it is not yours to use".into())
}

/// As InfluxDB answers, with the databases that the key opens.
fn databases(influxdb: &InfluxDb, statements: usize) -> HttpResponse {
    let values: Vec<[&str; 1]> = influxdb.databases.iter().map(|name| [name.as_str()]).collect();
    let result = |id: usize| json!({ "statement_id": id, "series": [{ "name": "databases", "columns": ["name"], "values": values }] });
    let results: Vec<_> = (0..statements).map(result).collect();
    personal().json(json!({ "results": results }))
}

fn bad(parameter: influxql::BadParameter) -> ProxyError {
    ProxyError::BadRequest(parameter.to_string().into())
}
