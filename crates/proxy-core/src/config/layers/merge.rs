//! One configuration laid over another (pure).

use serde_json::{Map, Value, json};

use super::environment::Said;

/// The list whose entries all lie over the defaults' one.
const LIST: &str = "tenant";
/// Its first entry, as the keys of replaced variables have it.
const FIRST: &str = "tenant[0].";

/// Defaults below replaced variables below all the rest.
pub(super) fn compose(
    mut defaults: Map<String, Value>,
    replaced: &[Said],
    mut upper: Map<String, Value>,
) -> Map<String, Value> {
    let template = match defaults.remove(LIST) {
        Some(Value::Array(entries)) => entries.into_iter().next(),
        _ => None,
    };
    let mut first = template.clone().unwrap_or_else(|| json!({}));
    for said in replaced {
        match said.key.strip_prefix(FIRST) {
            Some(key) => lay(&mut first, Value::Object(nested(key, said.value.clone()))),
            None => over(&mut defaults, nested(&said.key, said.value.clone())),
        }
    }
    let tenants = match (upper.remove(LIST), template) {
        (Some(Value::Array(entries)), template) => {
            let template = template.unwrap_or_else(|| json!({}));
            let below = [first].into_iter().chain(std::iter::repeat(template));
            Some(below.zip(entries).map(|(below, entry)| laid(below, entry)).collect())
        }
        (Some(other), _) => Some(other),
        (None, Some(_)) => Some(json!([first])),
        (None, None) => None,
    };
    over(&mut defaults, upper);
    if let Some(tenants) = tenants {
        defaults.insert(LIST.to_owned(), tenants);
    }
    defaults
}

/// Lays `upper` over `lower`, table by table.
///
/// What says the same thing in another way gives way: `password_file` to a later `password` and the other way round, and
/// all keys of one `kind` to a later table of another.
pub(super) fn over(lower: &mut Map<String, Value>, upper: Map<String, Value>) {
    if let (Some(old), Some(new)) = (lower.get("kind"), upper.get("kind"))
        && old != new
    {
        lower.clear();
    }
    for key in upper.keys() {
        lower.remove(&format!("{key}_file"));
        if let Some(plain) = key.strip_suffix("_file") {
            lower.remove(plain);
        }
    }
    for (key, value) in upper {
        match (lower.get_mut(&key), value) {
            // JSON's way to say that a default is not wanted.
            (_, Value::Null) => drop(lower.remove(&key)),
            (Some(below), value) => lay(below, value),
            (None, value) => drop(lower.insert(key, laid(json!({}), value))),
        }
    }
}

fn lay(lower: &mut Value, upper: Value) {
    match (lower, upper) {
        (Value::Object(lower), Value::Object(upper)) => over(lower, upper),
        (lower, Value::Object(upper)) => {
            let mut table = Map::new();
            over(&mut table, upper);
            *lower = Value::Object(table);
        }
        (lower, upper) => *lower = upper,
    }
}

fn laid(mut lower: Value, upper: Value) -> Value {
    lay(&mut lower, upper);
    lower
}

/// `server.port` and a value as `{"server": {"port": value}}`.
pub(super) fn nested(key: &str, value: Value) -> Map<String, Value> {
    let (first, rest) = key
        .split_once('.')
        .map_or((key, None), |(first, rest)| (first, Some(rest)));
    let value = rest.map_or(value.clone(), |rest| Value::Object(nested(rest, value)));
    Map::from_iter([(first.to_owned(), value)])
}

/// The value at `server.port` or `tenant[0].prefix`.
pub(super) fn at<'v>(table: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    let mut steps = key
        .split('.')
        .map(|step| step.strip_suffix("[0]").map_or((step, false), |list| (list, true)));
    let pick = |value: &'v Value, first: bool| if first { value.get(0) } else { Some(value) };
    let (name, first) = steps.next()?;
    steps.try_fold(pick(table.get(name)?, first)?, |value, (name, first)| {
        pick(value.get(name)?, first)
    })
}

/// Takes user and password out of every URL.
pub(super) fn redact(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((scheme, rest)) = text.split_once("://")
                && let end = rest.find(['/', '?', '#']).unwrap_or(rest.len())
                && let Some((_, host)) = rest[..end].rsplit_once('@')
            {
                *text = format!("{scheme}://[REDACTED]@{host}{}", &rest[end..]);
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(redact),
        Value::Object(table) => table.values_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
