//! How an audit event looks.

use std::{net::SocketAddr, time::SystemTime};

use serde::Serialize;

use super::{
    RequestId, TunnelRecord,
    counters::NO_TENANT,
    record::{NO_ROUTE, State},
};
use crate::{
    auth::{CacheState, Identity},
    telemetry::json::{MAX_LINE, Timestamp, append, shortened},
};

/// Most bytes of a text that comes from outside: at first, and again for a line that is too long.
const LIMITS: [usize; 2] = [1024, 64];

#[derive(Serialize)]
struct Event<'a> {
    time: &'a str,
    level: &'static str,
    event: &'static str,
    service: &'static str,
    tenant: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<CacheState>,
    method: &'static str,
    route: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    decision: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_status: Option<u16>,
    bytes: u64,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<SocketAddr>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// What an event knows beyond its record's state.
pub(super) struct Circumstances<'a> {
    pub(super) service: &'static str,
    pub(super) request_id: &'a RequestId,
    pub(super) method: &'static str,
    pub(super) peer: Option<SocketAddr>,
    pub(super) microseconds: u64,
    pub(super) status: u16,
}

/// Appends the event to `buffer`, without a line feed.
pub(super) fn write(buffer: &mut Vec<u8>, state: &State, circumstances: &Circumstances<'_>) {
    let start = buffer.len();
    let time = Timestamp::of(SystemTime::now());
    for limit in LIMITS {
        buffer.truncate(start);
        append_event(buffer, time.as_str(), state, circumstances, limit);
        if buffer.len() - start < MAX_LINE {
            return;
        }
    }
}

fn append_event(buffer: &mut Vec<u8>, time: &str, state: &State, circumstances: &Circumstances<'_>, limit: usize) {
    let tenant = state.tenant.as_ref().map_or(NO_TENANT, |tenant| tenant.tenant());
    let user = state
        .identity
        .as_ref()
        .map(|(identity, _)| shortened(identity.user(), limit));
    let rule = state.rule.as_ref().map(|rule| shortened(rule, limit));
    let error = state.error.as_ref().map(|error| shortened(error, limit));
    append(
        buffer,
        &Event {
            time,
            level: "INFO",
            event: "request",
            service: circumstances.service,
            tenant: &shortened(tenant, limit),
            request_id: circumstances.request_id.as_str(),
            user: user.as_deref(),
            identity: state.identity.as_ref().map(|(identity, _)| identity.kind()),
            cache: state.identity.as_ref().map(|(_, cache)| *cache),
            method: circumstances.method,
            route: &shortened(state.route.as_deref().unwrap_or(NO_ROUTE), limit),
            rule: rule.as_deref(),
            decision: state.decision.name(),
            status: circumstances.status,
            upstream_status: state.upstream_status,
            bytes: state.bytes,
            duration_ms: circumstances.microseconds as f64 / 1000.0,
            peer: circumstances.peer,
            outcome: if state.completed { "completed" } else { "aborted" },
            problem: state.problem,
            error: error.as_deref(),
        },
    );
    append_details(buffer, &state.details, limit);
}

/// Adds members to the object that `buffer` ends with.
fn append_details(buffer: &mut Vec<u8>, details: &[(&'static str, String)], limit: usize) {
    for (name, value) in details {
        buffer.pop();
        buffer.push(b',');
        append(buffer, name);
        buffer.push(b':');
        append(buffer, &shortened(value, limit));
        buffer.push(b'}');
    }
}

/// The end of a tunnel.
#[derive(Serialize)]
struct TunnelEvent<'a> {
    time: &'a str,
    level: &'static str,
    event: &'static str,
    service: &'static str,
    tenant: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'static str>,
    route: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    bytes: u64,
    bytes_received: u64,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<SocketAddr>,
    ended_by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_reason: Option<&'a str>,
}

/// What the event of a tunnel knows beyond its record.
pub(super) struct TunnelCircumstances {
    pub(super) service: &'static str,
    pub(super) microseconds: u64,
}

/// Appends the event of a tunnel's end to `buffer`, without a line feed.
pub(super) fn write_tunnel(buffer: &mut Vec<u8>, record: &TunnelRecord, circumstances: &TunnelCircumstances) {
    let start = buffer.len();
    let time = Timestamp::of(SystemTime::now());
    for limit in LIMITS {
        buffer.truncate(start);
        append_tunnel(buffer, time.as_str(), record, circumstances, limit);
        if buffer.len() - start < MAX_LINE {
            return;
        }
    }
}

fn append_tunnel(
    buffer: &mut Vec<u8>,
    time: &str,
    record: &TunnelRecord,
    circumstances: &TunnelCircumstances,
    limit: usize,
) {
    let tenant = record.tenant.as_ref().map_or(NO_TENANT, |tenant| tenant.tenant());
    let user = record
        .identity
        .as_ref()
        .map(|identity| shortened(identity.user(), limit));
    let rule = record.rule.as_ref().map(|rule| shortened(rule, limit));
    let close = record.end.close.as_ref();
    let reason = close.map(|close| shortened(&close.reason, limit));
    append(
        buffer,
        &TunnelEvent {
            time,
            level: "INFO",
            event: "tunnel",
            service: circumstances.service,
            tenant: &shortened(tenant, limit),
            request_id: record.request_id.as_str(),
            user: user.as_deref(),
            identity: record.identity.as_ref().map(Identity::kind),
            route: &shortened(record.route.as_deref().unwrap_or(NO_ROUTE), limit),
            rule: rule.as_deref(),
            bytes: record.traffic.to_caller.get(),
            bytes_received: record.traffic.to_upstream.get(),
            duration_ms: circumstances.microseconds as f64 / 1000.0,
            peer: record.peer,
            ended_by: record.end.why.name(),
            close_code: close.map(|close| close.code),
            close_reason: reason.as_deref(),
        },
    );
    append_details(buffer, &record.details, limit);
}
