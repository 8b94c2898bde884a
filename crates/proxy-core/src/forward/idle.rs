//! A limit on the time between two events, cheap when events are frequent.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;

use crate::timer::Timer;

/// Fires when nothing has happened for a while.
#[derive(Debug)]
pub(crate) struct Idle {
    limit: Duration,
    last: Option<Instant>,
    timer: Timer,
}

impl Idle {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            last: None,
            timer: Timer::default(),
        }
    }

    /// Something happened.
    pub(crate) fn touch(&mut self) {
        self.last = None;
    }

    /// Ready when nothing has happened for the limit; call it when the source is pending.
    pub(crate) fn poll_expired(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = *self.last.get_or_insert_with(Instant::now) + self.limit;
        self.timer.poll_past(deadline, context)
    }
}
