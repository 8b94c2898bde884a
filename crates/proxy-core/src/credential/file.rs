//! Reads the files of one credential as they were at one moment.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::files::{self, Flaw, MAX_SIZE, Reader};

/// Reads all of `paths` in one state, and says where they really were.
pub(super) fn read(paths: &[&Path]) -> Result<(Vec<SecretString>, Vec<PathBuf>), Flaw> {
    files::together(paths, read_one)
}

pub(super) fn read_one(path: &Path) -> Result<SecretString, String> {
    let mut reader = Reader::new(MAX_SIZE);
    clean(reader.read(path).map_err(|what| what.to_string())?)
}

/// The secret of a file or variable, without what editors and templates put around it.
pub(super) fn clean(text: &str) -> Result<SecretString, String> {
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err("is empty: write the secret into it".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err(
            "holds a line break or another control character within the secret: write the secret alone into it"
                .to_owned(),
        );
    }
    Ok(SecretString::from(text))
}
