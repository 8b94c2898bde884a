//! Doors for `fuzz/` (`crate::fuzzing`).

use super::pattern::{Pattern, Segments};

/// A path pattern of a rule.
#[derive(Debug)]
pub struct PathPattern(Pattern);

impl PathPattern {
    /// # Errors
    /// What is wrong with the pattern, in words.
    pub fn new(written: &str) -> Result<Self, String> {
        Pattern::new(written).map(Self)
    }

    /// Whether `path` is meant.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.0.matches(&Segments::of(path))
    }
}
