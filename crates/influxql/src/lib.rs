//! Which InfluxQL may be sent to a database that lets this service do anything.
//!
//! Statements that read, in the dialect of InfluxDB 1.6 to 1.8. They are parsed as InfluxDB's own parser does it, what is not
//! known is refused, and what was understood is written anew: that is sent, never the caller's text. Left to others: whether
//! the databases that a statement names are the caller's; and to InfluxDB, whether a field, a function, a time zone or a
//! regular expression is good.
//!
//! **Invariant**: InfluxDB reads [`Statement::text`] as one statement of this kind on these databases, or not at all.

use std::{collections::BTreeSet, fmt};

mod expression;
mod parameters;
mod parse;
mod statement;
mod token;

pub use parameters::{BadParameter, Parameters, credentials};
use parse::Parser;

/// Longest text, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// Most statements in one text.
const MAX_STATEMENTS: usize = 100;

/// A statement that only reads.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    /// The words it begins with, as `SELECT`, `EXPLAIN ANALYZE` or `SHOW TAG KEYS`: of a closed set.
    pub kind: &'static str,
    /// Every database it names, in sources at any depth and after `ON`, sorted. What names none means the request's `db`.
    pub databases: Vec<String>,
    text: String,
}

impl Statement {
    /// What to send, without a semicolon: several are joined with `;`. It holds the caller's literals.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Without the text: literals do not belong in a log.
impl fmt::Debug for Statement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {:?}", self.kind, self.databases)
    }
}

/// Why a text may not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The statement, as `DROP MEASUREMENT` or `SELECT INTO`, or the fault, as `cannot be read`: of a closed set.
    pub kind: &'static str,
    /// What is wrong and at which character, counted from 1, without a word of the caller's.
    pub what: String,
}

/// Reads `text`, the value of `q`: every statement of it.
///
/// # Errors
/// Why it may not be sent: one statement that may not refuses all.
pub fn read(text: &str) -> Result<Vec<Statement>, Refusal> {
    let mut parser = Parser::new(text);
    if text.len() > MAX_TEXT {
        return Err(parser.refusal("too long", "a text of more than 1 MiB"));
    }
    let mut statements = Vec::new();
    while parser.begin() {
        if statements.len() == MAX_STATEMENTS {
            return Err(parser.refusal("too many statements", "one more than 100 statements"));
        }
        statements.push(parser.statement()?);
    }
    if statements.is_empty() {
        return Err(parser.refusal("cannot be read", "nothing to read"));
    }
    Ok(statements)
}

/// The kinds of `statements`, each once: of a closed set.
#[must_use]
pub fn kinds(statements: &[Statement]) -> String {
    let kinds: BTreeSet<&str> = statements.iter().map(|statement| statement.kind).collect();
    kinds.into_iter().collect::<Vec<_>>().join(", ")
}

/// The text of all `statements`. It holds the caller's literals.
#[must_use]
pub fn text(statements: &[Statement]) -> String {
    statements.iter().map(Statement::text).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
