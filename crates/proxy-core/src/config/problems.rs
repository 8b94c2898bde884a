//! A list of what is wrong with a configuration.

use std::fmt::{self, Display};

/// Problems found so far, and the key below which the next ones are found.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<String>,
    warnings: Vec<String>,
    at: Vec<String>,
    origins: Vec<Origin>,
    alternatives: Vec<Alternative>,
}

/// A variable that may stand for a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alternative {
    pub(super) key: &'static str,
    pub(super) variable: &'static str,
    /// Whether it holds the secret `key`.
    pub(super) holds_secret: bool,
}

/// Which variable said a key, and what is odd about what it said.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) key: String,
    pub(super) variable: String,
    pub(super) oddity: Option<String>,
}

/// A section that can say what is wrong with it.
pub trait Validate {
    /// Adds each problem; keys are relative to this section. Unless a section says otherwise, reading it has told them all.
    fn validate(&self, _problems: &mut Problems) {}
}

impl Problems {
    /// `what` says what is wrong with `key` and what to do: "has scheme `ftp`: use http or https".
    pub fn add(&mut self, key: impl Display, what: impl Display) {
        let key = self.key(&key.to_string());
        let above = self.origins.iter().rev().find(|origin| is_below(&key, &origin.key));
        let problem = match above.or_else(|| self.origins.iter().find(|origin| is_below(&origin.key, &key))) {
            Some(Origin {
                variable,
                oddity: Some(oddity),
                ..
            }) => format!("{key} (from {variable}, {oddity}) {what}"),
            Some(Origin { variable, .. }) => format!("{key} (from {variable}) {what}"),
            None => format!("{key} {what}"),
        };
        // A section may be checked twice: where it was read, and by the document that holds it.
        let problem = problem.trim_start().to_owned();
        if !self.found.contains(&problem) {
            self.found.push(problem);
        }
    }

    /// `key` must be there and is not.
    pub fn missing(&mut self, key: impl Display) {
        let how = self.or_variable(&key);
        self.add(key, format!("is missing: set it{how}"));
    }

    /// The same for what does not stop the service from starting.
    pub fn warn(&mut self, key: impl Display, what: impl Display) {
        let warning = format!("{} {what}", self.key(&key.to_string()));
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Runs `inside` one level deeper.
    pub fn within<R>(&mut self, key: impl Display, inside: impl FnOnce(&mut Self) -> R) -> R {
        self.at.push(key.to_string());
        let result = inside(self);
        self.at.pop();
        result
    }

    /// Validates one section.
    pub fn section(&mut self, key: &str, section: &impl Validate) {
        self.within(key, |problems| section.validate(problems));
    }

    /// Validates each entry of a list.
    pub fn each(&mut self, key: &str, entries: &[impl Validate]) {
        for (index, entry) in entries.iter().enumerate() {
            self.within(format!("{key}[{index}]"), |problems| entry.validate(problems));
        }
    }

    /// Whether nothing was found. Warnings do not count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Each problem, as it was found.
    #[must_use]
    pub fn found(&self) -> &[String] {
        &self.found
    }

    /// Each warning.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// ", or OLD_BASE_URL in the environment", if there is such a variable for `key`.
    pub(super) fn or_variable(&self, key: impl Display) -> String {
        let known = self.alternative(&key.to_string());
        known.map_or_else(String::new, |known| {
            format!(", or {} in the environment", known.variable)
        })
    }

    /// Whether a variable holds the secret `key`.
    pub(super) fn holds_secret(&self, key: &str) -> bool {
        self.alternative(key).is_some_and(|known| known.holds_secret)
    }

    fn alternative(&self, key: &str) -> Option<&Alternative> {
        let key = self.key(key);
        self.alternatives.iter().find(|alternative| alternative.key == key)
    }

    /// From here on, problems name the variable that said a key, or could have said it.
    pub(super) fn know(&mut self, origins: Vec<Origin>, alternatives: Vec<Alternative>) {
        self.origins = origins;
        self.alternatives = alternatives;
    }

    fn key(&self, last: &str) -> String {
        let parts: Vec<&str> = self
            .at
            .iter()
            .map(String::as_str)
            .chain([last])
            .filter(|part| !part.is_empty())
            .collect();
        parts.join(".")
    }
}

/// Whether `key` is `above` or below it.
pub(super) fn is_below(key: &str, above: &str) -> bool {
    key.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.found {
            writeln!(formatter, "  - {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
