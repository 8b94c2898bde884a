//! Stops asking with a credential that the upstream keeps rejecting: many an upstream locks an account after a few
//! failed logins, or wants a CAPTCHA solved, and a locked bot account is worse than a minute of errors.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// So many rejections in a row open it.
const REJECTIONS: u32 = 3;
/// How long it stays open before one request may try again.
const PAUSE: Duration = Duration::from_secs(60);

/// Counts rejections of one credential.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Something was rejected and nothing accepted since. Saves every other request the lock.
    suspicious: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    generation: u64,
    rejections: u32,
    closed_again: Option<Instant>,
}

impl Breaker {
    /// Whether the upstream may be asked with the credential of `generation`.
    pub(super) fn admits(&self, generation: u64, now: Instant) -> bool {
        if !self.suspicious.load(Ordering::Acquire) {
            return true;
        }
        let mut state = self.state();
        if generation > state.generation {
            return true;
        }
        match state.closed_again {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                // This one is the trial; if nobody hears of it again, there is another one later.
                state.closed_again = Some(now + PAUSE);
                true
            }
        }
    }

    /// True when this rejection opened it.
    pub(super) fn rejected(&self, generation: u64, now: Instant) -> bool {
        let mut state = self.state();
        if generation < state.generation {
            return false;
        }
        if generation > state.generation {
            *state = State {
                generation,
                ..State::default()
            };
        }
        state.rejections = state.rejections.saturating_add(1);
        if state.rejections >= REJECTIONS {
            state.closed_again = Some(now + PAUSE);
        }
        self.suspicious.store(true, Ordering::Release);
        state.rejections == REJECTIONS
    }

    /// True when this acceptance closed it.
    pub(super) fn accepted(&self, generation: u64) -> bool {
        if !self.suspicious.load(Ordering::Acquire) {
            return false;
        }
        let mut state = self.state();
        if generation < state.generation {
            return false;
        }
        let was_open = state.closed_again.is_some();
        *state = State {
            generation,
            ..State::default()
        };
        self.suspicious.store(false, Ordering::Release);
        was_open
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_000);

    fn seconds(now: Instant, seconds: u64) -> Instant {
        now + START + Duration::from_secs(seconds)
    }

    #[test]
    fn three_rejections_in_a_row_open_it_for_a_minute_and_then_one_may_try() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        assert!(!breaker.rejected(1, seconds(now, 0)) && !breaker.rejected(1, seconds(now, 1)));
        assert!(breaker.admits(1, seconds(now, 1)), "two are not enough");
        assert!(breaker.rejected(1, seconds(now, 2)), "the third one opens it");
        assert!(!breaker.admits(1, seconds(now, 3)) && !breaker.admits(1, seconds(now, 61)));
        assert!(breaker.admits(1, seconds(now, 62)), "one trial");
        assert!(!breaker.admits(1, seconds(now, 62)), "only one");
        assert!(!breaker.rejected(1, seconds(now, 63)), "it was open already");
        assert!(!breaker.admits(1, seconds(now, 122)));
        assert!(breaker.admits(1, seconds(now, 123)));
        assert!(breaker.accepted(1));
        assert!(breaker.admits(1, seconds(now, 124)) && breaker.admits(1, seconds(now, 124)));
    }

    #[test]
    fn a_trial_that_nobody_hears_of_is_followed_by_another() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..3 {
            breaker.rejected(1, seconds(now, 0));
        }
        assert!(breaker.admits(1, seconds(now, 60)));
        assert!(!breaker.admits(1, seconds(now, 119)));
        assert!(breaker.admits(1, seconds(now, 120)));
    }

    #[test]
    fn an_acceptance_in_between_starts_the_count_again() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..10 {
            assert!(!breaker.rejected(1, now) && !breaker.rejected(1, now) && !breaker.accepted(1));
        }
        assert!(breaker.admits(1, now));
    }

    #[test]
    fn a_newer_credential_closes_it_and_late_news_of_an_older_one_do_not_count() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..3 {
            breaker.rejected(1, now);
        }
        assert!(breaker.admits(2, now));
        assert!(!breaker.rejected(2, now));
        for _ in 0..3 {
            assert!(!breaker.rejected(1, now), "a request that was under way");
        }
        assert!(breaker.admits(2, now));
        breaker.rejected(2, now);
        breaker.accepted(1);
        assert!(breaker.rejected(2, now), "an older acceptance does not count either");
    }
}
