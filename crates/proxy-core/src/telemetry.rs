//! What operators see: metrics, audit events, the log and its spans.
//!
//! **Invariant**: no user, no path and no query is ever a metric label; no token and no query string is ever logged; a
//! line is one line of at most 8 KiB, whatever callers and upstreams send.

pub mod audit;
mod json;
mod lines;
mod log;
mod log_layer;
mod metrics;
mod root_span;

pub(crate) use self::audit::TunnelRecord;
pub use self::{
    audit::{Audit, AuditedBody, Decision, Record, RequestId},
    lines::{Captured, Lines, LogLine},
    log::{check_level, start_logging},
    metrics::{AnswerMetrics, IdentityMetrics, KeyMetrics, Metrics, TenantMetrics},
    root_span::RequestSpan,
};
