//! Reading an InfluxQL text word by word.  (pure)

use super::answer::Value;

/// Longer ones before their beginnings.
const SIGNS: [&str; 5] = [">=", "<=", "!=", "<>", "=~"];

/// In nanoseconds; longer names before their beginnings.
const UNITS: [(&str, i64); 9] = [
    ("ns", 1),
    ("ms", 1_000_000),
    ("u", 1000),
    ("µ", 1000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3600 * SECOND),
    ("d", 24 * 3600 * SECOND),
    ("w", 7 * 24 * 3600 * SECOND),
];
pub(super) const SECOND: i64 = 1_000_000_000;

/// What is still to be read of a text.
pub(super) struct Words<'a> {
    text: &'a str,
    /// Begins with the next word.
    rest: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let rest = text.trim_start();
        Self { text, rest }
    }

    /// A keyword, a name or a string with its quotes, a number, a duration, a sign; empty at the end.
    pub(super) fn peek(&self) -> &'a str {
        let rest = self.rest;
        let while_in = |is_part: fn(char) -> bool| rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let length = match rest.chars().next() {
            None => 0,
            // A backslash, and a quote that is never closed, are nothing that this demo reads.
            Some(quote @ ('"' | '\'')) => rest[1..].find(['\\', quote]).map_or(rest.len(), |end| end + 2),
            Some('0'..='9') => while_in(|c| c.is_alphanumeric() || c == '.'),
            Some('a'..='z' | 'A'..='Z' | '_') => while_in(|c| c.is_ascii_alphanumeric() || c == '_'),
            Some(first) => {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
                sign.map_or(first.len_utf8(), str::len)
            }
        };
        &rest[..length]
    }

    pub(super) fn take(&mut self) -> &'a str {
        let word = self.peek();
        self.rest = self.rest[word.len()..].trim_start();
        word
    }

    /// Takes the next word if it is `wanted`; keywords may be written in any case.
    pub(super) fn took(&mut self, wanted: &str) -> bool {
        let is_wanted = self.peek().eq_ignore_ascii_case(wanted);
        if is_wanted {
            self.take();
        }
        is_wanted
    }

    pub(super) fn need(&mut self, wanted: &str) -> Result<(), String> {
        if self.took(wanted) {
            Ok(())
        } else {
            Err(self.unexpected(wanted))
        }
    }

    /// Takes the next word if `read` makes something of it.
    pub(super) fn read<T>(&mut self, expected: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let found = read(self.peek()).ok_or_else(|| self.unexpected(expected))?;
        self.take();
        Ok(found)
    }

    /// In InfluxDB's words.
    pub(super) fn unexpected(&self, expected: &str) -> String {
        let before = &self.text[..self.text.len() - self.rest.len()];
        let (line, in_line) = (
            before.matches('\n').count() + 1,
            before.rsplit('\n').next().unwrap_or_default(),
        );
        // InfluxDB reads one character further to find the end.
        let (found, further) = if self.rest.is_empty() {
            ("EOF", 2)
        } else {
            (self.peek(), 1)
        };
        let character = in_line.chars().count() + further;
        format!("found {found}, expected {expected} at line {line}, char {character}")
    }
}

/// With or without double quotes.
pub(super) fn name(word: &str) -> Option<String> {
    let plain = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if plain {
        Some(word.to_owned())
    } else {
        quoted(word, '"').map(str::to_owned)
    }
}

pub(super) fn quoted(word: &str, quote: char) -> Option<&str> {
    word.strip_prefix(quote)?.strip_suffix(quote)
}

pub(super) fn literal(word: &str) -> Option<Value> {
    if let Some(text) = quoted(word, '\'') {
        return Some(Value::Text(text.to_owned()));
    }
    let is_number = word.starts_with(|c: char| c.is_ascii_digit());
    let number = word
        .parse()
        .map(Value::Integer)
        .or_else(|_| word.parse().map(Value::Float));
    number.ok().filter(|_| is_number)
}

/// Such as `10m` or `1h30m`.
pub(super) fn duration(word: &str) -> Option<i64> {
    let (mut total, mut rest) = (0i64, word);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, nanoseconds) = UNITS.into_iter().find(|(unit, _)| after.starts_with(unit))?;
        total = number
            .parse::<i64>()
            .ok()?
            .checked_mul(nanoseconds)?
            .checked_add(total)?;
        rest = &after[unit.len()..];
    }
    (total > 0).then_some(total)
}
