//! `cargo xtask ci`: everything that a change must pass; `--fast`, the part to run while it is made.

use std::time::{Duration, Instant};

use crate::artifacts::Profile;
use crate::failure::Failure;
use crate::invocation::{Invocation, elapsed};
use crate::repository::{FUZZ_MANIFEST, GUEST_MANIFESTS, Repository, SKILLS_MANIFEST};
use crate::setup::WASM_TARGET;
use crate::test::Counts;
use crate::verify::languages::{self, Absent};
use crate::verify::residue::{self, Expected};
use crate::{demo, docs, fuzz, mutants, rules, servers, setup, test};

/// How much of it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// What to run while a change is made: no release build, no search of memory, no fuzzing.
    Fast,
    /// Everything, the fast part first.
    Full,
}

/// Runs the steps of a part, up to the first that fails, and prints the time of each.
pub(crate) fn run(repository: &Repository, part: Part) -> Result<(), Failure> {
    let mut progress = Progress { done: Vec::new() };
    let mut counts = Counts::default();
    let ended = fast(repository, &mut progress, &mut counts).and_then(|()| match part {
        Part::Fast => Ok(()),
        Part::Full => rest(repository, &mut progress),
    });
    println!("\n{}{}", progress.table(), counts.line());
    ended
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
    progress.step("demo", || demo::run(repository, None))
}

fn rest(repository: &Repository, progress: &mut Progress) -> Result<(), Failure> {
    progress.step("supply chain", || supply_chain(repository))?;
    progress.step("fuzz, smoke", || fuzz::smoke(repository))?;
    progress.step("skills in three languages", || languages::run(repository, Absent::Fails, None))?;
    progress.step("commands in the documentation", || docs::run(repository, "", None))?;
    progress.step("attacks without guards", || mutants::run(repository, &mutants::Choice::of_ci(), None))?;
    progress.step("search of memory", || residue::run(repository, None, Expected::Nothing, Profile::Release))
}

/// The steps that are behind, with the time that each took.
struct Progress {
    done: Vec<(&'static str, Duration, bool)>,
}

impl Progress {
    fn step(&mut self, name: &'static str, step: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        println!("\n=== {name}");
        let started = Instant::now();
        let ended = step();
        let time = started.elapsed();
        println!("=== {name}: {} after {}", if ended.is_ok() { "ok" } else { "FAILED" }, elapsed(time));
        self.done.push((name, time, ended.is_ok()));
        ended
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
        // A skill's tests run here, with a fake host that WebAssembly has no use for.
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

/// Licences, sources and banned crates; not advisories, whose database is elsewhere.
fn supply_chain(repository: &Repository) -> Result<(), Failure> {
    if Invocation::cargo("deny --version").answer(&repository.root).is_none() {
        println!("skipped: cargo-deny is not installed; to check this too: cargo install --locked cargo-deny");
        return Ok(());
    }
    let of = |manifest: &str| {
        // A part of the tree need not use every licence.
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
    fn steps_are_listed_and_the_first_failure_is_handed_on() {
        let mut progress = Progress { done: Vec::new() };
        progress.step("one", || Ok(())).unwrap();
        let failure = progress.step("two", || Err(Failure::new("broken"))).unwrap_err();
        assert_eq!(failure.what(), "broken");
        assert_eq!(progress.done.len(), 2);
        let table = "ok            0.0 s  one\nFAILED        0.0 s  two\n";
        assert_eq!(progress.table(), table);
    }

    #[test]
    fn every_workspace_is_formatted_and_linted() {
        let repository = Repository { root: "/r".into(), target: "/r/target".into() };
        // libFuzzer's binaries are formatted only; skills are linted as components, and as what their tests run.
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
