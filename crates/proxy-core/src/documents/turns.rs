//! One look at a time, and nobody waits for ever.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What a look needs, lent to one at a time.
#[derive(Debug)]
pub(super) struct Turns<S> {
    seat: Mutex<Seat<S>>,
    free: Condvar,
}

#[derive(Debug)]
struct Seat<S> {
    /// `None` while somebody has it.
    state: Option<S>,
    /// How many of those looks have begun that somebody waits for.
    begun: u64,
}

impl<S> Turns<S> {
    pub(super) fn new(state: S) -> Self {
        let seat = Seat {
            state: Some(state),
            begun: 0,
        };
        Self {
            seat: Mutex::new(seat),
            free: Condvar::new(),
        }
    }

    /// Has `look` look, unless somebody does already.
    pub(super) fn if_free(&self, look: impl FnOnce(&mut S)) {
        let state = self.locked().state.take();
        self.lend(state, look);
    }

    /// Has `look` look, unless a look of this kind that began after this call is done before it is our turn. Gives up
    /// after `at_most`.
    pub(super) fn after_now(&self, at_most: Duration, look: impl FnOnce(&mut S)) {
        let seat = self.locked();
        let begun = seat.begun;
        let (mut seat, _) = self
            .free
            .wait_timeout_while(seat, at_most, |seat| seat.state.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        if seat.begun > begun {
            return;
        }
        let state = seat.state.take();
        seat.begun += u64::from(state.is_some());
        drop(seat);
        self.lend(state, look);
    }

    fn lend(&self, state: Option<S>, look: impl FnOnce(&mut S)) {
        let mut lent = Lent { turns: self, state };
        if let Some(state) = &mut lent.state {
            look(state);
        }
    }

    fn locked(&self) -> MutexGuard<'_, Seat<S>> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Comes back whatever happens.
struct Lent<'a, S> {
    turns: &'a Turns<S>,
    state: Option<S>,
}

impl<S> Drop for Lent<'_, S> {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            self.turns.locked().state = Some(state);
            self.turns.free.notify_all();
        }
    }
}
