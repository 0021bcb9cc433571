//! The result of a command: expected and actual values of its checks, as a table and as JSON.

use std::borrow::Cow;
use std::fmt::{Display, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::failure::{Failure, OrFailure};
use crate::repository::{self, Repository};

/// A check with its expected and actual value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: Cow<'static, str>,
    pub(crate) expected: String,
    pub(crate) seen: String,
    pub(crate) ok: bool,
    /// Additional fields of the JSON document.
    pub(crate) extra: Map<String, Value>,
}

impl Row {
    /// Creates a row that holds if both values are equal.
    pub(crate) fn equal(id: impl Into<Cow<'static, str>>, expected: impl Display, seen: impl Display) -> Self {
        let (expected, seen) = (expected.to_string(), seen.to_string());
        Self { id: id.into(), ok: expected == seen, expected, seen, extra: Map::new() }
    }

    /// Creates the row of a check that a failure prevented.
    pub(crate) fn failed(id: impl Into<Cow<'static, str>>, failure: &Failure) -> Self {
        Self { ok: false, ..Self::equal(id, "every step runs", failure.message()) }
    }

    /// Adds a field to the JSON document.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(key.to_owned(), value.into());
        self
    }

    fn json(&self) -> Value {
        let mut row = self.extra.clone();
        let fields = [("id", json!(self.id)), ("expected", json!(self.expected)), ("seen", json!(self.seen))];
        row.extend(fields.map(|(name, value)| (name.to_owned(), value)));
        row.insert("ok".to_owned(), json!(self.ok));
        Value::Object(row)
    }
}

/// The checks of a command.
pub(crate) struct Proof {
    /// The command line.
    pub(crate) command: &'static str,
    pub(crate) rows: Vec<Row>,
}

impl Proof {
    /// Returns true if all checks hold and there is at least one.
    pub(crate) fn ok(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.ok)
    }

    /// Formats the rows as a table.
    pub(crate) fn table(&self) -> String {
        let widest = |cell: fn(&Row) -> &str, head: &str| {
            self.rows.iter().map(|row| cell(row).chars().count()).chain([head.len()]).max().unwrap_or_default()
        };
        let id = widest(|row| &row.id, "check");
        let expected = widest(|row| &row.expected, "expected");
        let seen = widest(|row| &row.seen, "seen");
        let mut table = format!("{:id$}  {:expected$}  {:seen$}  ok\n", "check", "expected", "seen");
        for row in &self.rows {
            let ok = if row.ok { "yes" } else { "NO" };
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{:id$}  {:expected$}  {:seen$}  {ok}", row.id, row.expected, row.seen);
        }
        table
    }

    /// Writes the rows as a JSON document.
    pub(crate) fn write_json(&self, path: &Path, repository: &Repository) -> Result<(), Failure> {
        write(path, &self.json(&repository.commit(), &repository::machine()))
    }

    fn json(&self, commit: &str, machine: &str) -> Value {
        document(self.command, self.ok(), &self.rows.iter().map(Row::json).collect::<Vec<_>>(), (commit, machine))
    }

    /// Fails unless all checks hold.
    pub(crate) fn conclude(&self) -> Result<(), Failure> {
        let failed: Vec<_> = self.rows.iter().filter(|row| !row.ok).map(|row| row.id.as_ref()).collect();
        if self.ok() {
            return Ok(());
        }
        Err(Failure::new(format!("{}: checks failed: {}", self.command, failed.join(", "))))
    }
}

/// Builds the JSON document of a command.
pub(crate) fn document(command: &str, ok: bool, rows: &[Value], (commit, machine): (&str, &str)) -> Value {
    json!({ "command": command, "commit": commit, "machine": machine, "ok": ok, "rows": rows })
}

/// Writes a JSON document to a file.
pub(crate) fn write(path: &Path, document: &Value) -> Result<(), Failure> {
    std::fs::write(path, format!("{document:#}\n")).or_failure(format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(seen: &str) -> Proof {
        let rows = vec![Row::equal("exit", 0, seen), Row::equal("outcome", "completed", "completed")];
        Proof { command: "cargo xtask demo", rows }
    }

    #[test]
    fn table_is_aligned() {
        let table = "check    expected   seen       ok\n\
                     exit     0          0          yes\n\
                     outcome  completed  completed  yes\n";
        assert_eq!(proof("0").table(), table);
    }

    #[test]
    fn failed_check_fails_the_command() {
        assert!(proof("0").conclude().is_ok());
        let failure = proof("3").conclude().unwrap_err();
        assert_eq!(failure.message(), "cargo xtask demo: checks failed: exit");
        assert!(proof("3").table().contains("NO"));
    }

    #[test]
    fn command_without_checks_fails() {
        let proof = Proof { command: "cargo xtask demo", rows: Vec::new() };
        assert!(!proof.ok());
        assert!(proof.conclude().is_err());
    }

    #[test]
    fn document_has_documented_fields() {
        let expected = json!({
            "command": "cargo xtask demo",
            "commit": "abc",
            "machine": "linux",
            "ok": false,
            "rows": [
                { "id": "exit", "expected": "0", "seen": "3", "ok": false },
                { "id": "outcome", "expected": "completed", "seen": "completed", "ok": true },
            ],
        });
        assert_eq!(proof("3").json("abc", "linux"), expected);
    }

    #[test]
    fn extra_field_does_not_replace_documented_field() {
        let mut row = Row::equal("exit", 0, 0);
        row.extra = [("hits", json!(0)), ("ok", json!(false))]
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect();
        assert_eq!(row.json(), json!({ "id": "exit", "expected": "0", "seen": "0", "ok": true, "hits": 0 }));
    }
}
