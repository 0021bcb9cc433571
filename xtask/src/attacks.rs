//! `cargo xtask attacks`: the host against hostile skills; and without its guards, one after the other.

use std::path::Path;
use std::process::ExitStatus;

use serde::Deserialize;
use serde_json::{Value, json};

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
    let (cases, status) = said(repository, &program, |case: &Case| println!("{:6}  {}", case.word(), case.id))?;
    program.succeeded(status)?;
    conclude(repository, "cargo xtask attacks", cases.iter().map(Case::row).collect(), json)
}

/// Turns off each guard, and runs the attacks that it stands against: each must be noticed.
pub(crate) fn mutate(repository: &Repository, json: Option<&Path>) -> Result<(), Failure> {
    setup::run(repository)?;
    let program = artifacts::attacks_without_guards(repository)?;
    let (guards, _) = said(repository, &Invocation::new(&program).words("--guards"), |_: &Guard| {})?;
    let row = |guard: &Guard| {
        // A host without a guard may come to any end: what counts is what was said before.
        let (cases, _) = said(repository, &Invocation::new(&program).arg("--off").arg(&guard.guard), |_: &Case| {})?;
        let row = guard.row(&cases);
        println!("{:6}  {}", if row.ok { "ok" } else { "MISSED" }, row.id);
        Ok(row)
    };
    let rows = guards.iter().map(row).collect::<Result<_, Failure>>()?;
    conclude(repository, "cargo xtask attacks --mutate", rows, json)
}

/// What the program says of one attack.
#[derive(Deserialize)]
struct Case {
    id: String,
    what: String,
    attack: Outcome,
    twin: Outcome,
}

/// What was expected of an attempt, and seen.
#[derive(Deserialize)]
struct Outcome {
    expected: String,
    seen: String,
    ok: bool,
}

/// A guard, and the attacks that it stands against.
#[derive(Deserialize)]
struct Guard {
    guard: String,
    attacks: Vec<String>,
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

impl Guard {
    /// Every attack that names the guard must be seen to succeed without it. One that stopped the program, and so was not
    /// reported, was not seen.
    fn row(&self, cases: &[Case]) -> Row {
        let noticed: Vec<_> = cases.iter().filter(|case| !case.attack.ok).map(|case| case.id.clone()).collect();
        let seen: Vec<_> = cases.iter().map(|case| json!({ "id": case.id, "seen": case.attack.seen })).collect();
        let list = |attacks: &[String]| match attacks {
            [] => "nothing notices".to_owned(),
            some => format!("noticed by {}", some.join(", ")),
        };
        let row = Row::equal(self.guard.clone(), list(&self.attacks), list(&noticed));
        let ok = row.ok && !self.attacks.is_empty();
        Row { ok, ..row.with("attacks", Value::from(seen)) }
    }
}

/// What a program says, line by line, each shown as it comes; and how it ended.
pub(crate) fn said<T: for<'de> Deserialize<'de>>(
    repository: &Repository,
    program: &Invocation,
    show: impl Fn(&T),
) -> Result<(Vec<T>, ExitStatus), Failure> {
    let mut said = Vec::new();
    let status = program.for_each_line(&repository.root, |line| {
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
mod tests {
    use super::*;

    fn outcome(ok: bool) -> Outcome {
        let seen = if ok { "refused" } else { "let in" };
        Outcome { expected: "refused".to_owned(), seen: seen.to_owned(), ok }
    }

    fn case(id: &str, attack: bool, twin: bool) -> Case {
        Case { id: id.to_owned(), what: String::new(), attack: outcome(attack), twin: outcome(twin) }
    }

    #[test]
    fn an_attack_that_succeeds_and_a_twin_that_does_not_are_both_shortfalls() {
        assert!(case("a", true, true).row().ok);
        assert!(!case("a", false, true).row().ok);
        assert!(!case("a", true, false).row().ok);
    }

    #[test]
    fn a_guard_must_be_missed_by_every_attack_that_names_it() {
        let guard = |attacks: &[&str]| Guard {
            guard: "g".to_owned(),
            attacks: attacks.iter().map(|attack| (*attack).to_owned()).collect(),
        };
        let noticed = [case("a", false, true), case("b", false, true)];
        assert!(guard(&["a", "b"]).row(&noticed).ok);
        assert!(!guard(&["a", "b"]).row(&[case("a", false, true), case("b", true, true)]).ok);
        assert!(!guard(&["a", "b"]).row(&noticed[..1]).ok, "an attack that was not reported was not seen");
        assert!(!guard(&[]).row(&[]).ok, "a guard that no attack names is not shown to be there");
    }
}
