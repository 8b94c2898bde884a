//! From a merged document to typed sections, without stopping at the first mistake.

mod fields;

use serde_json::{Map, Value};

pub(super) use self::fields::found;
use super::{Problems, Secrets, Validate, sections::LogConfig};

/// A whole configuration.
pub trait Document: Validate + Sized {
    /// Takes each section from `reader`, and only then looks whether one is missing: a `?` too early hides problems.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;

    /// How to log.
    fn log(&self) -> &LogConfig;

    /// The policy of each tenant as a table, for `print-policy`.
    fn print_policy(&self) -> String;
}

/// One table of a configuration. Whoever reads one also validates it: `Document::validate` is for what concerns several.
pub trait Section: Validate + Sized {
    /// Reads the table; `None` when it cannot be read (the problems are noted).
    fn read(value: Value, problems: &mut Problems) -> Option<Self>;

    /// Takes the secrets that the environment holds for this section, which is at `key`.
    fn attach(&mut self, _key: &str, _secrets: &Secrets) {}

    /// Adds what is wrong with a list of such tables as a whole; keys are relative to where the list is.
    fn together(_key: &str, _entries: &[Self], _problems: &mut Problems) {}
}

/// A table whose keys are taken out one by one: what is left over is unknown.
#[derive(Debug)]
pub struct Reader<'a> {
    table: Map<String, Value>,
    known: Vec<&'static str>,
    secrets: Secrets,
    readable: bool,
    problems: &'a mut Problems,
}

impl<'a> Reader<'a> {
    /// Reads `table`, noting problems in `problems`.
    pub fn new(table: Map<String, Value>, problems: &'a mut Problems) -> Self {
        Self {
            table,
            known: Vec::new(),
            secrets: Secrets::default(),
            readable: true,
            problems,
        }
    }

    /// Reads `value`, which must be a table.
    pub fn open(value: Value, problems: &'a mut Problems) -> Option<Self> {
        match value {
            Value::Object(table) => Some(Self::new(table, problems)),
            other => {
                problems.add("", format!("{}: write a table of keys", found(&other)));
                None
            }
        }
    }

    /// The same, with secrets for the sections that want them.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// The table `key`, validated; an absent one is read as empty.
    pub fn section<T: Section>(&mut self, key: &'static str) -> Option<T> {
        let value = self.take(key).unwrap_or_else(|| Value::Object(Map::new()));
        let section = self.entry(key, value);
        self.readable &= section.is_some();
        section
    }

    /// The table `key`, of which `read` takes all keys that it may have; an absent one is read as empty.
    pub fn table<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Reader<'_>) -> T) -> Option<T> {
        let value = self.take(key).unwrap_or_else(|| Value::Object(Map::new()));
        let table = self.problems.within(key, |problems| {
            let mut reader = Reader::open(value, problems)?;
            let table = read(&mut reader);
            reader.finish().then_some(table)
        });
        self.readable &= table.is_some();
        table
    }

    /// The list of tables `key`, each validated; an absent one is read as empty.
    pub fn list<T: Section>(&mut self, key: &'static str) -> Option<Vec<T>> {
        self.list_with(key, |_, _| ())
    }

    /// The same where none is needed.
    pub fn list_if_any<T: Section>(&mut self, key: &'static str) -> Option<Vec<T>> {
        match self.table.get(key) {
            Some(Value::Array(entries)) if !entries.is_empty() => self.list(key),
            None | Some(Value::Array(_)) => {
                self.take(key);
                Some(Vec::new())
            }
            Some(_) => self.list(key),
        }
    }

    /// The same, with a check of each table as it is written: what a service alone can judge has to be told whatever else
    /// is wrong.
    pub fn list_with<T: Section>(
        &mut self,
        key: &'static str,
        check: impl Fn(&Value, &mut Problems),
    ) -> Option<Vec<T>> {
        let values = match self.take(key) {
            None => Vec::new(),
            Some(Value::Array(values)) => values,
            Some(other) => {
                self.fail(
                    key,
                    format!(
                        "{}: write `[[{key}]]` tables, or a JSON list in the environment",
                        found(&other)
                    ),
                );
                return None;
            }
        };
        // Every entry is read before one of them ends it all.
        let keyed = values
            .into_iter()
            .enumerate()
            .map(|(index, value)| (format!("{key}[{index}]"), value));
        let entries = keyed.map(|(key, value)| {
            let table = value.clone();
            let entry = self.entry(&key, value);
            self.problems.within(key, |problems| check(&table, problems));
            entry
        });
        let entries: Vec<Option<T>> = entries.collect();
        let entries: Option<Vec<T>> = entries.into_iter().collect();
        match &entries {
            Some(entries) => T::together(key, entries, self.problems),
            None => self.readable = false,
        }
        entries
    }

    fn entry<T: Section>(&mut self, key: &str, value: Value) -> Option<T> {
        let mut entry = self.problems.within(key, |problems| T::read(value, problems))?;
        entry.attach(key, &self.secrets);
        self.problems.section(key, &entry);
        Some(entry)
    }

    /// Notes each key that nobody took, and says whether all that was taken could be read.
    pub fn finish(self) -> bool {
        for key in self.table.keys() {
            self.problems.add(key, unknown_key(key, self.known.iter().copied()));
        }
        self.readable
    }
}

/// What to say of a key that nobody knows: keys are not values, so it may be repeated.
pub(super) fn unknown_key<'k>(key: &str, known: impl Iterator<Item = &'k str>) -> String {
    let likeness = |name: &str| strsim::jaro_winkler(&key.to_lowercase(), name);
    let nearest = known.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    match nearest.filter(|name| likeness(name) > 0.75) {
        Some(name) => format!("is not a key here: did you mean `{name}`?"),
        None => "is not a key here: remove it".to_owned(),
    }
}

#[cfg(test)]
mod tests;
