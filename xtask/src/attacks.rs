//! `cargo xtask attacks`: runs hostile skills against the host.

use std::path::Path;
use std::process::ExitStatus;

use serde::Deserialize;
use serde_json::json;

use crate::artifacts;
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::proof::{Proof, Row};
use crate::repository::Repository;
use crate::setup;

/// Runs every attack and its twin.
pub(crate) fn run(repository: &Repository, json: Option<&Path>) -> Result<(), Failure> {
    setup::run(repository)?;
    let program = artifacts::attacks(repository)?;
    let program = Invocation::new(program);
    let (cases, status) =
        read_results(&repository.root, &program, |case: &Case| println!("{:6}  {}", case.status(), case.id))?;
    program.succeeded(status)?;
    conclude(repository, "cargo xtask attacks", cases.iter().map(Case::row).collect(), json)
}

/// The reported result of one attack.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    #[serde(rename = "what")]
    description: String,
    pub(crate) attack: Outcome,
    pub(crate) twin: Outcome,
}

/// The expected and the actual outcome of an attempt.
#[derive(Deserialize)]
pub(crate) struct Outcome {
    expected: String,
    pub(crate) seen: String,
    pub(crate) ok: bool,
}

impl Case {
    fn status(&self) -> &'static str {
        if self.attack.ok && self.twin.ok { "ok" } else { "FAILED" }
    }

    /// Returns the table row: the attack, and the twin if it failed.
    fn row(&self) -> Row {
        let twin = if self.twin.ok { "the twin succeeds".to_owned() } else { format!("the twin: {}", self.twin.seen) };
        let row = Row::equal(
            self.id.clone(),
            format!("{}; the twin succeeds", self.attack.expected),
            format!("{}; {twin}", self.attack.seen),
        );
        let twin = json!({ "expected": self.twin.expected, "seen": self.twin.seen, "ok": self.twin.ok });
        row.with("what", self.description.clone()).with("twin", twin)
    }
}

/// Runs a program that prints one JSON result per line. Shows each result on arrival, and returns
/// all of them with the exit status.
pub(crate) fn read_results<T: for<'de> Deserialize<'de>>(
    directory: &Path,
    program: &Invocation,
    show: impl Fn(&T),
) -> Result<(Vec<T>, ExitStatus), Failure> {
    let mut results = Vec::new();
    let status = program.for_each_line(directory, |line| {
        let result = serde_json::from_str(line);
        result.iter().for_each(&show);
        results.push(result);
    })?;
    let results = results.into_iter().collect::<Result<_, _>>().or_failure(format!("parse the output of {program}"))?;
    Ok((results, status))
}

/// Prints the table, and fails if a row does.
pub(crate) fn conclude(
    repository: &Repository,
    command: &'static str,
    rows: Vec<Row>,
    json: Option<&Path>,
) -> Result<(), Failure> {
    let proof = Proof { command, rows };
    if let Some(path) = json {
        proof.write_json(path, repository)?;
    }
    println!("\n{}", proof.table());
    proof.conclude()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn outcome(ok: bool) -> Outcome {
        let seen = if ok { "refused" } else { "admitted" };
        Outcome { expected: "refused".to_owned(), seen: seen.to_owned(), ok }
    }

    pub(crate) fn case(id: &str, attack: bool, twin: bool) -> Case {
        Case { id: id.to_owned(), description: String::new(), attack: outcome(attack), twin: outcome(twin) }
    }

    #[test]
    fn successful_attack_or_failed_twin_fails() {
        assert!(case("a", true, true).row().ok);
        assert!(!case("a", false, true).row().ok);
        assert!(!case("a", true, false).row().ok);
    }
}
