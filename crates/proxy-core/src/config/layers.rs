//! The layers of a configuration and how they become one.
//!
//! Built-in defaults < variables of the service that is replaced, and of JupyterHub < file < the service's own variables.
//! The defaults' one `[[tenant]]` is the template below every tenant.
//!
//! **Invariant**: a secret of the environment never becomes part of the merged configuration.

mod environment;
mod file;
mod hub;
mod merge;

use std::{collections::HashMap, path::Path};

use secrecy::SecretString;
use serde_json::{Map, Value};

pub use self::environment::Environment;
use self::{
    environment::Said,
    merge::{compose, nested},
};
use super::{
    Document, Problems, Reader,
    problems::{Alternative, Origin},
};
use crate::About;

/// A variable of the service that this one replaces.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    /// Its name: `OLD_BASE_URL`.
    pub variable: &'static str,
    /// The key that it sets: `tenant[0].upstream.url`. Empty: none, and a warning says so.
    pub key: &'static str,
    /// What the key has in front of the variable's value: `/` where the old one was a name and the new one is a path.
    pub lead: &'static str,
}

impl Alias {
    /// A variable whose value is the key's.
    #[must_use]
    pub const fn new(variable: &'static str, key: &'static str) -> Self {
        let lead = "";
        Self { variable, key, lead }
    }
}

/// The same for a variable that holds a secret: it is believed, and warned about.
#[derive(Clone, Copy, Debug)]
pub struct SecretAlias {
    /// Its name: `OLD_PASSWORD`.
    pub variable: &'static str,
    /// The secret that it is: `tenant[0].credential.password`. With `_file` it is the key that should be used instead.
    pub key: &'static str,
}

/// Secrets that the environment holds, by key.
#[derive(Clone, Debug, Default)]
pub struct Secrets(HashMap<&'static str, (&'static str, SecretString)>);

impl Secrets {
    /// The variable that holds the secret `key`, and the secret.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<(&'static str, &SecretString)> {
        self.0.get(key).map(|(variable, secret)| (*variable, secret))
    }
}

/// A merged configuration that nobody has read yet.
#[derive(Debug)]
pub struct Layers {
    merged: Map<String, Value>,
    /// What the environment holds of secrets.
    pub secrets: Secrets,
}

impl Layers {
    /// Merges the defaults, `file` and `environment`; `None` when one of them cannot be read.
    pub fn load(
        about: &About,
        file: Option<&Path>,
        environment: &Environment,
        problems: &mut Problems,
    ) -> Option<Self> {
        match file {
            None => Self::merge(about, Some(Map::new()), environment, problems),
            Some(path) => {
                let name = path.display().to_string();
                let text = file::read(path).map_err(|what| problems.add(&name, what)).ok();
                let table = text.and_then(|text| file::parse(&name, &text, problems));
                Self::merge(about, table, environment, problems)
            }
        }
    }

    /// The same with the text of a file.
    pub fn load_str(about: &About, text: &str, environment: &Environment, problems: &mut Problems) -> Option<Self> {
        let table = file::parse("the configuration", text, problems);
        Self::merge(about, table, environment, problems)
    }

    fn merge(
        about: &About,
        file: Option<Map<String, Value>>,
        environment: &Environment,
        problems: &mut Problems,
    ) -> Option<Self> {
        let defaults = file::parse("the built-in configuration", about.defaults, problems);
        let own = environment.own(about.name, problems);
        let mut replaced = environment.aliases(about.aliases, problems);
        replaced.extend(hub::variables(environment, problems));
        let secrets = environment.secrets(about.secrets, problems);
        let mut upper = file?;
        for said in &own {
            merge::over(&mut upper, nested(&said.key, said.value.clone()));
        }
        let mut merged = compose(defaults?, &replaced, upper);
        let filled = hub::identities(environment, &mut merged);
        let origins = replaced
            .iter()
            .filter(|said| merge::at(&merged, &said.key) == Some(&said.value))
            .chain(&own)
            .chain(&filled);
        problems.know(origins.map(Said::origin).collect(), alternatives(about, &secrets));
        Some(Self { merged, secrets })
    }

    /// Reads and validates the document; `None` when there is a problem.
    pub fn read<C: Document>(self, problems: &mut Problems) -> Option<C> {
        let mut reader = Reader::new(self.merged, problems).with_secrets(self.secrets);
        let document = C::read(&mut reader);
        reader.finish();
        let document = document?;
        document.validate(problems);
        problems.is_empty().then_some(document)
    }

    /// The merged configuration, fit to be shown: no secret, and no password within a URL.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut secrets: Vec<_> = self.secrets.0.iter().collect();
        secrets.sort_by_key(|(key, _)| **key);
        let notes: String = secrets
            .iter()
            .map(|(key, (variable, _))| format!("# {key} is in {variable}\n"))
            .collect();
        let mut shown = Value::Object(self.merged.clone());
        merge::redact(&mut shown);
        let table = toml::Value::try_from(shown).and_then(|shown| toml::to_string(&shown));
        notes + &table.unwrap_or_else(|_| "# this configuration cannot be written as TOML\n".to_owned())
    }
}

fn alternatives(about: &About, secrets: &Secrets) -> Vec<Alternative> {
    let plain = about.aliases.iter().map(|&Alias { variable, key, .. }| Alternative {
        key,
        variable,
        holds_secret: false,
    });
    let secret = about.secrets.iter().map(|&SecretAlias { variable, key }| Alternative {
        key,
        variable,
        holds_secret: secrets.get(key).is_some(),
    });
    plain.chain(secret).collect()
}

impl Said {
    fn origin(&self) -> Origin {
        Origin {
            key: self.key.clone(),
            variable: self.variable.clone(),
            oddity: self.oddity.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
