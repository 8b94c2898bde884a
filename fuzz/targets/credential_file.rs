//! The content of a file that holds a secret.

#![no_main]

use std::{fs, path::PathBuf, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use proxy_core::fuzzing::credential::{clean, read};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;

/// In memory where that can be had: each execution writes the file.
static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| {
    TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .expect("a directory")
});
static FILE: LazyLock<PathBuf> = LazyLock::new(|| DIRECTORY.path().join("secret"));

fuzz_target!(|data: &[u8]| {
    fs::write(&*FILE, data).expect("the file can be written");
    let found = read(&FILE);
    check(data, &found);
    match std::str::from_utf8(data) {
        Ok(text) => {
            let of_variable = clean(text);
            check(data, &of_variable);
            let plain = |found: &Result<SecretString, String>| {
                found
                    .as_ref()
                    .map(|secret| secret.expose_secret().to_owned())
                    .map_err(Clone::clone)
            };
            assert_eq!(plain(&found), plain(&of_variable), "a file means what a variable means");
        }
        Err(_) => assert!(found.is_err()),
    }
});

fn check(data: &[u8], found: &Result<SecretString, String>) {
    match found {
        Ok(secret) => {
            let text = secret.expose_secret();
            assert!(
                !text.trim().is_empty() && !text.chars().any(char::is_control),
                "{text:?}"
            );
            // Nothing but what an editor puts around it is missing.
            let bare = data.strip_prefix("\u{feff}".as_bytes()).unwrap_or(data);
            let around = bare
                .strip_prefix(text.as_bytes())
                .expect("the secret is how the file begins");
            assert!(around.iter().all(|byte| matches!(byte, b'\r' | b'\n')), "{around:?}");
            assert_eq!(format!("{secret:?}"), "SecretBox<str>([REDACTED])");
        }
        Err(what) => {
            let content = String::from_utf8_lossy(data);
            for word in content.split_whitespace().filter(|word| word.len() >= 12) {
                assert!(!what.contains(word), "{what}");
            }
        }
    }
}
