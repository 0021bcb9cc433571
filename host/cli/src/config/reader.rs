//! Typed access to the values of a document, with errors that name the key.

use std::fmt::Display;
use std::ops::Range;

use super::document::{Entry, Kind, Node};
use super::key::Keys;
use super::source::Source;
use crate::messages::config::ConfigError;
use crate::messages::problem::{Problem, Type};

/// A value with its full key.
#[derive(Debug)]
pub(super) struct Value<'a> {
    source: &'a Source,
    key: String,
    node: Node<'a>,
}

impl<'a> Value<'a> {
    /// Parses a document, and returns its root.
    pub(super) fn root(source: &'a Source) -> Result<Self, ConfigError> {
        Ok(Self { source, key: String::new(), node: source.parse()? })
    }

    /// Reads a string with `parse`.
    pub(super) fn read<T, E: Display>(&self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, ConfigError> {
        let Kind::Text(text) = &self.node.kind else { return Err(self.wrong_type(Type::Text)) };
        parse(text).map_err(|error| self.invalid(error, None))
    }

    /// Reads an integer with `parse`.
    pub(super) fn read_integer<T, E: Display>(
        &self,
        parse: impl FnOnce(i64) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        let Kind::Integer(integer) = self.node.kind else { return Err(self.wrong_type(Type::Integer)) };
        parse(integer).map_err(|error| self.invalid(error, None))
    }

    /// Reads a boolean.
    pub(super) fn boolean(&self) -> Result<bool, ConfigError> {
        let Kind::Boolean(value) = self.node.kind else { return Err(self.wrong_type(Type::Boolean)) };
        Ok(value)
    }

    /// Reads a list, and each element with `each`.
    pub(super) fn list<T>(self, mut each: impl FnMut(Self) -> Result<T, ConfigError>) -> Result<Vec<T>, ConfigError> {
        let Kind::List(nodes) = self.node.kind else { return Err(self.wrong_type(Type::List)) };
        let element = |(index, node)| each(Self { source: self.source, key: format!("{}[{index}]", self.key), node });
        nodes.into_iter().enumerate().map(element).collect()
    }

    /// Reads a table, and refuses keys other than `keys`.
    pub(super) fn table_of(self, keys: &'static Keys) -> Result<Table<'a>, ConfigError> {
        let table = self.table()?;
        table.only(keys)?;
        Ok(table)
    }

    /// Reads a table with any keys.
    pub(super) fn table(self) -> Result<Table<'a>, ConfigError> {
        let Kind::Table(entries) = self.node.kind else { return Err(self.wrong_type(Type::Table)) };
        Ok(Table { source: self.source, key: self.key, span: self.node.span, entries })
    }

    /// Returns the value as JSON: unchanged if the file is JSON, else converted from TOML.
    pub(super) fn json(&self) -> Result<Vec<u8>, ConfigError> {
        if let Some(written) = self.source.written_json(&self.node.span) {
            return Ok(written.as_bytes().to_vec());
        }
        let value = self.node.to_json().map_err(|span| {
            let message = "the number has no JSON representation".to_owned();
            self.source.error(&span, Problem::Invalid { key: self.key(), message, help: None })
        })?;
        Ok(value.to_string().into_bytes())
    }

    /// Returns true if the value is a string.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.node.kind, Kind::Text(_))
    }

    /// Returns true if the value is an integer.
    pub(super) fn is_integer(&self) -> bool {
        matches!(self.node.kind, Kind::Integer(_))
    }

    /// Returns true if the value is a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.node.kind, Kind::List(_))
    }

    /// Returns true if the value is an empty list.
    pub(super) fn is_empty_list(&self) -> bool {
        matches!(&self.node.kind, Kind::List(nodes) if nodes.is_empty())
    }

    /// Returns the error for a value of the wrong type.
    pub(super) fn wrong_type(&self, expected: Type) -> ConfigError {
        let problem = Problem::WrongType { key: self.key(), expected, found: self.node.description() };
        self.source.error(&self.node.span, problem)
    }

    /// Returns the error for an invalid value of the right type.
    pub(super) fn invalid(&self, message: impl Display, help: Option<String>) -> ConfigError {
        self.source.error(&self.node.span, Problem::Invalid { key: self.key(), message: message.to_string(), help })
    }

    /// Returns the error for a value of a later version.
    pub(super) fn later(&self, help: &'static str) -> ConfigError {
        self.source.error(&self.node.span, Problem::LaterValue { key: self.key(), help })
    }

    fn key(&self) -> String {
        quoted(&self.key)
    }
}

/// The remaining keys and values of a table.
#[derive(Debug)]
pub(super) struct Table<'a> {
    source: &'a Source,
    key: String,
    span: Range<usize>,
    entries: Vec<Entry<'a>>,
}

impl<'a> Table<'a> {
    /// Refuses the first key outside `keys`. Call it before requiring keys: a missing key is often
    /// present, but misspelled.
    pub(super) fn only(&self, keys: &'static Keys) -> Result<(), ConfigError> {
        let Some(entry) = self.entries.iter().find(|entry| !keys.known.iter().any(|key| key.name == entry.name)) else {
            return Ok(());
        };
        let key = quoted(&join(&self.key, &entry.name));
        let problem = if keys.later.contains(&&*entry.name) {
            Problem::LaterKey { key }
        } else {
            Problem::UnknownKey {
                key,
                nearest: nearest(&entry.name, keys.known.iter().map(|key| key.name)),
                known: keys.known,
            }
        };
        Err(self.source.error(&entry.name_span, problem))
    }

    /// Returns true if no entries remain.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns true if a key remains.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// Takes the value of a key, if present.
    pub(super) fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let index = self.entries.iter().position(|entry| entry.name == name)?;
        let entry = self.entries.swap_remove(index);
        Some(Value { source: self.source, key: join(&self.key, name), node: entry.node })
    }

    /// Takes the value of a required key.
    pub(super) fn require(&mut self, name: &'static str) -> Result<Value<'a>, ConfigError> {
        self.take(name).ok_or_else(|| self.missing(name))
    }

    /// Returns the error for a missing key.
    pub(super) fn missing(&self, name: &'static str) -> ConfigError {
        self.source.error(&self.span, Problem::Missing { key: quoted(&join(&self.key, name)), name })
    }

    /// Returns the remaining entries in the order of the file, for a table whose keys are names.
    pub(super) fn names(self) -> impl Iterator<Item = (Value<'a>, Value<'a>)> {
        let Self { source, key, entries, .. } = self;
        entries.into_iter().map(move |entry| {
            let key = join(&key, &entry.name);
            let name = Node { span: entry.name_span, kind: Kind::Text(entry.name) };
            (Value { source, key: key.clone(), node: name }, Value { source, key, node: entry.node })
        })
    }

    /// Returns the error for a contradiction between values.
    pub(super) fn invalid(&self, message: impl Display) -> ConfigError {
        let problem = Problem::Invalid { key: quoted(&self.key), message: message.to_string(), help: None };
        self.source.error(&self.span, problem)
    }
}

/// Joins a table and a key. Keys that need quotes in TOML are quoted.
pub(super) fn join(table: &str, name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let dot = if table.is_empty() { "" } else { "." };
    if is_bare { format!("{table}{dot}{name}") } else { format!("{table}{dot}{name:?}") }
}

/// Quotes a full key for messages.
fn quoted(key: &str) -> String {
    if key.is_empty() { "the document".to_owned() } else { format!("'{key}'") }
}

/// Returns the closest candidate. At most a third of the letters may differ; case and `_` for `-`
/// are ignored.
pub(crate) fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let name = name.to_lowercase().replace('_', "-");
    let distance = |candidate: &&str| strsim::osa_distance(&name, candidate);
    let is_near = |candidate: &&str| distance(candidate) * 3 <= name.len().max(candidate.len());
    candidates.into_iter().filter(is_near).min_by_key(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_candidate_is_similar() {
        let candidates = ["ttl", "operations", "max-uses", "id"];
        let cases = [
            ("ttll", Some("ttl")),
            ("tll", Some("ttl")),
            ("operation", Some("operations")),
            ("opreations", Some("operations")),
            ("Max_Uses", Some("max-uses")),
            ("ID", Some("id")),
            ("ix", None),
            ("tool", None),
            ("", None),
            ("\u{fc}ber", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, candidates), expected, "{name}");
        }
    }

    #[test]
    fn joined_keys_follow_toml_quoting() {
        assert_eq!(join("", "agent"), "agent");
        assert_eq!(join("secrets", "github-token"), "secrets.github-token");
        assert_eq!(join("secrets", "ci/a.b"), "secrets.\"ci/a.b\"");
        assert_eq!(join("a", ""), "a.\"\"");
        assert_eq!(join("", "\u{1b}\u{202e}"), "\"\\u{1b}\\u{202e}\"");
    }
}
