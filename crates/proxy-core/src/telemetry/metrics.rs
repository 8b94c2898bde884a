//! Prometheus metrics of one service. Labels come from small closed sets.

mod identity;
mod tenant;

use std::sync::Arc;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
    core::Collector, process_collector::ProcessCollector,
};

pub use self::{
    identity::{AnswerMetrics, IdentityMetrics, KeyMetrics},
    tenant::TenantMetrics,
};

/// Seconds: from a cache hit on loopback to a slow search.
const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// All metrics of one service.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    service: &'static str,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    upstream_seconds: HistogramVec,
    denied: IntCounterVec,
    identity_lookups: IntCounterVec,
    identity_cache: IntCounterVec,
    identity_cache_entries: IntGaugeVec,
    key_fetches: IntCounterVec,
    credential_reloads: IntCounterVec,
    credential_age: IntGaugeVec,
    credential_unread: IntGaugeVec,
    certificate_reloads: IntCounterVec,
    certificate_not_after: IntGaugeVec,
    certificate_unread: IntGaugeVec,
    in_flight: IntGaugeVec,
    open_tunnels: IntGaugeVec,
    cut_answers: IntCounterVec,
    journal_writes: IntCounterVec,
    endings: IntCounterVec,
    audit_lost: IntCounter,
    panics: IntCounter,
    closed_connections: IntCounterVec,
}

impl Metrics {
    /// Metrics with a registry of their own, so that two services in one process do not mix.
    ///
    /// # Panics
    /// Never: names and labels are constants of this file, each used once.
    #[must_use]
    pub fn new(service: &'static str, version: &str) -> Arc<Self> {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntGaugeVec::new(Opts::new(name, help), labels))
        };
        let seconds = |name: &str, help: &str| {
            let options = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
            register(&registry, HistogramVec::new(options, &["service", "tenant"]))
        };
        gauges(
            "nbgate_build_info",
            "Always 1; what is running.",
            &["service", "version"],
        )
        .with_label_values(&[service, version])
        .set(1);
        registry
            .register(Box::new(ProcessCollector::for_self()))
            .expect("the process's own metrics are registered once");
        Arc::new(Self {
            service,
            requests: counters(
                "nbgate_requests_total",
                "Requests answered, by the policy rule that decided (route) and the status code.",
                &["service", "tenant", "route", "method", "status"],
            ),
            request_seconds: seconds(
                "nbgate_request_seconds",
                "From a request's head to its answer's last byte.",
            ),
            upstream_seconds: seconds(
                "nbgate_upstream_seconds",
                "From sending a request upstream to the head of the answer.",
            ),
            denied: counters(
                "nbgate_denied_total",
                "Requests that the policy denied, by rule.",
                &["service", "tenant", "rule"],
            ),
            identity_lookups: counters(
                "nbgate_identity_lookups_total",
                "Callers examined, by identity kind and outcome.",
                &["kind", "outcome"],
            ),
            identity_cache: counters(
                "nbgate_identity_cache_total",
                "Answers about credentials, by identity kind and whether they were cached (hit, miss).",
                &["kind", "result"],
            ),
            identity_cache_entries: gauges(
                "nbgate_identity_cache_entries",
                "Credentials that the cache knows an answer for.",
                &["kind"],
            ),
            key_fetches: counters(
                "nbgate_key_fetches_total",
                "Attempts to fetch an issuer's keys, by outcome (fetched, failed).",
                &["outcome"],
            ),
            credential_reloads: counters(
                "nbgate_credential_reloads_total",
                "Attempts to read a changed credential, by outcome (loaded, failed).",
                &["tenant", "outcome"],
            ),
            credential_age: gauges(
                "nbgate_credential_age_seconds",
                "Time since the credential in use was read.",
                &["tenant"],
            ),
            credential_unread: gauges(
                "nbgate_credential_unread",
                "Secrets on disk that cannot be used as they are now; what was read before stays in use.",
                &["tenant"],
            ),
            certificate_reloads: counters(
                "nbgate_certificate_reloads_total",
                "Attempts to read a changed certificate or its key, by outcome (loaded, failed).",
                &["outcome"],
            ),
            certificate_not_after: gauges(
                "nbgate_certificate_not_after_seconds",
                "Unix time at which the first certificate of the chain in use ends.",
                &["service"],
            ),
            certificate_unread: gauges(
                "nbgate_certificate_unread",
                "1 while the certificate on disk or its key cannot be used; what was read before stays in use.",
                &["service"],
            ),
            in_flight: gauges("nbgate_in_flight", "Requests in progress.", &["service", "tenant"]),
            open_tunnels: gauges(
                "nbgate_open_tunnels",
                "Tunnels (WebSockets) that are open, or being opened.",
                &["service", "tenant"],
            ),
            cut_answers: counters(
                "nbgate_cut_answers_total",
                "Answers that ended in a reset because the upstream broke off or fell silent, or its body held the credential.",
                &["service", "tenant"],
            ),
            journal_writes: counters(
                "nbgate_journal_writes_total",
                "Attempts to write to a journal, by outcome (written, failed).",
                &["outcome"],
            ),
            endings: counters(
                "nbgate_endings_total",
                "Attempts to tell a platform that something has ended there, by outcome (confirmed, failed); given_up: ends that it is told no more.",
                &["outcome"],
            ),
            audit_lost: register(
                &registry,
                IntCounter::new(
                    "nbgate_audit_lost_total",
                    "Log and audit lines lost because standard output did not take them.",
                ),
            ),
            panics: register(
                &registry,
                IntCounter::new("nbgate_panics_total", "Requests that ended in a panic."),
            ),
            closed_connections: counters(
                "nbgate_connections_closed_total",
                "Connections closed for a reason of ours: a deadline (head, idle, write), a request that is not HTTP (malformed), or a handshake that failed (tls).",
                &["reason"],
            ),
            registry,
        })
    }

    /// The exposition format that Prometheus scrapes.
    #[must_use]
    pub fn to_text(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_default()
    }

    /// Counts one attempt to read a changed credential.
    pub fn credential_reload(&self, tenant: &str, loaded: bool) {
        self.credential_reloads
            .with_label_values(&[tenant, if loaded { "loaded" } else { "failed" }])
            .inc();
    }

    /// Notes how old the credential in use is.
    pub fn credential_age(&self, tenant: &str, seconds: u64) {
        self.credential_age
            .with_label_values(&[tenant])
            .set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }

    /// Counts one attempt to read a changed certificate.
    pub fn certificate_reload(&self, loaded: bool) {
        self.certificate_reloads
            .with_label_values(&[if loaded { "loaded" } else { "failed" }])
            .inc();
    }

    /// Notes when the certificate in use ends, in seconds of Unix time.
    pub fn certificate_not_after(&self, seconds: i64) {
        self.certificate_not_after
            .with_label_values(&[self.service])
            .set(seconds);
    }

    /// Whether the certificate on disk cannot be used as it is now.
    #[must_use]
    pub fn unread_certificate(&self) -> IntGauge {
        self.certificate_unread.with_label_values(&[self.service])
    }

    /// Counts one attempt to write to a journal.
    pub fn journal_write(&self, written: bool) {
        self.journal_writes
            .with_label_values(&[if written { "written" } else { "failed" }])
            .inc();
    }

    /// Counts one attempt to tell a platform of an end, by what became of it.
    pub fn ending(&self, outcome: &'static str) {
        self.endings.with_label_values(&[outcome]).inc();
    }

    /// Counts lines that standard output did not take.
    pub fn audit_lost(&self, lines: u64) {
        self.audit_lost.inc_by(lines);
    }

    /// Counts one request that ended in a panic.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// Counts one connection that was closed for a reason of ours.
    pub fn connection_closed(&self, reason: &str) {
        self.closed_connections.with_label_values(&[reason]).inc();
    }

    /// Counts one answered request.
    pub fn request(&self, tenant: &str, route: &str, method: &str, status: u16) {
        self.request_counter(tenant, route, method, status).inc();
    }

    /// The counter that [`Metrics::request`] counts on, for who counts on it often.
    #[must_use]
    pub fn request_counter(&self, tenant: &str, route: &str, method: &str, status: u16) -> IntCounter {
        // Three digits on the stack instead of an allocation for each request.
        let digits = [
            b'0' + (status / 100 % 10) as u8,
            b'0' + (status / 10 % 10) as u8,
            b'0' + (status % 10) as u8,
        ];
        let status = std::str::from_utf8(&digits).unwrap_or("000");
        self.requests
            .with_label_values(&[self.service, tenant, route, method, status])
    }
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: prometheus::Result<C>) -> C {
    let collector = collector.expect("the names and labels of this file are valid");
    registry
        .register(Box::new(collector.clone()))
        .expect("each name of this file is used once");
    collector
}
