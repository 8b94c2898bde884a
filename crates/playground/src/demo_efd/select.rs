//! Carries out a `SELECT`.  (pure)

use super::answer::{Series, Value};
use super::functions::{Function, compare};
use super::statement::{Column, Fill, Select};
use super::topics::{Field, Topic};
use super::words::SECOND;

/// How long InfluxDB keeps a point here.
pub(super) const KEPT: i64 = 48 * 3600 * SECOND;
const MOST_INTERVALS: i128 = 100_000;

/// A column of the result.
struct Wanted<'a> {
    name: &'a str,
    function: Option<&'static Function>,
    /// None if the topic has no such field.
    field: Option<&'static Field>,
}

/// A time in nanoseconds, and what is shown at it.
type Row = (i64, Vec<Value>);

/// Nothing, rather than an error, where nothing is found: so does InfluxDB.
pub(super) fn select(select: &Select, now: i64) -> Result<Option<Series>, String> {
    let Some(topic) = select.source.measurement.as_deref().and_then(Topic::named) else {
        return Ok(None);
    };
    let wanted = wanted(&select.columns, topic)?;
    let computed = is_computed(&wanted)?;
    if select.interval.is_some() && !computed {
        return Err("GROUP BY requires at least one aggregate function".to_owned());
    }
    let times = times(select, topic, now);
    if times.is_empty() || wanted.iter().all(|column| column.field.is_none()) {
        return Ok(None);
    }
    let point = |at: &i64| (at * SECOND, wanted.iter().map(|column| column.at(*at)).collect());
    let mut rows: Vec<Row> = match computed {
        true => intervals(select, &wanted, &times),
        false => times.iter().map(point).collect(),
    };
    if select.descending {
        rows.reverse();
    }
    if let Some(interval) = select.interval {
        rows = filled(select, &wanted, interval, rows, now)?;
    }
    if select.limit > 0 {
        rows.truncate(select.limit);
    }
    Ok(Some(Series {
        name: Some(topic.name),
        columns: headers(&wanted),
        rows: rows
            .into_iter()
            .map(|(at, values)| [vec![Value::Time(at)], values].concat())
            .collect(),
    }))
}

/// With `*` written out.
fn wanted<'a>(columns: &'a [Column], topic: &'static Topic) -> Result<Vec<Wanted<'a>>, String> {
    let mut wanted = Vec::new();
    // The time is always there, asked for or not.
    for column in columns.iter().filter(|column| column.field != "time") {
        let (function, field) = (column.function, topic.field(&column.field));
        let is_text = field.is_some_and(|field| field.kind() == "string");
        if let Some(function) = function.filter(|function| function.needs_numbers && is_text) {
            return Err(format!(
                "unsupported {} iterator type: *query.stringInterruptIterator",
                function.name
            ));
        }
        let all = topic.fields.iter().filter(|_| column.field == "*");
        wanted.extend(all.map(|field| Wanted {
            name: field.name,
            function,
            field: Some(field),
        }));
        if column.field != "*" {
            wanted.push(Wanted {
                name: function.map_or(&column.field, |function| function.name),
                function,
                field,
            });
        }
    }
    Ok(wanted)
}

/// By functions, or shown as they are; both together make no sense.
fn is_computed(wanted: &[Wanted<'_>]) -> Result<bool, String> {
    let functions = wanted.iter().filter(|column| column.function.is_some()).count();
    match functions {
        _ if wanted.is_empty() => Err("at least 1 non-time field must be queried".to_owned()),
        0 => Ok(false),
        _ if functions == wanted.len() => Ok(true),
        _ => Err("mixing aggregate and non-aggregate queries is not supported".to_owned()),
    }
}

/// Of the same name, the second ends in `_1`.
fn headers(wanted: &[Wanted<'_>]) -> Vec<String> {
    let mut headers = vec!["time".to_owned()];
    for (n, column) in wanted.iter().enumerate() {
        let same = wanted[..n].iter().filter(|before| before.name == column.name).count();
        headers.push(match same {
            0 => column.name.to_owned(),
            _ => format!("{}_{same}", column.name),
        });
    }
    headers
}

impl Wanted<'_> {
    fn at(&self, seconds: i64) -> Value {
        self.field.map_or(Value::Null, |field| (field.value)(seconds))
    }
}

/// The points that count, in unix seconds.
fn times(select: &Select, topic: &Topic, now: i64) -> Vec<i64> {
    let step = topic.period * SECOND;
    let from = select.from.unwrap_or(0).max(now - KEPT);
    let until = select.until.unwrap_or(now).min(now);
    let holds = |at: &i64| {
        let mut conditions = select.conditions.iter();
        conditions.all(|condition| {
            let field = topic.field(&condition.field);
            field.is_some_and(|field| compare(&(field.value)(*at), condition.sign, &condition.value))
        })
    };
    let (first, last) = (from.saturating_add(step - 1).div_euclid(step), until.div_euclid(step));
    (first..=last).map(|n| n * topic.period).filter(holds).collect()
}

/// A row for each interval that has a point; one for all without intervals.
fn intervals(select: &Select, wanted: &[Wanted<'_>], times: &[i64]) -> Vec<Row> {
    let start = |seconds: i64| match select.interval {
        Some(interval) => floor(seconds * SECOND, interval),
        None => select.from.unwrap_or(0),
    };
    let row = |times: &[i64]| {
        let points = wanted.iter().map(|column| {
            let points: Vec<_> = times.iter().map(|at| (at * SECOND, column.at(*at))).collect();
            match (column.function, column.field) {
                (Some(function), Some(_)) => (function.of)(&points),
                _ => (start(times[0]), Value::Null),
            }
        });
        let points: Vec<_> = points.collect();
        let chosen = wanted.len() == 1 && select.interval.is_none() && wanted[0].function.is_some_and(|f| f.chooses);
        let at = if chosen { points[0].0 } else { start(times[0]) };
        (at, points.into_iter().map(|(_, value)| value).collect())
    };
    times.chunk_by(|a, b| start(*a) == start(*b)).map(row).collect()
}

/// With the intervals that have no point.
fn filled(select: &Select, wanted: &[Wanted<'_>], interval: i64, rows: Vec<Row>, now: i64) -> Result<Vec<Row>, String> {
    if matches!(select.fill, Fill::None) {
        return Ok(rows);
    }
    let first = rows.iter().map(|(at, _)| *at).min();
    let from = floor(select.from.or(first).unwrap_or(0), interval);
    let until = select.until.unwrap_or(now);
    let count = (i128::from(until) - i128::from(from)) / i128::from(interval) + 1;
    if count > MOST_INTERVALS {
        return Err(format!("max-select-buckets limit exceeded: ({count}/{MOST_INTERVALS})"));
    }
    let empty: Vec<Value> = wanted
        .iter()
        .map(|column| match &select.fill {
            Fill::With(value) => value.clone(),
            // Nothing is counted where nothing is.
            Fill::Null if column.function.is_some_and(|function| function.name == "count") => Value::Integer(0),
            _ => Value::Null,
        })
        .collect();
    let mut starts: Vec<i64> = (0..count as i64).map(|n| from + n * interval).collect();
    if select.descending {
        starts.reverse();
    }
    let (mut filled, mut rows): (Vec<Row>, _) = (Vec::new(), rows.into_iter().peekable());
    for start in starts {
        let row = match (rows.next_if(|(at, _)| *at == start), filled.last()) {
            (Some(row), _) => row,
            (None, Some((_, before))) if matches!(select.fill, Fill::Previous) => (start, before.clone()),
            (None, _) => (start, empty.clone()),
        };
        filled.push(row);
    }
    Ok(filled)
}

fn floor(at: i64, interval: i64) -> i64 {
    at.div_euclid(interval).saturating_mul(interval)
}
