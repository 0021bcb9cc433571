//! `cargo xtask test`: every test, and how many there were.

use std::ffi::OsString;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::invocation::{Invocation, elapsed};
use crate::repository::{Repository, SKILLS_MANIFEST};
use crate::{servers, setup};

/// Runs them all, the later ones too if earlier ones fail. The arguments are for the workspace's tests.
pub(crate) fn run(repository: &Repository, args: &[OsString]) -> Result<Summary, Failure> {
    setup::run(repository)?;
    servers::install()?;
    let workspace = Invocation::cargo("test --locked --workspace --target-dir").arg(&repository.target).args(args);
    let skills = Invocation::cargo("test --locked --manifest-path")
        .arg(SKILLS_MANIFEST)
        .arg("--target-dir")
        .arg(repository.skills_native());
    let suites = vec![
        Suite::run("workspace", &workspace, repository)?,
        Suite::run("example skills, run natively", &skills, repository)?,
    ];
    let summary = Summary { suites };
    println!("\n{}", summary.table());
    println!("{}", summary.counts().line());
    Ok(summary)
}

/// How all of it went.
pub(crate) struct Summary {
    suites: Vec<Suite>,
}

impl Summary {
    /// How many tests there were.
    pub(crate) fn counts(&self) -> Counts {
        self.suites.iter().fold(Counts::default(), |sum, suite| sum.and(suite.counts))
    }

    /// A failure if any test failed, or could not be built.
    pub(crate) fn conclude(self) -> Result<(), Failure> {
        let failed: Vec<_> = self.suites.iter().filter(|suite| !suite.ended_well).map(|suite| suite.name).collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!("tests failed: {}", failed.join("; "))).or_next("what cargo says of them is above"))
    }

    fn table(&self) -> String {
        let row = |suite: &Suite| {
            let ended = if suite.ended_well { "ok" } else { "FAILED" };
            format!("{ended:6}  {:>11}  {:28}  {}\n", elapsed(suite.time), suite.name, suite.counts.line())
        };
        self.suites.iter().map(row).collect()
    }
}

/// One run of `cargo test`.
struct Suite {
    name: &'static str,
    ended_well: bool,
    counts: Counts,
    time: Duration,
}

impl Suite {
    fn run(name: &'static str, test: &Invocation, repository: &Repository) -> Result<Self, Failure> {
        println!("\n[tests] {name}");
        let started = Instant::now();
        let mut counts = Counts::default();
        let status: ExitStatus = test.for_each_line(&repository.root, |line| {
            println!("{line}");
            counts = counts.and(Counts::of(line).unwrap_or_default());
        })?;
        Ok(Self { name, ended_well: status.success(), counts, time: started.elapsed() })
    }
}

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    /// What a test program says of itself in its last line.
    fn of(line: &str) -> Option<Self> {
        let (_, result) = line.split_once("test result: ")?;
        let count = |what: &str| {
            let before = result.split_once(what)?.0;
            before.rsplit([' ', ';', '.']).next()?.parse().ok()
        };
        Some(Self { passed: count(" passed")?, failed: count(" failed")?, skipped: count(" ignored")? })
    }

    fn and(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }

    /// For people and for programs.
    pub(crate) fn line(self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_the_last_line_of_a_test_program() {
        let line = "test result: FAILED. 31 passed; 2 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.02s";
        let counts = Counts { passed: 31, failed: 2, skipped: 1 };
        assert_eq!(Counts::of(line), Some(counts));
        assert_eq!(Counts::of(&line.replace("FAILED", "\u{1b}[31mFAILED\u{1b}[0m")), Some(counts));
        assert_eq!(counts.and(counts).line(), "62 passed, 4 failed, 2 skipped");
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in ["", "running 3 tests", "test a::b ... ok", "test result: ok."] {
            assert_eq!(Counts::of(line), None, "{line}");
        }
    }

    #[test]
    fn a_suite_that_does_not_end_well_fails_the_whole_even_without_a_failed_test() {
        let suite = |ended_well| {
            let counts = Counts { passed: 1, ..Counts::default() };
            Suite { name: "workspace", ended_well, counts, time: Duration::ZERO }
        };
        assert!(Summary { suites: vec![suite(true)] }.conclude().is_ok());
        let failure = Summary { suites: vec![suite(true), suite(false)] }.conclude().unwrap_err();
        assert_eq!(failure.what(), "tests failed: workspace");
    }
}
