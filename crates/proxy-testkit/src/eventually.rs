//! Waiting for a fact instead of sleeping for a guess.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Long enough for anything that works, on a busy machine too.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Asks until `condition` holds.
///
/// # Panics
/// It does not hold before `deadline` has passed.
#[track_caller]
pub fn eventually(deadline: Duration, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < deadline,
            "it still does not hold after {deadline:?}"
        );
        thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_asks_until_the_answer_is_yes() {
        let mut asked = 0;
        eventually(PATIENCE, || {
            asked += 1;
            asked == 3
        });
        assert_eq!(asked, 3);
    }

    #[test]
    #[should_panic(expected = "it still does not hold after 5ms")]
    fn it_gives_up_in_time() {
        eventually(Duration::from_millis(5), || false);
    }
}
