//! How an audit event looks.

use std::{net::SocketAddr, time::SystemTime};

use serde::Serialize;

use super::{
    RequestId,
    counters::NO_TENANT,
    record::{NO_ROUTE, State},
};
use crate::{
    auth::CacheState,
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
    append_details(buffer, state, limit);
}

/// Adds members to the object that `buffer` ends with.
fn append_details(buffer: &mut Vec<u8>, state: &State, limit: usize) {
    for (name, value) in &state.details {
        buffer.pop();
        buffer.push(b',');
        append(buffer, name);
        buffer.push(b':');
        append(buffer, &shortened(value, limit));
        buffer.push(b'}');
    }
}
