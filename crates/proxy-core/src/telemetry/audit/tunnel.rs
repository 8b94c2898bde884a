//! The second event of a request that became a tunnel: how it ended. The first was the request's own, with status 101.

use std::{fmt, net::SocketAddr, sync::Arc, time::Instant};

use super::{
    Audit, RequestId,
    event::{self, TunnelCircumstances},
};
use crate::{
    auth::Identity,
    telemetry::metrics::TenantMetrics,
    tunnel::{End, Traffic, Why},
};

/// What is noted of one tunnel. Its event is written when this is dropped.
pub(crate) struct TunnelRecord {
    pub(super) audit: Audit,
    pub(super) request_id: RequestId,
    pub(super) peer: Option<SocketAddr>,
    pub(super) tenant: Option<Arc<TenantMetrics>>,
    pub(super) identity: Option<Identity>,
    pub(super) route: Option<Arc<str>>,
    pub(super) rule: Option<Arc<str>>,
    pub(super) details: Vec<(&'static str, String)>,
    pub(super) started: Instant,
    pub(super) traffic: Arc<Traffic>,
    pub(super) end: End,
}

impl TunnelRecord {
    /// What went through.
    pub(crate) fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// Notes how it ended. Without it, it was let go of before it was over.
    pub(crate) fn ended(&mut self, end: End) {
        self.end = end;
    }
}

impl fmt::Debug for TunnelRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("TunnelRecord").field(&self.request_id).finish()
    }
}

impl Drop for TunnelRecord {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        let circumstances = TunnelCircumstances {
            service: self.audit.0.service,
            microseconds: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        };
        self.audit
            .0
            .append(|buffer| event::write_tunnel(buffer, self, &circumstances));
    }
}

/// A tunnel that nobody has told the end of.
pub(super) const UNTOLD: End = End {
    why: Why::Stopped,
    close: None,
};

#[cfg(test)]
mod tests;
