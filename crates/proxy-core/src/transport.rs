//! The one way to make clients that forward bytes.
//!
//! **Invariant**: a pooled connection is shared only by requests of one tenant that carry the same injected credential
//! and, where the upstream tells people apart, the same user. A response too many on a connection can so reach nobody who
//! could not have asked for it (`docs/decisions/0001-two-http-clients.md`).

mod connect;
mod resolver;

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use self::{connect::Within, resolver::GuardedResolver};
use crate::{
    forward::upload::Upload,
    upstream::{Reuse, Upstream},
};

/// Most pools that one worker keeps.
const MAX_POOLS: usize = 1_024;
/// How long a connection, or a pool, may be unused.
const IDLE: Duration = Duration::from_secs(60);
/// Idle connections kept in one pool.
const MAX_IDLE: usize = 64;
/// Bounds what one connection buffers of an upstream's head or body.
const BUFFER: usize = 128 * 1024;

pub(crate) type Pool = Client<Within<HttpsConnector<HttpConnector<GuardedResolver>>>, Upload>;

/// One worker's clients.
#[derive(Clone)]
pub struct Transport {
    tls: Arc<rustls::ClientConfig>,
    pools: Rc<RefCell<HashMap<Key, Entry>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    tenant: Arc<str>,
    origin: String,
    generation: u64,
    user: Option<String>,
    reuse: bool,
}

struct Entry {
    pool: Pool,
    used: Instant,
}

impl Transport {
    /// Clients that trust what `tls` trusts.
    #[must_use]
    pub fn new(tls: Arc<rustls::ClientConfig>) -> Self {
        Self {
            tls,
            pools: Rc::default(),
        }
    }

    /// The pool for a request of `user` with the credential of this generation.
    pub(crate) fn pool(&self, tenant: &Arc<str>, upstream: &Upstream, generation: u64, user: &str) -> Pool {
        let key = Key {
            tenant: tenant.clone(),
            origin: upstream.origin(),
            generation,
            user: (upstream.reuse == Reuse::User).then(|| user.to_owned()),
            reuse: upstream.reuse != Reuse::Never,
        };
        let now = Instant::now();
        let mut pools = self.pools.borrow_mut();
        if let Some(entry) = pools.get_mut(&key) {
            entry.used = now;
            return entry.pool.clone();
        }
        make_room(&mut pools, now);
        let pool = self.connect(upstream);
        pools.insert(
            key,
            Entry {
                pool: pool.clone(),
                used: now,
            },
        );
        pool
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where hyper clients are made"
    )]
    fn connect(&self, upstream: &Upstream) -> Pool {
        let mut http = HttpConnector::new_with_resolver(GuardedResolver::new(upstream.authority.host()));
        http.set_nodelay(true);
        http.enforce_http(false);
        http.set_keepalive(Some(Duration::from_secs(30)));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config((*self.tls).clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(if upstream.reuse == Reuse::Never { 0 } else { MAX_IDLE })
            .http1_max_headers(100)
            .http1_max_buf_size(BUFFER)
            .retry_canceled_requests(false)
            .set_host(true)
            .build(Within::new(https, upstream.timeouts.connect))
    }
}

/// Drops pools that nobody has used for a while, and the longest unused one when there are too many.
fn make_room(pools: &mut HashMap<Key, Entry>, now: Instant) {
    pools.retain(|_, entry| now.duration_since(entry.used) < 2 * IDLE);
    if pools.len() >= MAX_POOLS {
        let oldest = pools
            .iter()
            .min_by_key(|(_, entry)| entry.used)
            .map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            pools.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
