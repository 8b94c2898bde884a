//! What is known of one duty: who holds it, and when its end is told next.

use std::time::Duration;

use tokio::time::Instant;

use super::Unconfirmed;

/// When an end is tried again that failed, and how seldom at last.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LAST_DELAY: Duration = Duration::from_secs(300);
/// How often a platform may refuse an end before it is told no more: with the delays, for some 40 minutes.
pub(super) const REFUSALS: u32 = 16;

#[derive(Debug)]
pub(super) struct Duty {
    pub(super) holders: usize,
    /// Whether the platform may know of it.
    pub(super) begun: bool,
    pub(super) ending: bool,
    pub(super) due: Instant,
    delay: Duration,
    refusals: u32,
}

impl Duty {
    pub(super) fn new(begun: bool) -> Self {
        Self {
            holders: 0,
            begun,
            ending: false,
            due: Instant::now(),
            delay: FIRST_DELAY,
            refusals: 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.holders == 0 && !self.ending
    }

    /// One holder less. `begun`: the platform may know of it by that one.
    pub(super) fn let_go(&mut self, begun: bool) {
        *self = Self {
            holders: self.holders - 1,
            ending: self.ending,
            ..Self::new(self.begun || begun)
        };
    }

    /// Its end was not confirmed: it is told again later. `false`: it has been refused too often, and goes on to be ending.
    pub(super) fn put_off(&mut self, why: &Unconfirmed) -> bool {
        self.refusals += u32::from(matches!(why, Unconfirmed::Refused(_)));
        self.ending = self.refusals >= REFUSALS;
        self.due = Instant::now() + self.delay;
        self.delay = (self.delay * 2).min(LAST_DELAY);
        !self.ending
    }
}
