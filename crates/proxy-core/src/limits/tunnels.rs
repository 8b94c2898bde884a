//! How many tunnels at once: of one user, and in all. They last for hours, so nobody waits for one, and none takes a place
//! of those that requests have.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{Shared, Slot, one_more, users::Ticket};
use crate::error::ProxyError;

/// When one may ask again who had none left.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How many tunnels, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TunnelBounds {
    /// Of all users together.
    pub max: usize,
    /// Of one user.
    pub max_per_user: usize,
    /// How long nothing may move on one. `None`: for ever.
    pub idle: Option<Duration>,
    /// How long one may be open. `None`: for ever.
    pub lifetime: Option<Duration>,
}

impl Slot {
    /// A place among the tunnels of the user who has this slot.
    ///
    /// # Errors
    /// `TooManyTunnels` if the user's own are all taken, `NoTunnel` if all are.
    pub(crate) fn tunnel(&self) -> Result<TunnelPlace, ProxyError> {
        let TunnelBounds { max, max_per_user, .. } = self.shared.bounds.tunnels;
        let user = self.ticket.user();
        if one_more(&user.tunnels, max_per_user).is_none() {
            return Err(ProxyError::TooManyTunnels {
                limit: max_per_user,
                retry_after: RETRY_AFTER,
            });
        }
        if one_more(&self.shared.tunnels, max).is_none() {
            user.tunnels.fetch_sub(1, Ordering::Relaxed);
            return Err(ProxyError::NoTunnel {
                reason: "the service has as many tunnels as it may have",
                retry_after: RETRY_AFTER,
            });
        }
        self.shared.metrics.open_tunnels.inc();
        Ok(TunnelPlace {
            shared: self.shared.clone(),
            ticket: self.ticket.again(),
        })
    }
}

/// A place among the tunnels. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct TunnelPlace {
    shared: Arc<Shared>,
    ticket: Ticket,
}

impl TunnelPlace {
    pub(crate) fn bounds(&self) -> TunnelBounds {
        self.shared.bounds.tunnels
    }
}

impl Drop for TunnelPlace {
    fn drop(&mut self) {
        self.shared.metrics.open_tunnels.dec();
        self.shared.tunnels.fetch_sub(1, Ordering::Relaxed);
        self.ticket.user().tunnels.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
