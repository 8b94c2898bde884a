//! A limit on the time between two events, cheap when events are frequent.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Fires when nothing has happened for a while. The timer is set at the first wait and moved only when it fires.
#[derive(Debug)]
pub(crate) struct Idle {
    limit: Duration,
    last: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            last: None,
            timer: None,
        }
    }

    /// Something happened.
    pub(crate) fn touch(&mut self) {
        self.last = None;
    }

    /// Ready when nothing has happened for the limit; call it when the source is pending.
    pub(crate) fn poll_expired(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = *self.last.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        loop {
            std::task::ready!(timer.as_mut().poll(context));
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}
