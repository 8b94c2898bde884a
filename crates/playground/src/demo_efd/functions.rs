//! What can be asked of many values at once.  (pure)

use std::cmp::Ordering;

use super::answer::Value;

/// A value and its time in nanoseconds.
pub(super) type Point = (i64, Value);

pub(super) struct Function {
    pub(super) name: &'static str,
    /// It makes no sense of a text.
    pub(super) needs_numbers: bool,
    /// It chooses a point, which has a time, and not only computes a value.
    pub(super) chooses: bool,
    /// Of at least one point, in the order of time.
    pub(super) of: fn(&[Point]) -> Point,
}

pub(super) static FUNCTIONS: [Function; 6] = [
    Function {
        name: "mean",
        needs_numbers: true,
        chooses: false,
        of: |points| {
            let sum: f64 = points.iter().map(|(_, value)| number(value)).sum();
            (points[0].0, Value::Float(sum / points.len() as f64))
        },
    },
    Function {
        name: "count",
        needs_numbers: false,
        chooses: false,
        of: |points| (points[0].0, Value::Integer(points.len() as i64)),
    },
    chooser("min", true, |points| best(points, Ordering::Less)),
    chooser("max", true, |points| best(points, Ordering::Greater)),
    chooser("first", false, |points| points[0].clone()),
    chooser("last", false, |points| points[points.len() - 1].clone()),
];

const fn chooser(name: &'static str, needs_numbers: bool, of: fn(&[Point]) -> Point) -> Function {
    Function {
        name,
        needs_numbers,
        chooses: true,
        of,
    }
}

/// The earliest of those that no other beats.
fn best(points: &[Point], wins: Ordering) -> Point {
    let beats = |a: &Point, b: &Point| number(&a.1).total_cmp(&number(&b.1)) == wins;
    let best = points
        .iter()
        .reduce(|best, point| if beats(point, best) { point } else { best });
    best.unwrap_or(&points[0]).clone()
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Float(number) => *number,
        Value::Integer(number) => *number as f64,
        _ => f64::NAN,
    }
}

/// A text and a number are neither equal nor in any order.
pub(super) fn compare(value: &Value, sign: &str, wanted: &Value) -> bool {
    let ordering = match (value, wanted) {
        (Value::Text(value), Value::Text(wanted)) => Some(value.cmp(wanted)),
        (Value::Text(_), _) | (_, Value::Text(_)) => None,
        _ => number(value).partial_cmp(&number(wanted)),
    };
    ordering.is_some_and(|ordering| match sign {
        "=" => ordering.is_eq(),
        "<" => ordering.is_lt(),
        "<=" => ordering.is_le(),
        ">" => ordering.is_gt(),
        ">=" => ordering.is_ge(),
        _ => ordering.is_ne(),
    })
}
