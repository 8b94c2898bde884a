//! Doors for `fuzz/` (`crate::fuzzing`).

use std::path::Path;

use secrecy::SecretString;

use super::file;

/// The secret in one file.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn read(path: &Path) -> Result<SecretString, String> {
    let (secrets, _) = file::read(&[path]).map_err(|flaw| flaw.what)?;
    Ok(secrets.into_iter().next().expect("one file has one secret"))
}

/// The secret of a variable.
///
/// # Errors
/// What is wrong with it, in words.
pub fn clean(text: &str) -> Result<SecretString, String> {
    file::clean(text)
}
