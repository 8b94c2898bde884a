//! How an audit event looks.

use std::{net::SocketAddr, time::SystemTime};

use serde::Serialize;

use super::{
    RequestId, TunnelRecord,
    counters::NO_TENANT,
    record::{NO_ROUTE, State},
};
use crate::telemetry::json::{MAX_LINE, Timestamp, append, append_text, shortened};

/// Most bytes of a text that comes from outside: at first, and again for a line that is too long.
const LIMITS: [usize; 2] = [1024, 64];

/// What an event knows beyond its record's state.
pub(super) struct Circumstances<'a> {
    pub(super) service: &'static str,
    pub(super) request_id: &'a RequestId,
    pub(super) method: &'static str,
    pub(super) peer: Option<SocketAddr>,
    pub(super) microseconds: u64,
    pub(super) status: u16,
}

/// What the event of a tunnel knows beyond its record.
pub(super) struct TunnelCircumstances {
    pub(super) service: &'static str,
    pub(super) microseconds: u64,
}

/// Appends the event of a request to `buffer`, without a line feed.
pub(super) fn write(buffer: &mut Vec<u8>, state: &State, circumstances: &Circumstances<'_>) {
    bounded(buffer, "request", |event| append_request(event, state, circumstances));
}

/// Appends the event of a tunnel's end to `buffer`, without a line feed.
pub(super) fn write_tunnel(buffer: &mut Vec<u8>, record: &TunnelRecord, circumstances: &TunnelCircumstances) {
    bounded(buffer, "tunnel", |event| append_tunnel(event, record, circumstances));
}

/// One event, with texts that are short enough for a line.
fn bounded(buffer: &mut Vec<u8>, what: &str, members: impl Fn(&mut Members<'_>)) {
    let start = buffer.len();
    let time = Timestamp::of(SystemTime::now());
    for limit in LIMITS {
        buffer.truncate(start);
        let mut event = Members::begin(buffer, limit);
        event.text("time", time.as_str());
        event.text("level", "INFO");
        event.text("event", what);
        members(&mut event);
        event.end();
        if buffer.len() - start < MAX_LINE {
            return;
        }
    }
}

fn append_request(event: &mut Members<'_>, state: &State, circumstances: &Circumstances<'_>) {
    event.text("service", circumstances.service);
    event.text(
        "tenant",
        state.tenant.as_ref().map_or(NO_TENANT, |tenant| tenant.tenant()),
    );
    event.text("request_id", circumstances.request_id.as_str());
    if let Some((identity, cache)) = &state.identity {
        event.text("user", identity.user());
        event.text("identity", identity.kind());
        event.value("cache", cache);
    }
    event.text("method", circumstances.method);
    event.text("route", state.route.as_deref().unwrap_or(NO_ROUTE));
    event.some("rule", state.rule.as_deref());
    event.text("decision", state.decision.name());
    event.value("status", &circumstances.status);
    if let Some(status) = state.upstream_status {
        event.value("upstream_status", &status);
    }
    event.value("bytes", &state.bytes);
    event.value("duration_ms", &(circumstances.microseconds as f64 / 1000.0));
    if let Some(peer) = circumstances.peer {
        event.value("peer", &peer);
    }
    event.text("outcome", if state.completed { "completed" } else { "aborted" });
    event.some("problem", state.problem);
    event.some("error", state.error.as_deref());
    for (name, value) in &state.details {
        event.text(name, value);
    }
}

fn append_tunnel(event: &mut Members<'_>, record: &TunnelRecord, circumstances: &TunnelCircumstances) {
    let tenant = record.tenant.as_ref().map_or(NO_TENANT, |tenant| tenant.tenant());
    event.text("service", circumstances.service);
    event.text("tenant", tenant);
    event.text("request_id", record.request_id.as_str());
    if let Some(identity) = &record.identity {
        event.text("user", identity.user());
        event.text("identity", identity.kind());
    }
    event.text("route", record.route.as_deref().unwrap_or(NO_ROUTE));
    event.some("rule", record.rule.as_deref());
    event.value("bytes", &record.traffic.to_caller.get());
    event.value("bytes_received", &record.traffic.to_upstream.get());
    event.value("duration_ms", &(circumstances.microseconds as f64 / 1000.0));
    if let Some(peer) = record.peer {
        event.value("peer", &peer);
    }
    event.text("ended_by", record.end.why.name());
    if let Some(close) = &record.end.close {
        event.value("close_code", &close.code);
        event.text("close_reason", &close.reason);
    }
    for (name, value) in &record.details {
        event.text(name, value);
    }
}

/// A JSON object that is written member by member: cheaper than a struct that serde serialises, and there is one for each
/// request.
struct Members<'a> {
    buffer: &'a mut Vec<u8>,
    /// Most bytes of a text.
    limit: usize,
    before: u8,
}

impl<'a> Members<'a> {
    fn begin(buffer: &'a mut Vec<u8>, limit: usize) -> Self {
        Self {
            buffer,
            limit,
            before: b'{',
        }
    }

    /// `name` is one from the code, which needs no escape.
    fn name(&mut self, name: &str) {
        self.buffer.extend_from_slice(&[self.before, b'"']);
        self.buffer.extend_from_slice(name.as_bytes());
        self.buffer.extend_from_slice(b"\":");
        self.before = b',';
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        append_text(self.buffer, &shortened(text, self.limit));
    }

    fn some(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn value(&mut self, name: &str, value: &impl Serialize) {
        self.name(name);
        append(self.buffer, value);
    }

    fn end(self) {
        self.buffer.push(b'}');
    }
}
