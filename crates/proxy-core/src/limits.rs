//! May they now? How many requests of a tenant are in progress at once: of one user, and in all.
//!
//! A request first waits for a place among its own user's, then for one among all. So whoever sends hundreds of requests
//! at once waits behind themselves, and takes no place that others could have.
//!
//! **Invariant**: nobody waits without bound, neither in number nor in time, and a user without requests leaves no trace.

mod tunnels;
mod users;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

pub use self::tunnels::TunnelBounds;
pub(crate) use self::tunnels::TunnelPlace;
use self::users::{Ticket, Users};
use crate::{error::ProxyError, telemetry::TenantMetrics};

/// How much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Requests in progress, of all users together.
    pub max_in_flight: usize,
    /// Requests in progress, of one user.
    pub max_in_flight_per_user: usize,
    /// Requests that may wait, of all users together; one user's may fill half of it.
    pub queue: usize,
    /// How long a request waits.
    pub wait: Duration,
    /// Connections that have been upgraded: these take no place of those above.
    pub tunnels: TunnelBounds,
}

/// The limits of one tenant, shared by all workers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Limits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bounds: Bounds,
    places: Semaphore,
    waiting: AtomicUsize,
    tunnels: AtomicUsize,
    users: Arc<Users>,
    metrics: Arc<TenantMetrics>,
}

impl Limits {
    /// Limits with nobody in progress. A bound of 0 lets nobody in: configuration refuses it.
    #[must_use]
    pub fn new(bounds: Bounds, metrics: Arc<TenantMetrics>) -> Self {
        Self(Arc::new(Shared {
            bounds,
            places: Semaphore::new(bounds.max_in_flight.min(Semaphore::MAX_PERMITS)),
            waiting: AtomicUsize::new(0),
            tunnels: AtomicUsize::new(0),
            users: Users::new(bounds.max_in_flight_per_user.min(Semaphore::MAX_PERMITS)),
            metrics,
        }))
    }

    /// Takes a place for a request of `user`: at once if there is one.
    ///
    /// # Errors
    /// `TooManyRequests` if the user's own places stay taken, `Busy` if those of all do.
    pub async fn enter(&self, user: &str) -> Result<Slot, ProxyError> {
        let Bounds {
            max_in_flight_per_user: limit,
            wait: retry_after,
            ..
        } = self.0.bounds;
        let ticket = self.0.users.ticket(user);
        let mut waiting = None;
        let own = self.place(&ticket.user().places, &ticket, &mut waiting).await;
        let own = own.ok_or(ProxyError::TooManyRequests { limit, retry_after })?;
        let any = self.place(&self.0.places, &ticket, &mut waiting).await;
        let any = any.ok_or(ProxyError::Busy { retry_after })?;
        // From here on it is the slot that gives the places back.
        own.forget();
        any.forget();
        drop(waiting);
        self.0.metrics.in_flight.inc();
        Ok(Slot {
            shared: self.0.clone(),
            ticket,
        })
    }

    /// One of `places`; a request that has to wait twice keeps its place in the queue and its deadline.
    async fn place<'a>(
        &self,
        places: &'a Semaphore,
        ticket: &Ticket,
        waiting: &mut Option<Waiting>,
    ) -> Option<SemaphorePermit<'a>> {
        if let Ok(place) = places.try_acquire() {
            return Some(place);
        }
        let deadline = match waiting {
            Some(waiting) => waiting.deadline,
            None => waiting.insert(Waiting::begin(&self.0, ticket)?).deadline,
        };
        timeout_at(deadline, places.acquire()).await.ok()?.ok()
    }
}

/// A place among the requests in progress. Move it into the answer's body: dropping it gives the place back.
#[derive(Debug)]
#[must_use = "dropping it gives the place back"]
pub struct Slot {
    shared: Arc<Shared>,
    ticket: Ticket,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.metrics.in_flight.dec();
        self.shared.places.add_permits(1);
        self.ticket.user().places.add_permits(1);
    }
}

/// A place in the queue.
#[derive(Debug)]
struct Waiting {
    shared: Arc<Shared>,
    user: Arc<users::User>,
    deadline: Instant,
}

impl Waiting {
    /// `None` if the queue is full, or half of it is this user's.
    fn begin(shared: &Arc<Shared>, ticket: &Ticket) -> Option<Self> {
        let Bounds { queue, wait, .. } = shared.bounds;
        let user = ticket.user();
        one_more(&user.waiting, queue.div_ceil(2))?;
        if one_more(&shared.waiting, queue).is_none() {
            user.waiting.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self {
            shared: shared.clone(),
            user: user.clone(),
            deadline: Instant::now() + wait,
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.user.waiting.fetch_sub(1, Ordering::Relaxed);
        self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn one_more(count: &AtomicUsize, most: usize) -> Option<usize> {
    let more = |count| (count < most).then_some(count + 1);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()
}

#[cfg(test)]
mod tests;
