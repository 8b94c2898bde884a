//! What is counted of one tenant: each series is resolved once, as resolving takes a lock that all workers share.

use std::sync::Arc;

use prometheus::{Histogram, IntCounter, IntGauge};

use super::Metrics;

/// The metrics of one tenant.
#[derive(Clone, Debug)]
pub struct TenantMetrics {
    all: Arc<Metrics>,
    tenant: String,
    /// From a request's head to its answer's last byte.
    pub request_seconds: Histogram,
    /// From sending a request upstream to the head of the answer.
    pub upstream_seconds: Histogram,
    /// Requests in progress.
    pub in_flight: IntGauge,
    /// Tunnels that are open, or being opened.
    pub open_tunnels: IntGauge,
    /// Answers that ended in a reset because of the upstream.
    pub cut_answers: IntCounter,
    /// Secrets on disk that cannot be used as they are now: what is made of several files counts once.
    pub unread_credentials: IntGauge,
}

impl TenantMetrics {
    /// The tenant's name.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The metrics of the whole service.
    #[must_use]
    pub fn all(&self) -> &Arc<Metrics> {
        &self.all
    }

    /// Counts one request that a rule denied.
    pub fn denied(&self, rule: &str) {
        self.all
            .denied
            .with_label_values(&[self.all.service, &self.tenant, rule])
            .inc();
    }
}

impl Metrics {
    /// The metrics of one tenant, resolved once.
    #[must_use]
    pub fn tenant(self: &Arc<Self>, tenant: &str) -> TenantMetrics {
        let labels = [self.service, tenant];
        TenantMetrics {
            all: self.clone(),
            tenant: tenant.to_owned(),
            request_seconds: self.request_seconds.with_label_values(&labels),
            upstream_seconds: self.upstream_seconds.with_label_values(&labels),
            in_flight: self.in_flight.with_label_values(&labels),
            open_tunnels: self.open_tunnels.with_label_values(&labels),
            cut_answers: self.cut_answers.with_label_values(&labels),
            unread_credentials: self.credential_unread.with_label_values(&[tenant]),
        }
    }
}
