//! The typed fields of a table. What cannot be read is noted and stands as an empty value until `finish` tells.
//!
//! **Invariant**: no problem shows a text that was found: it may be a secret that was written at the wrong place.

use std::{fmt::Display, ops::RangeInclusive};

use serde_json::Value;

use super::Reader;
use crate::config::structs::as_whole;

impl Reader<'_> {
    /// A text that must be there. A number or `true`, as a variable has them, is the text that was written.
    pub fn text(&mut self, key: &'static str) -> String {
        self.scalar(key, true).unwrap_or_default()
    }

    /// A text; an empty one counts as absent, so that a template may always write the key.
    pub fn optional_text(&mut self, key: &'static str) -> Option<String> {
        self.scalar(key, false).filter(|text| !text.is_empty())
    }

    /// A text that must be there and that `parse` understands; what `parse` says of any other follows the key.
    pub fn parsed<T>(&mut self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.scalar(key, true)?;
        parse(&text).map_err(|what| self.fail(key, what)).ok()
    }

    /// The same for a text that may be absent or empty.
    pub fn optional<T>(&mut self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.optional_text(key)?;
        parse(&text).map_err(|what| self.fail(key, what)).ok()
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let known = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join("`, `");
        self.parsed(key, |text| {
            let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
            found.ok_or_else(|| format!("is not a word that is known here: use one of `{}`", known()))
        })
    }

    /// A whole number that must be there.
    pub fn whole<N>(&mut self, key: &'static str, range: RangeInclusive<N>) -> N
    where
        N: TryFrom<u64> + PartialOrd + Display + Copy,
    {
        let found = self.take(key);
        let number = found
            .as_ref()
            .and_then(as_whole)
            .and_then(|number| N::try_from(number).ok());
        match (number.filter(|number| range.contains(number)), found) {
            (Some(number), _) => return number,
            (None, None) => self.miss(key),
            (None, Some(other)) => {
                let (least, most) = (range.start(), range.end());
                self.fail(
                    key,
                    format!("{}: write a whole number from {least} to {most}", self::found(&other)),
                );
            }
        }
        *range.start()
    }

    /// `true` or `false`; must be there.
    pub fn flag(&mut self, key: &'static str) -> bool {
        match self.take(key) {
            Some(Value::Bool(flag)) => return flag,
            None => self.miss(key),
            Some(other) => self.fail(key, format!("{}: write `true` or `false`", found(&other))),
        }
        false
    }

    /// The same for one that may be absent: entries of a list have no template among the defaults.
    pub fn flag_or(&mut self, key: &'static str, absent: bool) -> bool {
        match self.table.contains_key(key) {
            true => self.flag(key),
            false => {
                self.known.push(key);
                absent
            }
        }
    }

    /// The same for one of a few words.
    pub fn choice_or<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)], absent: T) -> Option<T> {
        match self.table.contains_key(key) {
            true => self.choice(key, words),
            false => {
                self.known.push(key);
                Some(absent)
            }
        }
    }

    /// A list of texts that `parse` understands; an absent one is empty.
    pub fn all<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let values = match self.take(key) {
            None => return Vec::new(),
            Some(Value::Array(values)) => values,
            Some(other) => {
                self.fail(
                    key,
                    format!("{}: write a list, such as `[\"one\", \"two\"]`", found(&other)),
                );
                return Vec::new();
            }
        };
        let mut all = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let text = to_text(value).ok_or_else(|| format!("{}: write a text", found(value)));
            match text.and_then(|text| parse(&text)) {
                Ok(entry) => all.push(entry),
                Err(what) => self.fail(format!("{key}[{index}]"), what),
            }
        }
        all
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }

    /// Notes what is wrong with `key`: the section cannot be made.
    pub(in crate::config) fn fail(&mut self, key: impl Display, what: impl Display) {
        self.readable = false;
        self.problems.add(key, what);
    }

    /// Whether `key` is there and not empty, readable or not.
    pub(in crate::config) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.as_str() != Some(""))
    }

    /// Whether a variable holds the secret `key`.
    pub(in crate::config) fn holds_secret(&self, key: &str) -> bool {
        self.problems.holds_secret(key)
    }

    /// Notes that `key` is missing, which `how` and perhaps the variable for `other` would cure.
    pub(in crate::config) fn miss_one(&mut self, key: &str, how: &str, other: &str) {
        let or = self.problems.or_variable(other);
        self.fail(key, format!("is missing: {how}{or}"));
    }

    fn miss(&mut self, key: &'static str) {
        self.readable = false;
        self.problems.missing(key);
    }

    fn scalar(&mut self, key: &'static str, needed: bool) -> Option<String> {
        let Some(value) = self.take(key) else {
            if needed {
                self.miss(key);
            }
            return None;
        };
        let text = to_text(&value);
        if text.is_none() {
            self.fail(key, format!("{}: write a text", found(&value)));
        }
        text
    }
}

fn to_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What stands where something else is wanted.
pub(in crate::config) fn found(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "is empty".to_owned(),
        Value::String(_) => "is a text".to_owned(),
        Value::Number(number) => format!("is {number}"),
        Value::Bool(flag) => format!("is `{flag}`"),
        Value::Null => "is null".to_owned(),
        Value::Array(_) => "is a list".to_owned(),
        Value::Object(_) => "is a table".to_owned(),
    }
}
