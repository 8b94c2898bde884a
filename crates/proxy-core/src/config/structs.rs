//! Sections that derive `Deserialize`: serde stops at the first mistake, so the rest is read again without it.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Problems,
    problems::is_below,
    reader::{found, unknown_key},
};

/// Most mistakes that are looked for in one table.
const MAX_MISTAKES: usize = 100;

/// Reads a struct that derives `Deserialize` with `deny_unknown_fields`, noting all of its mistakes and not the first
/// alone. Numbers are read `with = whole`.
pub fn read_struct<T: DeserializeOwned>(value: Value, problems: &mut Problems) -> Option<T> {
    if !value.is_object() {
        problems.add("", format!("{}: write a table of keys", found(&value)));
        return None;
    }
    let mut attempt = Attempt {
        value,
        noted: HashSet::new(),
        stand_ins: HashMap::new(),
        problems,
    };
    for _ in 0..MAX_MISTAKES {
        let mut track = serde_path_to_error::Track::new();
        let deserializer = serde_path_to_error::Deserializer::new(attempt.value.clone(), &mut track);
        let error = match T::deserialize(deserializer) {
            // Unknown keys alone leave a section that can be validated; what stands in for a value does not.
            Ok(section) => return attempt.stand_ins.is_empty().then_some(section),
            Err(error) => error.to_string(),
        };
        let path = track.path().to_string();
        let path = if path == "." { "" } else { &path };
        if !attempt.learn(path, &error) {
            return None;
        }
    }
    None
}

struct Attempt<'p> {
    value: Value,
    noted: HashSet<String>,
    /// How many values have been tried at a place where there is none, or a wrong one.
    stand_ins: HashMap<String, usize>,
    problems: &'p mut Problems,
}

impl Attempt<'_> {
    /// Notes the mistake and gets it out of the way; false when that cannot be done.
    fn learn(&mut self, path: &str, error: &str) -> bool {
        match quoted(error) {
            Some(field) if error.starts_with("unknown field") => self.unknown(path, field, error),
            Some(field) if error.starts_with("missing field") => self.missing(&join(path, field)),
            _ if self.stand_ins.contains_key(path) => {
                // Of an enum, serde says what would do.
                let variant = error
                    .rsplit_once("expected ")
                    .and_then(|(_, expected)| quoted(expected));
                match variant.filter(|_| error.starts_with("unknown variant")) {
                    Some(variant) => put(&mut self.value, path, variant.into()),
                    None => self.stand_in(path),
                }
            }
            _ => self.wrong(path, error),
        }
    }

    fn unknown(&mut self, path: &str, field: &str, error: &str) -> bool {
        // The path may name the unknown field or the table that holds it.
        let here = if last(path) == field {
            path.to_owned()
        } else {
            join(path, field)
        };
        if self.noted.insert(here.clone()) {
            let known = error.split('`').skip(3).step_by(2);
            self.problems.add(&here, unknown_key(field, known));
        }
        remove(&mut self.value, &here)
    }

    fn missing(&mut self, here: &str) -> bool {
        // Of a table that is not there itself, nobody misses the keys.
        let above = self.stand_ins.keys().any(|path| is_below(here, path));
        if self.noted.insert(here.to_owned()) && !above {
            self.problems.missing(here);
        }
        self.stand_in(here)
    }

    fn wrong(&mut self, path: &str, error: &str) -> bool {
        let Some(value) = at(&mut self.value, path) else {
            self.problems
                .add(path, "cannot be read: compare it with the built-in configuration");
            return false;
        };
        // A variable `7` is read as a number first; where text is wanted, it is text again.
        if error.contains("expected a string") && (value.is_number() || value.is_boolean()) {
            *value = Value::String(value.to_string());
            return true;
        }
        let what = explain(error, value);
        self.noted.insert(path.to_owned());
        self.problems.add(path, what);
        !path.is_empty() && self.stand_in(path)
    }

    /// Puts the next plausible value at `path`, so that serde goes on to what comes after it.
    fn stand_in(&mut self, path: &str) -> bool {
        let candidates = [
            json!(""),
            json!(0),
            json!(false),
            json!([]),
            json!({}),
            json!("http://localhost/"),
            json!("::1/128"),
        ];
        let tried = self.stand_ins.entry(path.to_owned()).or_default();
        let Some(candidate) = candidates.into_iter().nth(*tried) else {
            return false;
        };
        *tried += 1;
        put(&mut self.value, path, candidate)
    }
}

/// serde repeats what it found, which may be a secret at the wrong place: only what was expected is handed on.
fn explain(error: &str, value: &Value) -> String {
    let expected = error.rsplit_once("expected ").map(|(_, expected)| expected);
    let repeats = ["invalid type", "invalid value", "invalid length", "unknown variant"];
    match expected.filter(|_| repeats.iter().any(|start| error.starts_with(start))) {
        Some(expected) => format!("{}: write {expected}", found(value)),
        None => match value
            .as_str()
            .map(|text| (text, error.replace(&format!("{text:?}"), "…")))
        {
            Some((text, error)) if !text.is_empty() && error.contains(text) => "cannot be read: correct it".to_owned(),
            Some((_, error)) => format!("cannot be read: {error}"),
            None => format!("cannot be read: {error}"),
        },
    }
}

fn quoted(error: &str) -> Option<&str> {
    error.split('`').nth(1)
}

fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() {
        key.to_owned()
    } else {
        format!("{parent}.{key}")
    }
}

fn last(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}

/// The value at a path such as `rule[2].name`.
fn at<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    path.split('.')
        .filter(|step| !step.is_empty())
        .try_fold(value, |value, step| {
            let mut parts = step.split(['[', ']']).filter(|part| !part.is_empty());
            let table = value.get_mut(parts.next()?)?;
            parts.try_fold(table, |list, index| list.get_mut(index.parse::<usize>().ok()?))
        })
}

fn put(value: &mut Value, path: &str, new: Value) -> bool {
    if let Some(old) = at(value, path) {
        *old = new;
        return true;
    }
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    match at(value, parent) {
        Some(Value::Object(table)) => table.insert(key.to_owned(), new).is_none(),
        _ => false,
    }
}

fn remove(value: &mut Value, path: &str) -> bool {
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    match at(value, parent) {
        Some(Value::Object(table)) => table.remove(key).is_some(),
        _ => false,
    }
}

/// A whole number, which Helm may have written as `8080.0`.
pub(super) fn as_whole(value: &Value) -> Option<u64> {
    let number = value.as_number()?;
    number.as_u64().or_else(|| {
        let float = number.as_f64()?;
        // 2^53: above it, a float no longer tells whole numbers apart.
        (float.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&float)).then_some(float as u64)
    })
}

/// For `#[serde(deserialize_with = "whole")]`: see [`as_whole`].
///
/// # Errors
/// A fraction, a negative number, or one that does not fit.
pub fn whole<'de, D: Deserializer<'de>, N: TryFrom<u64>>(deserializer: D) -> Result<N, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = as_whole(&value).and_then(|number| N::try_from(number).ok());
    number.ok_or_else(|| serde::de::Error::custom("it is not a whole number, or not in range"))
}

#[cfg(test)]
mod tests;
