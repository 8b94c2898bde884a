//! The TOML file of the command line.

use std::{fs::File, io::Read as _, path::Path};

use config::{ConfigError, FileFormat, Source as _, Value as Found, ValueKind};
use serde_json::{Map, Value};

use super::Problems;

/// Largest file, in bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// The file's text, without a byte order mark.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(format!("is larger than {MAX_SIZE} bytes: name the configuration file"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("is UTF-16: save it as UTF-8".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        format!(
            "is not UTF-8 after byte {}: save it as UTF-8",
            error.utf8_error().valid_up_to()
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The table that `text` is; problems name `name`, line and column and never repeat the line, which may hold a secret.
pub(super) fn parse(name: &str, text: &str, problems: &mut Problems) -> Option<Map<String, Value>> {
    match config::File::from_str(text, FileFormat::Toml).collect() {
        Ok(table) => Some(table.into_iter().map(|(key, value)| (key, to_json(value))).collect()),
        Err(ConfigError::FileParse { cause, .. }) => {
            match cause.downcast_ref::<toml::de::Error>() {
                Some(error) => {
                    let (line, column) = position(text, error.span().map_or(0, |span| span.start));
                    problems.add(name, format!("line {line}, column {column}: {}", error.message()));
                }
                None => problems.add(name, format!("is not TOML: {cause}")),
            }
            None
        }
        Err(_) => {
            problems.add(name, "is not TOML: compare it with the built-in configuration");
            None
        }
    }
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn to_json(found: Found) -> Value {
    match found.kind {
        ValueKind::Nil => Value::Null,
        ValueKind::Boolean(flag) => flag.into(),
        ValueKind::I64(number) => number.into(),
        ValueKind::U64(number) => number.into(),
        ValueKind::I128(number) => number.to_string().into(),
        ValueKind::U128(number) => number.to_string().into(),
        ValueKind::Float(number) => number.into(),
        ValueKind::String(text) => text.into(),
        ValueKind::Table(table) => Value::Object(table.into_iter().map(|(key, value)| (key, to_json(value))).collect()),
        ValueKind::Array(list) => list.into_iter().map(to_json).collect(),
    }
}
