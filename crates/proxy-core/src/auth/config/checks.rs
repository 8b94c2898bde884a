//! What the kinds check alike: platform URLs, lists of names, whole numbers in range.

use std::ops::RangeInclusive;

use serde::Deserializer;
use url::Url;

use crate::config::{
    Problems,
    sections::check::{http_url, is_clear},
    whole,
};

/// The URL of a platform, or what is wrong with the text and what to do. Never repeats the text: it may hold a password.
pub(in crate::auth) fn platform_url(text: &str, allow_insecure_http: bool) -> Result<Url, String> {
    let url = http_url(text)?;
    if is_clear(&url) && !allow_insecure_http {
        return Err(
            "has scheme `http`, so that anybody on the way can read tokens: use https, or set `allow_insecure_http = true`"
                .to_owned(),
        );
    }
    Ok(url)
}

/// `path` below `base`, whether or not `base` ends with a slash.
pub(in crate::auth) fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// Notes a name that no platform can have given.
pub(in crate::auth) fn check_name(key: &str, name: &str, problems: &mut Problems) {
    if name.trim() != name || name.is_empty() || name.chars().any(char::is_control) {
        problems.add(key, "is empty, or has white space around it: correct or remove it");
    }
}

/// The same for each of a list.
pub(in crate::auth) fn check_names(key: &str, names: &[String], problems: &mut Problems) {
    for (index, name) in names.iter().enumerate() {
        check_name(&format!("{key}[{index}]"), name, problems);
    }
}

/// Notes a number out of range.
pub(in crate::auth) fn check_whole(key: &str, number: u64, range: RangeInclusive<u64>, problems: &mut Problems) {
    if !range.contains(&number) {
        problems.add(key, format!("is {number}: use {} to {}", range.start(), range.end()));
    }
}

/// How long an answer about a token is believed where nothing else is said.
pub(in crate::auth) fn default_cache_seconds() -> u64 {
    60
}

/// [`whole`] for a key that may be left out.
pub(in crate::auth) fn some_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    whole(deserializer).map(Some)
}
