//! What is noted of one request along its path.

use std::{cell::RefCell, fmt, net::SocketAddr, rc::Rc, sync::Arc, time::Instant};

use actix_web::http::Method;

use super::{
    Audit, RequestId, TunnelRecord,
    event::{self, Circumstances},
    method_label,
    tunnel::UNTOLD,
};
use crate::{
    auth::{CacheState, Identity},
    telemetry::{json::beginning, metrics::TenantMetrics},
    tunnel::Traffic,
};

/// The route of a request that no rule and no page of the service matched.
pub(super) const NO_ROUTE: &str = "none";
/// The status in events and metrics when the client left before there was one; nginx's number.
const CLIENT_LEFT: u16 = 499;
/// Most bytes that are kept of an error's text.
const MAX_ERROR: usize = 1024;

/// What the policy said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decision {
    /// It was never asked: the request failed before.
    #[default]
    None,
    /// It allowed the request, or a page of the service's own let the caller in.
    Allowed,
    /// It denied the request, or a scope or group is missing that every request needs; the name of the problem that the caller was told.
    Denied(&'static str),
}

impl Decision {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Allowed => "allowed",
            Self::Denied(_) => "denied",
        }
    }
}

/// One request's event. Cheap to clone; written once, when the last clone is dropped.
#[derive(Clone)]
pub struct Record(Rc<Inner>);

struct Inner {
    audit: Audit,
    request_id: RequestId,
    method: &'static str,
    peer: Option<SocketAddr>,
    started: Instant,
    state: RefCell<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) tenant: Option<Arc<TenantMetrics>>,
    pub(super) identity: Option<(Identity, CacheState)>,
    pub(super) route: Option<Arc<str>>,
    pub(super) decision: Decision,
    pub(super) rule: Option<Arc<str>>,
    pub(super) problem: Option<&'static str>,
    pub(super) error: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) upstream_status: Option<u16>,
    pub(super) bytes: u64,
    pub(super) completed: bool,
    /// What the service itself has to say of the request.
    pub(super) details: Vec<(&'static str, String)>,
}

impl Record {
    /// Begins the event of a request whose head has arrived.
    #[must_use]
    pub fn start(audit: &Audit, request_id: RequestId, method: &Method, peer: Option<SocketAddr>) -> Self {
        audit.start_flusher();
        Self(Rc::new(Inner {
            audit: audit.clone(),
            request_id,
            method: method_label(method),
            peer,
            started: Instant::now(),
            state: RefCell::default(),
        }))
    }

    /// The request's id.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.0.request_id
    }

    /// Whether the answer has no body, whatever its head says.
    pub(super) fn asks_for_head_only(&self) -> bool {
        self.0.method == "HEAD"
    }

    /// Notes whom the request belongs to.
    pub fn tenant(&self, metrics: &Arc<TenantMetrics>) {
        self.0.state.borrow_mut().tenant = Some(metrics.clone());
    }

    /// Notes who calls.
    pub fn identity(&self, identity: &Identity, cache: CacheState) {
        self.0.state.borrow_mut().identity = Some((identity.clone(), cache));
    }

    /// Notes the rule or page that the request is counted under: a name from configuration or from the code.
    pub fn route(&self, route: Arc<str>) {
        self.0.state.borrow_mut().route = Some(route);
    }

    /// Notes what the policy said, and which rule of it, in place of what was noted before.
    pub fn decision(&self, decision: Decision, rule: Option<Arc<str>>) {
        let mut state = self.0.state.borrow_mut();
        state.decision = decision;
        state.rule = rule;
        state.problem = match decision {
            Decision::Denied(problem) => Some(problem),
            Decision::None | Decision::Allowed => None,
        };
    }

    /// Notes what went wrong: the problem's name, and for operators the error's `Debug` text.
    pub fn problem(&self, name: &'static str, detail: Option<String>) {
        let mut state = self.0.state.borrow_mut();
        state.problem = Some(name);
        state.error = detail.map(|mut text| {
            text.truncate(beginning(&text, MAX_ERROR).len());
            text
        });
    }

    /// Notes something that only this service knows of: a member `name` of the event, in place of what was noted under it.
    /// The value may be read by whoever reads the log: no secret, nothing that the caller alone should know.
    pub fn detail(&self, name: &'static str, value: impl Into<String>) {
        let details = &mut self.0.state.borrow_mut().details;
        details.retain(|(known, _)| *known != name);
        details.push((name, value.into()));
    }

    /// Notes the status that the upstream answered with.
    pub fn upstream_status(&self, status: u16) {
        self.0.state.borrow_mut().upstream_status = Some(status);
    }

    /// Notes the status that the caller is answered with.
    pub fn status(&self, status: u16) {
        self.0.state.borrow_mut().status = Some(status);
    }

    /// Adds bytes of the body on their way to the caller.
    pub fn sent(&self, bytes: u64) {
        self.0.state.borrow_mut().bytes += bytes;
    }

    /// Notes that the answer is out as a whole. Without it the client left, or the upstream broke off.
    pub fn completed(&self) {
        self.0.state.borrow_mut().completed = true;
    }

    /// Notes that a tunnel begins, whose end has an event of its own.
    pub(crate) fn tunnel(&self) -> TunnelRecord {
        self.status(101);
        self.completed();
        let state = self.0.state.borrow();
        TunnelRecord {
            audit: self.0.audit.clone(),
            request_id: self.0.request_id,
            peer: self.0.peer,
            tenant: state.tenant.clone(),
            identity: state.identity.as_ref().map(|(identity, _)| identity.clone()),
            route: state.route.clone(),
            rule: state.rule.clone(),
            details: state.details.clone(),
            started: Instant::now(),
            traffic: Traffic::new(),
            end: UNTOLD,
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Record").field(&self.0.request_id).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        let state = self.state.get_mut();
        let status = state.status.unwrap_or(CLIENT_LEFT);
        let writer = &self.audit.0;
        if let Some(tenant) = &state.tenant {
            tenant.request_seconds.observe(elapsed.as_secs_f64());
        }
        let (tenant, route) = (state.tenant.as_ref(), state.route.as_ref());
        writer
            .counters
            .borrow_mut()
            .count(&writer.metrics, tenant, route, self.method, status);
        let circumstances = Circumstances {
            service: writer.service,
            request_id: &self.request_id,
            method: self.method,
            peer: self.peer,
            microseconds: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            status,
        };
        writer.append(|buffer| event::write(buffer, state, &circumstances));
    }
}
