//! The one way to make clients that forward bytes.
//!
//! **Invariant**: a pooled connection is shared only by requests of one tenant that carry the same injected credential
//! and, where the upstream tells people apart, the same user. A response too many on a connection can so reach nobody who
//! could not have asked for it (`docs/decisions/0001-two-http-clients.md`).

mod connect;
mod line;
mod pool;
mod raw;
mod resolver;

use std::{
    cell::RefCell,
    collections::HashMap,
    future::poll_fn,
    rc::{Rc, Weak},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::time::Instant;

use self::pool::{IDLE, Shared};
pub(crate) use self::{
    pool::{AnswerBody, Pool, SendError, Switched},
    raw::Raw,
    resolver::leads_out,
};
use crate::{
    timer::Timer,
    upstream::{Reuse, Upstream},
};

/// Most pools that one worker keeps.
const MAX_POOLS: usize = 1_024;
/// How often idle connections are looked at.
const SWEEP: Duration = Duration::from_secs(2);

/// One worker's clients.
#[derive(Clone)]
pub struct Transport {
    tls: Arc<rustls::ClientConfig>,
    pools: Rc<RefCell<Pools>>,
    shared: Rc<Shared>,
}

type Pools = HashMap<Key, Rc<Pool>>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    tenant: Arc<str>,
    origin: Arc<str>,
    generation: u64,
    user: Option<String>,
}

impl Transport {
    /// Clients that trust what `tls` trusts.
    #[must_use]
    pub fn new(tls: Arc<rustls::ClientConfig>) -> Self {
        Self {
            tls,
            pools: Rc::default(),
            shared: Rc::default(),
        }
    }

    /// The pool for a request of `user` with the credential of this generation. Needs the worker's runtime.
    pub(crate) fn pool(&self, tenant: &Arc<str>, upstream: &Upstream, generation: u64, user: &str) -> Rc<Pool> {
        let key = Key {
            tenant: tenant.clone(),
            origin: upstream.origin.clone(),
            generation,
            user: (upstream.reuse == Reuse::User).then(|| user.to_owned()),
        };
        let now = Instant::now();
        let mut pools = self.pools.borrow_mut();
        if let Some(pool) = pools.get(&key) {
            pool.used.set(now);
            return pool.clone();
        }
        if pools.is_empty() {
            actix_rt::spawn(sweep(Rc::downgrade(&self.pools), self.shared.clone()));
        }
        make_room(&mut pools, now);
        let pool = Pool::new(connect::connector(&self.tls, upstream), upstream, &self.shared);
        pools.insert(key, pool.clone());
        pool
    }
}

/// Closes what has lain idle for too long, and at once what the upstream closes meanwhile, until no pool is left. All have one
/// waker: whatever happens to one idle connection drives all of the worker's, which is cheap at some hundred of them.
async fn sweep(pools: Weak<RefCell<Pools>>, shared: Rc<Shared>) {
    let mut timer = Timer::default();
    poll_fn(|context| {
        let Some(pools) = pools.upgrade() else {
            return Poll::Ready(());
        };
        let (mut pools, now) = (pools.borrow_mut(), Instant::now());
        shared.sweeper.borrow_mut().clone_from(context.waker());
        drop_unused(&mut pools, now);
        for pool in pools.values() {
            pool.sweep(now, context);
        }
        if pools.is_empty() {
            return Poll::Ready(());
        }
        // Only looks at the clock: what is woken for it comes back here.
        timer.poll_past(now + SWEEP, context)
    })
    .await;
}

/// Nobody has asked for these for a while; a request that still has one keeps it.
fn drop_unused(pools: &mut Pools, now: Instant) {
    pools.retain(|_, pool| now.duration_since(pool.used.get()) < 2 * IDLE);
}

/// When there are too many pools, the longest unused one goes.
fn make_room(pools: &mut Pools, now: Instant) {
    drop_unused(pools, now);
    if pools.len() >= MAX_POOLS {
        let oldest = pools
            .iter()
            .min_by_key(|(_, pool)| pool.used.get())
            .map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            pools.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
