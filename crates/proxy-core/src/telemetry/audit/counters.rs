//! The counters that one worker's requests are counted on, looked up among all labels once.

use std::{collections::HashMap, sync::Arc};

use prometheus::IntCounter;

use crate::telemetry::metrics::{Metrics, TenantMetrics};

/// More combinations than configuration makes; a route that is not from there does not make the table grow for ever.
const MOST: usize = 1_024;
/// The tenant of a request that belongs to none.
pub(super) const NO_TENANT: &str = "-";

/// Addresses stand for tenant and route: comparing them is cheap, and the table holds on to what is there.
type Key = (usize, usize, &'static str, u16);

#[derive(Default)]
pub(super) struct Counters(HashMap<Key, Counter>);

struct Counter {
    count: IntCounter,
    _tenant: Option<Arc<TenantMetrics>>,
    _route: Option<Arc<str>>,
}

impl Counters {
    pub(super) fn count(
        &mut self,
        metrics: &Metrics,
        tenant: Option<&Arc<TenantMetrics>>,
        route: Option<&Arc<str>>,
        method: &'static str,
        status: u16,
    ) {
        let address = |route: &Arc<str>| Arc::as_ptr(route).cast::<u8>() as usize;
        let key = (
            tenant.map_or(0, |tenant| Arc::as_ptr(tenant) as usize),
            route.map_or(0, address),
            method,
            status,
        );
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            self.0.clear();
        }
        let counter = self.0.entry(key).or_insert_with(|| {
            let tenant_name = tenant.map_or(NO_TENANT, |tenant| tenant.tenant());
            let route_name = route.map_or(super::record::NO_ROUTE, |route| route);
            Counter {
                count: metrics.request_counter(tenant_name, route_name, method, status),
                _tenant: tenant.cloned(),
                _route: route.cloned(),
            }
        });
        counter.count.inc();
    }
}
