//! `cargo xtask mutants`: removes one guard of the host at a time; its attacks must then succeed.
//!
//! A mutation edits a copy of the source below the target folder. The copy is then built
//! incrementally: only the edited crate is compiled, and the crates that depend on it.

pub(crate) mod catalog;
mod choice;
mod tree;

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use self::catalog::{Catalog, Mutation};
pub(crate) use self::choice::Choice;
use self::tree::Tree;
use crate::artifacts;
use crate::attacks::{Case, read_results};
use crate::failure::Failure;
use crate::invocation::{Invocation, elapsed};
use crate::proof::{Proof, Row};
use crate::repository::Repository;
use crate::setup;

const COMMAND: &str = "cargo xtask mutants";

/// Applies each chosen mutation and runs its attacks, which must all succeed.
pub(crate) fn run(repository: &Repository, choice: &Choice, json: Option<&Path>) -> Result<(), Failure> {
    let chosen = choice.of(repository, &Catalog::load(repository)?)?;
    if chosen.is_empty() {
        println!("no guard is in a changed file");
        return Ok(());
    }
    setup::run(repository)?;
    let tree = Tree::refreshed(repository)?;
    chosen.iter().try_for_each(|mutation| tree.edited(mutation).map(drop))?;
    artifacts::guests(repository)?;
    let failed = unmutated(&tree, &chosen)?;
    let mut rows = Vec::new();
    for (at, mutation) in chosen.iter().enumerate() {
        println!("\n=== {} of {}: {}: {}", at + 1, chosen.len(), mutation.guard, mutation.rule);
        let started = Instant::now();
        let row = match failed.iter().find(|attack| mutation.attacks.contains(attack)) {
            Some(attack) => {
                let failure = Failure::new(format!("{attack} fails with all guards in place"));
                Row::failed(mutation.guard.clone(), &failure)
            }
            None => mutated(&tree, mutation)?,
        };
        println!("{:7}  {}  {}", status(&row), row.id, elapsed(started.elapsed()));
        rows.push(row);
    }
    println!("\n{}", table(&chosen, &rows));
    let proof = Proof { command: COMMAND, rows };
    if let Some(path) = json {
        proof.write_json(path, repository)?;
    }
    proof.conclude()
}

/// Runs the attacks on the unmutated copy. An attack that succeeds with all guards proves nothing
/// about one of them.
///
/// Returns the attacks that fail twice. A busy machine may fail an attack that measures time once.
fn unmutated(tree: &Tree, chosen: &[Mutation]) -> Result<Vec<String>, Failure> {
    let mut failed: Vec<_> = chosen.iter().flat_map(|mutation| mutation.attacks.clone()).collect();
    failed.sort_unstable();
    failed.dedup();
    for _ in 0..2 {
        if !failed.is_empty() {
            let cases = attack(tree, &failed)?;
            failed.retain(|id| !cases.iter().any(|case| case.id == *id && case.attack.ok && case.twin.ok));
        }
    }
    if !failed.is_empty() {
        println!("failed with all guards in place: {}", failed.join(", "));
    }
    Ok(failed)
}

fn mutated(tree: &Tree, mutation: &Mutation) -> Result<Row, Failure> {
    let applied = tree.apply(mutation)?;
    let cases = attack(tree, &mutation.attacks);
    drop(applied);
    let row = match cases {
        Ok(cases) => noticed(mutation, &cases),
        Err(failure) => Row::failed(mutation.guard.clone(), &failure),
    };
    Ok(row.with("files", mutation.files()))
}

/// Builds the copy and runs attacks. Without a guard, the program may crash; the results that it
/// printed before the crash count.
fn attack<'a>(tree: &Tree, attacks: impl IntoIterator<Item = &'a String>) -> Result<Vec<Case>, Failure> {
    let program = Invocation::new(tree.build()?).arg("--mutant");
    let program = attacks.into_iter().fold(program, Invocation::arg);
    let (cases, _) = read_results(tree.root(), &program, |_: &Case| {})?;
    Ok(cases)
}

/// Returns a row that holds if every attack of the mutation succeeded. An attack without a result
/// does not count as successful.
fn noticed(mutation: &Mutation, cases: &[Case]) -> Row {
    let list = |attacks: &[&str]| match attacks {
        [] => "nothing notices".to_owned(),
        some => format!("noticed by {}", some.join(", ")),
    };
    let succeeded = |id: &str| cases.iter().any(|case| case.id == id && !case.attack.ok);
    let named: Vec<_> = mutation.attacks.iter().map(String::as_str).collect();
    let noticed: Vec<_> = named.iter().copied().filter(|id| succeeded(id)).collect();
    let row = Row::equal(mutation.guard.clone(), list(&named), list(&noticed));
    let ok = row.ok && !named.is_empty();
    let seen: Vec<_> = cases.iter().map(|case| json!({ "id": case.id, "seen": case.attack.seen })).collect();
    Row { ok, ..row.with("attacks", Value::from(seen)) }
}

fn status(row: &Row) -> &'static str {
    if row.ok { "noticed" } else { "MISSED" }
}

/// Formats a line for each mutation: guard, status, files, attacks, and the actual result of a
/// missed mutation.
fn table(chosen: &[Mutation], rows: &[Row]) -> String {
    let guard = chosen.iter().map(|mutation| mutation.guard.len()).max().unwrap_or_default();
    let files = chosen.iter().map(|mutation| mutation.files().join(", ").len()).max().unwrap_or_default();
    let line = |(mutation, row): (&Mutation, &Row)| {
        let (of, attacks) = (mutation.files().join(", "), mutation.attacks.join(", "));
        let missed = if row.ok { String::new() } else { format!("; seen: {}", row.seen) };
        format!("{:guard$}  {:7}  {of:files$}  {attacks}{missed}\n", mutation.guard, status(row))
    };
    chosen.iter().zip(rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attacks::tests::case;

    fn mutation(attacks: &[&str]) -> Mutation {
        let attacks = attacks.iter().map(|attack| (*attack).to_owned()).collect();
        Mutation { guard: "g".into(), rule: String::new(), attacks, edits: Vec::new() }
    }

    #[test]
    fn every_attack_must_notice() {
        let both = [case("a", false, true), case("b", false, true)];
        assert!(noticed(&mutation(&["a", "b"]), &both).ok);
        assert!(!noticed(&mutation(&["a", "b"]), &[case("a", false, true), case("b", true, true)]).ok);
        assert!(!noticed(&mutation(&["a", "b"]), &both[..1]).ok, "an attack without a result");
        assert!(!noticed(&mutation(&["a"]), &[]).ok);
        assert!(!noticed(&mutation(&[]), &both).ok);
    }

    #[test]
    fn table_shows_missed_attacks() {
        let chosen = [mutation(&["a", "b"])];
        let rows = [noticed(&chosen[0], &[case("a", false, true)])];
        assert_eq!(table(&chosen, &rows), "g  MISSED     a, b; seen: noticed by a\n");
    }
}
