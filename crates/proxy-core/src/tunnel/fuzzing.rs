//! Doors for `fuzz/` (`crate::fuzzing`).

use super::{Close, frames::Frames};

/// Follows a stream of frames.
#[derive(Debug, Default)]
pub struct Tracker(Frames);

impl Tracker {
    /// Goes on with `bytes` to the end of a frame, if one ends there: its index.
    pub fn next_boundary(&mut self, bytes: &[u8]) -> Option<usize> {
        self.0.next_boundary(bytes)
    }

    /// Goes on with all of `bytes`.
    pub fn advance(&mut self, bytes: &[u8]) {
        self.0.advance(bytes);
    }

    /// Whether the next byte begins a frame.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.0.at_boundary()
    }

    /// Whether a whole close frame has gone by.
    #[must_use]
    pub fn closed(&self) -> bool {
        self.0.closed()
    }
}

/// A close frame of ours.
#[must_use]
pub fn close_frame(code: u16, reason: String, mask: Option<[u8; 4]>) -> Vec<u8> {
    let close = Close {
        code,
        reason: reason.into(),
    };
    close.to_frame(mask)
}
