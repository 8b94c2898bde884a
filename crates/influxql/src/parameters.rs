//! The parameters of a query, from the query string and the form in the body: read strictly, written anew. Pure.
//!
//! **Invariant**: what is sent is made of what was read and judged, and never the caller's own bytes.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use crate::Statement;

/// A parameter, and whether a value suits it.
type Known = (&'static str, fn(&str) -> bool);

/// What is passed on beside `q` and `db`.
const OTHERS: [Known; 5] = [
    ("rp", |_| true),
    ("epoch", |text| {
        matches!(text, "ns" | "n" | "u" | "µ" | "ms" | "s" | "m" | "h")
    }),
    ("chunked", is_flag),
    ("chunk_size", |text| {
        (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    }),
    ("pretty", is_flag),
];
/// InfluxDB's own credentials: they have been looked at, and go no further.
const CREDENTIALS: [&str; 2] = ["u", "p"];

/// What is wrong with a parameter, in words for whoever sent it: holds nothing of what they sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadParameter(String);

impl BadParameter {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for BadParameter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for BadParameter {}

/// The parameters of one query.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// `q`, as the caller wrote it.
    pub statements: String,
    /// `db`: of statements that name none.
    pub database: Option<String>,
    others: Vec<(&'static str, String)>,
}

impl Parameters {
    /// Reads both places together: InfluxDB lets the body win where a parameter is in both.
    ///
    /// # Errors
    /// A parameter that is there twice, is not known or cannot be decoded.
    pub fn read(query: &str, form: &str) -> Result<Self, BadParameter> {
        let mut read = Self::default();
        let mut statements = None;
        for (name, value) in pairs(query).chain(pairs(form)) {
            let (name, value) = (decoded(name)?, decoded(value)?);
            match name.as_str() {
                "q" => once(&mut statements, "q", value)?,
                "db" => once(&mut read.database, "db", value)?,
                name if CREDENTIALS.contains(&name) => {}
                name => read.other(name, value)?,
            }
        }
        read.statements =
            statements.ok_or_else(|| BadParameter::new("the parameter `q` is missing: the statements"))?;
        Ok(read)
    }

    fn other(&mut self, name: &str, value: String) -> Result<(), BadParameter> {
        // What cannot be sent is told by its name only where the name is one of InfluxDB's.
        if name == "params" {
            return Err(BadParameter::new(
                "bound parameters (`params`) are not passed on: they can name another database. Write the values into the statement",
            ));
        }
        let known = OTHERS.iter().find(|(known, _)| *known == name);
        let (known, suits) = known.ok_or_else(|| {
            BadParameter::new(
                "a parameter is not known here: `q`, `db`, `rp`, `epoch`, `chunked`, `chunk_size` and `pretty` are",
            )
        })?;
        if self.others.iter().any(|(other, _)| other == known) {
            return Err(twice(known));
        }
        if !suits(&value) {
            return Err(BadParameter::new(format!(
                "the parameter `{known}` is not of the form that it has"
            )));
        }
        self.others.push((known, value));
        Ok(())
    }

    /// The form that is sent, with `statements` in the place of the caller's.
    pub fn to_form(&self, statements: &[Statement]) -> String {
        let text: Vec<&str> = statements.iter().map(Statement::text).collect();
        let mut form = form_urlencoded::Serializer::new(String::new());
        if let Some(database) = &self.database {
            form.append_pair("db", database);
        }
        for (name, value) in &self.others {
            form.append_pair(name, value);
        }
        form.append_pair("q", &text.join(";")).finish()
    }
}

/// The user and password in a query string, if there are any.
///
/// # Errors
/// A parameter that is there twice or cannot be decoded.
pub fn credentials(query: &str) -> Result<Option<(String, String)>, BadParameter> {
    let (mut user, mut password) = (None, None);
    for (name, value) in pairs(query) {
        match decoded(name)?.as_str() {
            "u" => once(&mut user, "u", decoded(value)?)?,
            "p" => once(&mut password, "p", decoded(value)?)?,
            _ => {}
        }
    }
    let any = user.is_some() || password.is_some();
    Ok(any.then(|| (user.unwrap_or_default(), password.unwrap_or_default())))
}

fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// What is no UTF-8 may be read in several ways.
fn decoded(text: &str) -> Result<String, BadParameter> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded
        .map(Into::into)
        .map_err(|_| BadParameter::new("a parameter is not UTF-8"))
}

fn once(place: &mut Option<String>, name: &str, value: String) -> Result<(), BadParameter> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(twice(name)),
    }
}

fn twice(name: &str) -> BadParameter {
    BadParameter::new(format!(
        "the parameter `{name}` is there more than once: send it once, in the query string or in the body"
    ))
}

fn is_flag(text: &str) -> bool {
    matches!(text, "true" | "false")
}

#[cfg(test)]
mod tests;
