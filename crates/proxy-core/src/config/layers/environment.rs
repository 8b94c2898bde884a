//! A snapshot of the environment, and what it says of the configuration.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ffi::OsString,
    fmt,
};

use config::Source as _;
use secrecy::SecretString;
use serde_json::Value;

use super::{Alias, Problems, SecretAlias, Secrets};
use crate::strict_json;

/// The variables of the process at its start.
#[derive(Clone, Default)]
pub struct Environment {
    values: BTreeMap<String, String>,
    /// Variables whose value is not UTF-8.
    broken: BTreeSet<String>,
}

/// One variable, as a key and what it sets it to.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) key: String,
    pub(super) variable: String,
    pub(super) value: Value,
    pub(super) oddity: Option<String>,
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        Self::of(std::env::vars_os())
    }

    pub(super) fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        for (variable, value) in variables {
            let variable = variable.to_string_lossy().into_owned();
            match value.into_string() {
                Ok(value) => drop(environment.values.insert(variable, value)),
                Err(_) => drop(environment.broken.insert(variable)),
            }
        }
        environment
    }

    /// These variables and no others.
    #[must_use]
    pub fn from(variables: HashMap<String, String>) -> Self {
        Self {
            values: variables.into_iter().collect(),
            broken: BTreeSet::new(),
        }
    }

    /// The variable's value. One that is not UTF-8 is a problem.
    pub(super) fn get(&self, variable: &str, problems: &mut Problems) -> Option<&str> {
        if self.broken.contains(variable) {
            problems.add(variable, "is not UTF-8: correct it");
        }
        self.values.get(variable).map(String::as_str)
    }

    /// `MY_SERVICE__SERVER__PORT` and the like. The `config` crate says which keys they are. Shorter keys come first, so
    /// that `__SERVER='{"port": 1}'` does not undo `__SERVER__PORT`.
    pub(super) fn own(&self, name: &str, problems: &mut Problems) -> Vec<Said> {
        let prefix = name.to_uppercase().replace('-', "_");
        let start = format!("{prefix}__");
        for variable in self.broken.iter().filter(|variable| variable.starts_with(&start)) {
            problems.add(variable, "is not UTF-8: correct it");
        }
        let mut own = Vec::new();
        for (variable, value) in self.values.iter().filter(|(variable, _)| variable.starts_with(&start)) {
            let one = HashMap::from([(variable.clone(), value.clone())]);
            let source = config::Environment::with_prefix(&prefix)
                .prefix_separator("__")
                .separator("__")
                .source(Some(one));
            let keys = source.collect().unwrap_or_default().into_keys();
            own.extend(keys.map(|key| Said::any(key, variable, value)));
        }
        own.sort_by(|one, other| one.key.cmp(&other.key));
        own
    }

    /// What the variables of the replaced service say. An empty one says nothing.
    pub(super) fn aliases(&self, aliases: &[Alias], problems: &mut Problems) -> Vec<Said> {
        let said = |alias: &Alias| {
            let value = self.get(alias.variable, problems)?;
            if alias.key.is_empty() {
                problems.warn(alias.variable, "has no effect here: remove it");
                return None;
            }
            (!value.is_empty()).then(|| Said::scalar(alias.key, alias.variable, &format!("{}{value}", alias.lead)))
        };
        aliases.iter().filter_map(said).collect()
    }

    /// The secrets among them, each with a warning.
    pub(super) fn secrets(&self, aliases: &[SecretAlias], problems: &mut Problems) -> Secrets {
        let mut secrets = Secrets::default();
        for SecretAlias { variable, key } in aliases {
            if let Some(secret) = self.get(variable, problems) {
                let what = "holds a secret, which everyone may read who sees the process's environment";
                let cure = format!("write it into a file, and the file's name into {key}_file");
                problems.warn(variable, format!("{what}: {cure}"));
                secrets.0.insert(key, (variable, SecretString::from(secret)));
            }
        }
        secrets
    }
}

impl Said {
    /// A value of the service's own variables: JSON, if it is JSON, so that numbers and lists are what they look like.
    fn any(key: String, variable: &str, text: &str) -> Self {
        let structured = text.starts_with(['[', '{', '"']);
        let (value, oddity) = match strict_json::parse(text) {
            Ok(value) if structured || same(&value, text) => (value, None),
            Err(error) if structured => (
                Value::String(text.to_owned()),
                Some(format!("which is not JSON: {error}")),
            ),
            _ => (Value::String(text.to_owned()), None),
        };
        Self {
            key,
            variable: variable.to_owned(),
            value,
            oddity,
        }
    }

    /// A value of somebody else's variables, which know no JSON.
    pub(super) fn scalar(key: &str, variable: &str, text: &str) -> Self {
        let value = strict_json::parse(text).ok().filter(|value| same(value, text));
        let value = value.unwrap_or_else(|| Value::String(text.to_owned()));
        Self {
            key: key.to_owned(),
            variable: variable.to_owned(),
            value,
            oddity: None,
        }
    }
}

/// Whether `text` can be had back from a number or a flag: `007` and `1e3` stay text.
fn same(value: &Value, text: &str) -> bool {
    let written = value.to_string();
    (value.is_number() || value.is_boolean()) && written == text
}

impl fmt::Debug for Environment {
    /// Names only: any value may be a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_set()
            .entries(self.values.keys())
            .entries(&self.broken)
            .finish()
    }
}
