//! Values and series, and how InfluxDB writes them.  (pure)
//!
//! A whole answer is one JSON document; a chunked one is a document a line, each with a piece of one series.

use serde::Serialize;
use serde_json::Value as Json;
use serde_json::ser::{PrettyFormatter, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Float(f64),
    Text(String),
    Flag(bool),
    /// Nanoseconds since 1970.
    Time(i64),
}

pub(super) struct Series {
    /// InfluxDB gives some lists no name.
    pub(super) name: Option<&'static str>,
    pub(super) columns: Vec<String>,
    /// At least one.
    pub(super) rows: Vec<Vec<Value>>,
}

/// What one statement comes to.
pub(super) type Outcome = Result<Vec<Series>, String>;

/// How the caller wants it written.
pub(super) struct Format {
    /// Nanoseconds in one unit of `epoch`; without it times are RFC 3339.
    pub(super) epoch: Option<i64>,
    pub(super) pretty: bool,
    /// Rows of one chunk, if the answer is to come in chunks.
    pub(super) chunk: Option<usize>,
}

#[derive(Serialize)]
struct Document {
    results: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    statement_id: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    series: Vec<Piece>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<bool>,
}

#[derive(Serialize)]
struct Piece {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    columns: Vec<String>,
    values: Vec<Vec<Json>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<bool>,
}

impl Format {
    /// The documents of an answer, one a line.
    pub(super) fn documents(&self, outcomes: Vec<Outcome>) -> Vec<String> {
        let outcomes = outcomes.into_iter().enumerate();
        let parts = outcomes.flat_map(|(id, outcome)| self.parts(id, outcome));
        if self.chunk.is_none() {
            return vec![self.text(&Document {
                results: parts.collect(),
            })];
        }
        parts.map(|part| self.text(&Document { results: vec![part] })).collect()
    }

    /// One, or in chunks one for each piece.
    fn parts(&self, statement_id: usize, outcome: Outcome) -> Vec<Part> {
        let (series, error) = match outcome {
            Ok(series) => (series, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let pieces = series.iter().flat_map(|series| self.pieces(series));
        let parts: Vec<Vec<Piece>> = if self.chunk.is_none() || series.is_empty() {
            vec![pieces.collect()]
        } else {
            pieces.map(|piece| vec![piece]).collect()
        };
        let count = parts.len();
        let numbered = parts.into_iter().zip(1..);
        numbered
            .map(|(series, number)| Part {
                statement_id,
                series,
                error: error.clone(),
                partial: (number < count).then_some(true),
            })
            .collect()
    }

    fn pieces(&self, series: &Series) -> Vec<Piece> {
        let chunks = series.rows.chunks(self.chunk.unwrap_or(usize::MAX));
        let count = chunks.len();
        let piece = |(rows, number): (&[Vec<Value>], usize)| Piece {
            name: series.name,
            columns: series.columns.clone(),
            values: rows
                .iter()
                .map(|row| row.iter().map(|value| self.value(value)).collect())
                .collect(),
            partial: (number < count).then_some(true),
        };
        chunks.zip(1..).map(piece).collect()
    }

    fn value(&self, value: &Value) -> Json {
        match (value, self.epoch) {
            (Value::Null, _) => Json::Null,
            (Value::Integer(number), _) => (*number).into(),
            (Value::Float(number), _) => (*number).into(),
            (Value::Flag(flag), _) => (*flag).into(),
            (Value::Text(text), _) => text.as_str().into(),
            (Value::Time(at), Some(unit)) => at.div_euclid(unit).into(),
            (Value::Time(at), None) => {
                let at = OffsetDateTime::from_unix_timestamp_nanos((*at).into());
                at.ok().and_then(|at| at.format(&Rfc3339).ok()).into()
            }
        }
    }

    /// With a newline at the end, as InfluxDB has it.
    pub(super) fn text(&self, document: &impl Serialize) -> String {
        let mut text = Vec::new();
        let formatter = PrettyFormatter::with_indent(b"    ");
        let written = match self.pretty {
            true => document.serialize(&mut Serializer::with_formatter(&mut text, formatter)),
            false => document.serialize(&mut Serializer::new(&mut text)),
        };
        written.expect("memory takes all of it");
        text.push(b'\n');
        String::from_utf8(text).expect("JSON is UTF-8")
    }
}
