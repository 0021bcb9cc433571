//! `cargo xtask ci`: runs all checks for a change. `--fast` runs a subset during development.

use std::time::{Duration, Instant};

use crate::artifacts::Profile;
use crate::failure::Failure;
use crate::invocation::{Invocation, elapsed};
use crate::repository::{FUZZ_MANIFEST, GUEST_MANIFESTS, Repository, SKILLS_MANIFEST};
use crate::setup::WASM_TARGET;
use crate::test::Counts;
use crate::verify::languages::{self, MissingTools};
use crate::verify::residue::{self, Expectation};
use crate::{demo, docs, fuzz, mutants, reference, rules, servers, setup, test};

/// The selected part of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The checks for development: no release build, no memory search and no fuzzing.
    Fast,
    /// All checks, beginning with the fast part.
    Full,
}

/// Runs the steps of a part up to the first failure, and prints the time of each.
pub(crate) fn run(repository: &Repository, part: Part) -> Result<(), Failure> {
    let mut progress = Progress { done: Vec::new() };
    let mut counts = Counts::default();
    let result = fast(repository, &mut progress, &mut counts).and_then(|()| match part {
        Part::Fast => Ok(()),
        Part::Full => slow(repository, &mut progress),
    });
    println!("\n{}{}", progress.table(), counts.line());
    result
}

fn fast(repository: &Repository, progress: &mut Progress, counts: &mut Counts) -> Result<(), Failure> {
    progress.step("setup", || setup::run(repository))?;
    progress.step("servers", servers::install)?;
    progress.step("format", || run_all(repository, &format()))?;
    progress.step("rules", || rules::run(repository))?;
    progress.step("clippy", || run_all(repository, &clippy(repository)))?;
    progress.step("documentation", || run_all(repository, &documentation(repository)))?;
    progress.step("tests", || {
        let summary = test::run(repository, &[])?;
        *counts = summary.counts();
        summary.conclude()
    })?;
    progress.step("reference", || reference::run(repository, true))?;
    progress.step("demo", || demo::run(repository, None))
}

fn slow(repository: &Repository, progress: &mut Progress) -> Result<(), Failure> {
    progress.step("supply chain", || supply_chain(repository))?;
    progress.step("fuzz, smoke", || fuzz::smoke(repository))?;
    progress.step("skills in three languages", || languages::run(repository, MissingTools::Fail, None))?;
    progress.step("commands in the documentation", || docs::run(repository, "", None))?;
    progress.step("attacks without guards", || mutants::run(repository, &mutants::Choice::of_ci(), None))?;
    progress.step("memory search", || residue::run(repository, None, Expectation::Clean, Profile::Release))
}

/// The completed steps with their times.
struct Progress {
    done: Vec<(&'static str, Duration, bool)>,
}

impl Progress {
    fn step(&mut self, name: &'static str, step: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        println!("\n=== {name}");
        let started = Instant::now();
        let result = step();
        let time = started.elapsed();
        println!("=== {name}: {} after {}", if result.is_ok() { "ok" } else { "FAILED" }, elapsed(time));
        self.done.push((name, time, result.is_ok()));
        result
    }

    fn table(&self) -> String {
        let row = |(name, time, ok): &(&str, Duration, bool)| {
            format!("{:6}  {:>11}  {name}\n", if *ok { "ok" } else { "FAILED" }, elapsed(*time))
        };
        self.done.iter().map(row).collect()
    }
}

fn run_all(repository: &Repository, invocations: &[Invocation]) -> Result<(), Failure> {
    invocations.iter().try_for_each(|invocation| invocation.run(&repository.root))
}

fn format() -> Vec<Invocation> {
    let format = || Invocation::cargo("fmt --all --check");
    let others = GUEST_MANIFESTS
        .into_iter()
        .chain([FUZZ_MANIFEST])
        .map(|manifest| format().arg("--manifest-path").arg(manifest));
    [format()].into_iter().chain(others).collect()
}

fn clippy(repository: &Repository) -> Vec<Invocation> {
    let deny = |clippy: Invocation| clippy.words("-- -D warnings");
    let workspace = Invocation::cargo("clippy --locked --workspace --all-targets --target-dir").arg(&repository.target);
    let guests = GUEST_MANIFESTS.map(|manifest| {
        let clippy = Invocation::cargo("clippy --locked --manifest-path").arg(manifest);
        // The tests of skills run natively with a fake host, which is not compiled to WebAssembly.
        let clippy = if manifest == SKILLS_MANIFEST { clippy } else { clippy.arg("--all-targets") };
        deny(clippy.arg("--target").arg(WASM_TARGET).arg("--target-dir").arg(repository.guests()))
    });
    let skills = Invocation::cargo("clippy --locked --all-targets --manifest-path").arg(SKILLS_MANIFEST);
    let skills = deny(skills.arg("--target-dir").arg(repository.skills_native()));
    [deny(workspace), skills].into_iter().chain(guests).collect()
}

fn documentation(repository: &Repository) -> Vec<Invocation> {
    let document = Invocation::cargo("doc --locked --workspace --no-deps --target-dir").arg(&repository.target);
    vec![document.env("RUSTDOCFLAGS", "-D warnings")]
}

/// Checks licenses, sources and banned crates. Advisories would require network access.
fn supply_chain(repository: &Repository) -> Result<(), Failure> {
    if Invocation::cargo("deny --version").stdout(&repository.root).is_none() {
        println!("skipped: cargo-deny is not installed; to run this check: cargo install --locked cargo-deny");
        return Ok(());
    }
    let of = |manifest: &str| {
        // A part of the tree need not use every license.
        let deny = Invocation::cargo("deny --locked --manifest-path").arg(manifest);
        deny.words("check --hide-inclusion-graph --allow license-not-encountered bans licenses sources")
    };
    let workspace = Invocation::cargo("deny --locked check --hide-inclusion-graph bans licenses sources");
    let checks: Vec<_> = [workspace].into_iter().chain(GUEST_MANIFESTS.map(of)).collect();
    run_all(repository, &checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_listed_and_failure_is_returned() {
        let mut progress = Progress { done: Vec::new() };
        progress.step("one", || Ok(())).unwrap();
        let failure = progress.step("two", || Err(Failure::new("broken"))).unwrap_err();
        assert_eq!(failure.message(), "broken");
        assert_eq!(progress.done.len(), 2);
        let table = "ok            0.0 s  one\nFAILED        0.0 s  two\n";
        assert_eq!(progress.table(), table);
    }

    #[test]
    fn all_workspaces_are_formatted_and_linted() {
        let repository = Repository { root: "/r".into(), target: "/r/target".into() };
        // The libFuzzer binaries are only formatted. Skills are linted for WebAssembly and
        // natively.
        for (invocations, lint, more) in [(format(), "--check", 1), (clippy(&repository), "-- -D warnings", 1)] {
            let shown: Vec<_> = invocations.iter().map(ToString::to_string).collect();
            assert_eq!(shown.len(), 1 + GUEST_MANIFESTS.len() + more);
            assert!(
                GUEST_MANIFESTS.iter().all(|manifest| shown.iter().any(|shown| shown.contains(manifest))),
                "{shown:?}"
            );
            assert!(shown.iter().all(|shown| shown.contains(lint)), "{shown:?}");
        }
    }
}
