//! Whoever holds a duty: it ends after the last of them.

use std::sync::Arc;

use super::Duties;

/// Holds a duty. Dropping it ends the duty, unless somebody else holds it too.
#[must_use = "dropping it ends the duty"]
pub struct Held(pub(super) Option<Holding>);

pub(super) struct Holding {
    pub(super) duties: Arc<Duties>,
    pub(super) duty: Arc<str>,
    pub(super) begun: bool,
}

impl Held {
    /// It never began: the platform has refused.
    pub fn discard(mut self) {
        if let Some(holding) = &mut self.0 {
            holding.begun = false;
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        if let Some(duty) = self.duties.open().get_mut(&self.duty) {
            duty.let_go(self.begun);
        }
        self.duties.wake.notify_one();
    }
}
