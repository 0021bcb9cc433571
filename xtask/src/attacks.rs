//! `cargo xtask attacks`: the host against hostile skills.

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

/// Runs every attack, and its twin.
pub(crate) fn run(repository: &Repository, json: Option<&Path>) -> Result<(), Failure> {
    setup::run(repository)?;
    let program = artifacts::attacks(repository)?;
    let program = Invocation::new(program);
    let (cases, status) = said(&repository.root, &program, |case: &Case| println!("{:6}  {}", case.word(), case.id))?;
    program.succeeded(status)?;
    conclude(repository, "cargo xtask attacks", cases.iter().map(Case::row).collect(), json)
}

/// What the program says of one attack.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    what: String,
    pub(crate) attack: Outcome,
    pub(crate) twin: Outcome,
}

/// What was expected of an attempt, and seen.
#[derive(Deserialize)]
pub(crate) struct Outcome {
    expected: String,
    pub(crate) seen: String,
    pub(crate) ok: bool,
}

impl Case {
    fn word(&self) -> &'static str {
        if self.attack.ok && self.twin.ok { "ok" } else { "FAILED" }
    }

    /// What the table has: the attack, and the twin where it did not succeed.
    fn row(&self) -> Row {
        let twin = if self.twin.ok { "the twin succeeds".to_owned() } else { format!("the twin: {}", self.twin.seen) };
        let row = Row::equal(
            self.id.clone(),
            format!("{}; the twin succeeds", self.attack.expected),
            format!("{}; {twin}", self.attack.seen),
        );
        let twin = json!({ "expected": self.twin.expected, "seen": self.twin.seen, "ok": self.twin.ok });
        row.with("what", self.what.clone()).with("twin", twin)
    }
}

/// What a program says, line by line, each shown as it comes; and how it ended.
pub(crate) fn said<T: for<'de> Deserialize<'de>>(
    directory: &Path,
    program: &Invocation,
    show: impl Fn(&T),
) -> Result<(Vec<T>, ExitStatus), Failure> {
    let mut said = Vec::new();
    let status = program.for_each_line(directory, |line| {
        let line = serde_json::from_str(line);
        line.iter().for_each(&show);
        said.push(line);
    })?;
    let said = said.into_iter().collect::<Result<_, _>>().or_failure(format!("understand what {program} says"))?;
    Ok((said, status))
}

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
        let seen = if ok { "refused" } else { "let in" };
        Outcome { expected: "refused".to_owned(), seen: seen.to_owned(), ok }
    }

    pub(crate) fn case(id: &str, attack: bool, twin: bool) -> Case {
        Case { id: id.to_owned(), what: String::new(), attack: outcome(attack), twin: outcome(twin) }
    }

    #[test]
    fn an_attack_that_succeeds_and_a_twin_that_does_not_are_both_shortfalls() {
        assert!(case("a", true, true).row().ok);
        assert!(!case("a", false, true).row().ok);
        assert!(!case("a", true, false).row().ok);
    }
}
