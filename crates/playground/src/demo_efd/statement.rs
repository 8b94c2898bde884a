//! The part of InfluxQL that the demo understands: what EfdClient sends, and what a first notebook asks.  (pure)
//!
//! Anything else is an error in InfluxDB's words: nothing that writes can be said in it.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::answer::Value;
use super::functions::{FUNCTIONS, Function};
use super::words::{Words, duration, literal, name, quoted};

pub(super) enum Statement {
    Select(Select),
    Show(List, Source),
}

/// What `SHOW` lists.
pub(super) enum List {
    Databases,
    Measurements,
    RetentionPolicies,
    FieldKeys,
    TagKeys,
}

/// `"database"."policy"."measurement"`, of which the first ones may be left out.
#[derive(Default)]
pub(super) struct Source {
    pub(super) database: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) measurement: Option<String>,
}

/// Times are in nanoseconds.
#[derive(Default)]
pub(super) struct Select {
    pub(super) columns: Vec<Column>,
    pub(super) source: Source,
    /// The first and the last time that may count.
    pub(super) from: Option<i64>,
    pub(super) until: Option<i64>,
    pub(super) conditions: Vec<Condition>,
    pub(super) interval: Option<i64>,
    pub(super) fill: Fill,
    pub(super) descending: bool,
    /// 0 is none.
    pub(super) limit: usize,
}

pub(super) struct Column {
    pub(super) function: Option<&'static Function>,
    /// `*` is every field.
    pub(super) field: String,
}

/// A field, compared.
pub(super) struct Condition {
    pub(super) field: String,
    pub(super) sign: &'static str,
    pub(super) value: Value,
}

/// What an interval without a point shows.
#[derive(Default)]
pub(super) enum Fill {
    #[default]
    Null,
    None,
    Previous,
    With(Value),
}

const COMPARISONS: [&str; 7] = ["=", "!=", "<>", "<=", ">=", "<", ">"];

/// Every statement of `query`, in which `now()` is `now`.
pub(super) fn parse(query: &str, now: i64) -> Result<Vec<Statement>, String> {
    let mut words = Words::of(query);
    let mut statements = Vec::new();
    loop {
        while words.took(";") {}
        if words.peek().is_empty() {
            return Ok(statements);
        }
        statements.push(statement(&mut words, now)?);
        if !words.peek().is_empty() {
            words.need(";")?;
        }
    }
}

fn statement(words: &mut Words<'_>, now: i64) -> Result<Statement, String> {
    if words.took("SELECT") {
        return select(words, now).map(Statement::Select);
    }
    if !words.took("SHOW") {
        return Err(words.unexpected("SELECT, SHOW"));
    }
    let (list, second) = words.read("DATABASES, FIELD, MEASUREMENTS, RETENTION, TAG", |word| {
        Some(match word.to_ascii_uppercase().as_str() {
            "DATABASES" => (List::Databases, ""),
            "MEASUREMENTS" => (List::Measurements, ""),
            "RETENTION" => (List::RetentionPolicies, "POLICIES"),
            "FIELD" => (List::FieldKeys, "KEYS"),
            "TAG" => (List::TagKeys, "KEYS"),
            _ => return None,
        })
    })?;
    if !second.is_empty() {
        words.need(second)?;
    }
    let on = words.took("ON").then(|| words.read("identifier", name)).transpose()?;
    let from = (second == "KEYS" && words.took("FROM"))
        .then(|| source(words))
        .transpose()?;
    let mut source = from.unwrap_or_default();
    source.database = source.database.or(on);
    Ok(Statement::Show(list, source))
}

fn select(words: &mut Words<'_>, now: i64) -> Result<Select, String> {
    let mut select = Select {
        columns: comma_separated(words, column)?,
        ..Select::default()
    };
    words.need("FROM")?;
    select.source = source(words)?;
    if words.took("WHERE") {
        condition(words, now, &mut select)?;
        while words.took("AND") {
            condition(words, now, &mut select)?;
        }
    }
    if words.took("GROUP") {
        words.need("BY")?;
        select.interval = comma_separated(words, dimension)?.into_iter().flatten().next();
    }
    if words.took("fill") {
        select.fill = fill(words)?;
    }
    if words.took("ORDER") {
        words.need("BY")?;
        let by_time = words.took("time");
        select.descending = words.took("DESC");
        if !select.descending && !words.took("ASC") && !by_time {
            return Err(words.unexpected("time, ASC, DESC"));
        }
    }
    if words.took("LIMIT") {
        select.limit = words.read("integer", |word| word.parse().ok())?;
    }
    Ok(select)
}

fn comma_separated<T>(words: &mut Words<'_>, item: fn(&mut Words<'_>) -> Result<T, String>) -> Result<Vec<T>, String> {
    let mut items = vec![item(words)?];
    while words.took(",") {
        items.push(item(words)?);
    }
    Ok(items)
}

fn column(words: &mut Words<'_>) -> Result<Column, String> {
    if words.took("*") {
        let field = String::from("*");
        return Ok(Column { function: None, field });
    }
    let field = words.read("identifier, *", name)?;
    if !words.took("(") {
        return Ok(Column { function: None, field });
    }
    let function = FUNCTIONS.iter().find(|known| known.name.eq_ignore_ascii_case(&field));
    if function.is_none() {
        return Err(format!("undefined function {field}()"));
    }
    let field = words.read("identifier", name)?;
    words.need(")")?;
    Ok(Column { function, field })
}

fn source(words: &mut Words<'_>) -> Result<Source, String> {
    let mut names = vec![Some(words.read("identifier", name)?)];
    while names.len() < 3 && words.took(".") {
        // `"database".."measurement"` is in the usual policy.
        let left_out = names.len() == 1 && words.peek() == ".";
        names.push((!left_out).then(|| words.read("identifier", name)).transpose()?);
    }
    Ok(Source {
        measurement: names.pop().flatten(),
        policy: names.pop().flatten(),
        database: names.pop().flatten(),
    })
}

fn condition(words: &mut Words<'_>, now: i64, select: &mut Select) -> Result<(), String> {
    let field = words.read("identifier", name)?;
    let known = |word: &str| COMPARISONS.into_iter().find(|sign| *sign == word);
    let sign = words.read("=, !=, <, <=, >, >=", known)?;
    if !field.eq_ignore_ascii_case("time") {
        let value = signed_literal(words)?;
        select.conditions.push(Condition { field, sign, value });
        return Ok(());
    }
    let at = time(words, now)?;
    let (from, until) = match sign {
        ">" => (Some(at.saturating_add(1)), None),
        ">=" => (Some(at), None),
        "<" => (None, Some(at.saturating_sub(1))),
        "<=" => (None, Some(at)),
        "=" => (Some(at), Some(at)),
        _ => return Err(format!("invalid time comparison operator: {sign}")),
    };
    select.from = select.from.max(from);
    select.until = [select.until, until].into_iter().flatten().min();
    Ok(())
}

fn signed_literal(words: &mut Words<'_>) -> Result<Value, String> {
    let negative = words.took("-");
    words.read("number, string", |word| match literal(word)? {
        Value::Integer(number) if negative => Some(Value::Integer(-number)),
        Value::Float(number) if negative => Some(Value::Float(-number)),
        Value::Text(_) if negative => None,
        value => Some(value),
    })
}

/// Such as `now() - 1h`.
fn time(words: &mut Words<'_>, now: i64) -> Result<i64, String> {
    let mut at = if words.took("now") {
        words.need("(")?;
        words.need(")")?;
        now
    } else {
        let number = |word: &str| word.parse().ok().or_else(|| duration(word));
        words.read("now(), or a time like '2026-01-31T12:00:00Z'", |word| {
            quoted(word, '\'').map_or_else(|| number(word), timestamp)
        })?
    };
    loop {
        at = if words.took("+") {
            at.saturating_add(words.read("duration", duration)?)
        } else if words.took("-") {
            at.saturating_sub(words.read("duration", duration)?)
        } else {
            return Ok(at);
        };
    }
}

/// RFC 3339, or a day, or a day and a time with a space between them, in UTC.
fn timestamp(text: &str) -> Option<i64> {
    let whole = match text.split_once(' ') {
        Some((day, time)) => format!("{day}T{time}Z"),
        None if !text.contains('T') => format!("{text}T00:00:00Z"),
        None => text.to_owned(),
    };
    let at = OffsetDateTime::parse(&whole, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos()).ok()
}

/// Of `GROUP BY`; the topics have no tags, so `*` is nothing.
fn dimension(words: &mut Words<'_>) -> Result<Option<i64>, String> {
    if words.took("*") {
        return Ok(None);
    }
    words.need("time")?;
    words.need("(")?;
    let interval = words.read("duration", duration)?;
    words.need(")")?;
    Ok(Some(interval))
}

fn fill(words: &mut Words<'_>) -> Result<Fill, String> {
    words.need("(")?;
    let fill = if words.took("null") {
        Fill::Null
    } else if words.took("none") {
        Fill::None
    } else if words.took("previous") {
        Fill::Previous
    } else {
        match signed_literal(words)? {
            Value::Text(_) => return Err("expected number argument in fill()".to_owned()),
            number => Fill::With(number),
        }
    };
    words.need(")")?;
    Ok(fill)
}
