//! Documents that are JSON objects: which fields they have, and where they say that something is.
//!
//! **Invariant**: no error repeats what a document holds.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::config::sections::check;

/// The fields of one document.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a document.
    ///
    /// # Errors
    /// It is no JSON object.
    #[expect(clippy::disallowed_methods, reason = "fields are made of the document's text")]
    pub fn read(text: &SecretString) -> Result<Self, String> {
        serde_json::from_str(text.expose_secret()).map(Self).map_err(|error| {
            format!(
                "is not a JSON object (line {}, column {}): correct it",
                error.line(),
                error.column()
            )
        })
    }

    /// Those that matter, typed. `None`: one is missing or is something else; serde's own words may repeat what was found.
    #[must_use]
    pub fn typed<'f, T: Deserialize<'f>>(&'f self) -> Option<T> {
        T::deserialize(&self.0).ok()
    }

    /// Those of `wanted` that are not there, and those that are there and in neither list.
    #[must_use]
    pub fn compared(&self, wanted: &[&'static str], more: &[&str]) -> (Vec<&'static str>, Vec<&str>) {
        let missing = wanted.iter().copied().filter(|name| !self.0.contains_key(*name));
        let names = self.0.keys().map(String::as_str);
        let unknown = names.filter(|name| !wanted.contains(name) && !more.contains(name));
        (missing.collect(), unknown.collect())
    }
}

/// Where a document says that something is: `url`, or `host` with `port` and `path`.
#[derive(Deserialize)]
pub struct Address {
    url: Option<String>,
    host: Option<String>,
    /// A text or a number; 443 if there is none.
    port: Option<Value>,
    path: Option<String>,
}

impl Address {
    /// The base URL of `what`.
    ///
    /// # Errors
    /// There is none, or it is none.
    pub fn base_url(&self, what: &str) -> Result<Url, String> {
        if let Some(url) = &self.url {
            return check::base_url(url).map_err(|flaw| format!("has a `url` that {flaw}"));
        }
        let url = self.composed().and_then(|url| check::base_url(&url).ok());
        url.ok_or_else(|| {
            format!(
                "does not say where its {what} is: write `host`, and `port` and `path` if they are not 443 and /, or `url`"
            )
        })
    }

    fn composed(&self) -> Option<String> {
        let host = self.host.as_deref()?;
        let port = match &self.port {
            None => "443".to_owned(),
            Some(Value::String(port)) => port.clone(),
            Some(port) => port.to_string(),
        };
        // Some mounted secrets have `.` for no path.
        let path = match self.path.as_deref().unwrap_or_default().trim_matches('/') {
            "." => "",
            path => path,
        };
        Some(format!("https://{host}:{port}/{path}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(document: Value) -> Fields {
        Fields::read(&SecretString::from(document.to_string())).unwrap()
    }

    #[test]
    fn fields_that_are_missing_or_unknown_are_named_and_nothing_of_what_they_hold() {
        let fields = fields(json!({ "host": "h", "token": "s3cret", "more": 1 }));
        assert_eq!(
            fields.compared(&["host", "port"], &["more"]),
            (vec!["port"], vec!["token"])
        );
        let flaw = Fields::read(&SecretString::from("{\"password\": s3cret}"))
            .err()
            .unwrap();
        assert_eq!(flaw, "is not a JSON object (line 1, column 14): correct it");
    }

    #[test]
    fn an_address_is_a_url_or_made_of_its_parts() {
        let base_url = |document: Value| fields(document).typed::<Address>().unwrap().base_url("database");
        for (document, expected) in [
            (json!({ "host": "h" }), "https://h/"),
            (json!({ "host": "h", "port": "8443", "path": "." }), "https://h:8443/"),
            (
                json!({ "host": "h", "port": 8443, "path": "/a/b/" }),
                "https://h:8443/a/b/",
            ),
            (json!({ "host": "h", "url": "http://u/x" }), "http://u/x/"),
        ] {
            assert_eq!(base_url(document).unwrap().as_str(), expected);
        }
        for document in [
            json!({}),
            json!({ "host": "a/b" }),
            json!({ "host": "h", "port": "s3cret" }),
        ] {
            let flaw = base_url(document).unwrap_err();
            assert!(
                flaw.starts_with("does not say where its database is: write `host`"),
                "{flaw}"
            );
        }
        let flaw = base_url(json!({ "url": "https://u:s3cret@h/" })).unwrap_err();
        assert!(flaw.starts_with("has a `url` that holds a user or password"), "{flaw}");
        assert!(fields(json!({ "host": 1 })).typed::<Address>().is_none());
    }
}
