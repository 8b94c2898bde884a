//! Doors into private modules for the fuzz targets of `fuzz/`. Compiled only under `cfg(fuzzing)`, which cargo-fuzz sets.
//!
//! Each is as thin as it can be, so that what a target checks is the code that serves. What is public anyway
//! (`Target::build`, `headers`, `Policy`, `Layers`, `Links`) needs no door.

use serde_json::{Map, Value};

use crate::strict_json;
pub use crate::{
    auth::fuzzing as token, credential::fuzzing as credential, forward::fuzzing as body, policy::fuzzing as policy,
    tunnel::fuzzing as tunnel,
};

/// See `strict_json`.
#[must_use]
pub fn strict_object(bytes: &[u8]) -> Option<Map<String, Value>> {
    strict_json::object(bytes)
}

/// See `strict_json`.
///
/// # Errors
/// What is wrong, in words.
pub fn strict_text(text: &str) -> Result<Value, String> {
    strict_json::parse(text).map_err(|error| error.to_string())
}
