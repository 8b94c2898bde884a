//! The file as it is written, and what is told of one that is no such file.

use serde::{Deserialize, Deserializer, de};

use super::Type;

/// An entry of the file, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) r#match: String,
    pub(super) r#type: Type,
    pub(super) name: String,
    pub(super) remote_port: u16,
    #[serde(default)]
    pub(super) ws: bool,
    #[serde(default)]
    pub(super) path_rewrite: Ordered,
}

/// An object's members, in their order: the first rule that matches is the one that applies.
#[derive(Default)]
pub(super) struct Ordered(pub(super) Vec<(String, String)>);

/// The entries of a file, or where it is wrong, and what usually is the matter.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut json);
    let (path, error) = match read.map(|entries| json.end().map(|()| entries)) {
        Ok(Ok(entries)) => return Ok(entries),
        Ok(Err(error)) => (String::new(), error),
        Err(error) => (error.path().to_string(), error.into_inner()),
    };
    let (line, column, text) = (error.line(), error.column(), error.to_string());
    let what = text.split(" at line ").next().unwrap_or_default();
    let at = match path.as_str() {
        _ if !error.is_data() => String::new(),
        "" | "." => String::new(),
        path => format!(", at {path}"),
    };
    let cure = match what {
        what if what.starts_with("expected `,`") => "put a comma at the end of the line before it",
        what if what.starts_with("trailing comma") => "remove the comma before it",
        _ if path.ends_with(".remotePort") => "write a port from 1 to 65535, without quotes",
        _ if error.is_data() => {
            "an entry has `match`, `type`, `name`, `remotePort`, and perhaps `ws` and `pathRewrite`"
        }
        _ => "correct the JSON",
    };
    Err(format!("is wrong in line {line}, column {column}{at} ({what}): {cure}"))
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> de::Visitor<'de> for InOrder {
            type Value = Ordered;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object of expressions and what replaces them")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut object: A) -> Result<Ordered, A::Error> {
                let mut rules: Vec<(String, String)> = Vec::new();
                while let Some((from, to)) = object.next_entry()? {
                    if rules.iter().any(|(known, _)| *known == from) {
                        return Err(de::Error::custom("a rule is there twice"));
                    }
                    rules.push((from, to));
                }
                Ok(Ordered(rules))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
