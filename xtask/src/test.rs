//! `cargo xtask test`: runs and counts all tests.

use std::ffi::OsString;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::invocation::{Invocation, elapsed};
use crate::repository::{Repository, SKILLS_MANIFEST};
use crate::{servers, setup};

/// Runs all suites, even if an earlier one fails. `args` are for the tests of the workspace.
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

/// The results of all suites.
pub(crate) struct Summary {
    suites: Vec<Suite>,
}

impl Summary {
    /// Returns the number of tests.
    pub(crate) fn counts(&self) -> Counts {
        self.suites.iter().fold(Counts::default(), |sum, suite| sum.plus(suite.counts))
    }

    /// Fails if a test failed or could not be built.
    pub(crate) fn conclude(self) -> Result<(), Failure> {
        let failed: Vec<_> = self.suites.iter().filter(|suite| !suite.succeeded).map(|suite| suite.name).collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!("tests failed: {}", failed.join("; "))).or_next("the output of cargo is above"))
    }

    fn table(&self) -> String {
        let row = |suite: &Suite| {
            let status = if suite.succeeded { "ok" } else { "FAILED" };
            format!("{status:6}  {:>11}  {:28}  {}\n", elapsed(suite.time), suite.name, suite.counts.line())
        };
        self.suites.iter().map(row).collect()
    }
}

/// A run of `cargo test`.
struct Suite {
    name: &'static str,
    succeeded: bool,
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
            counts = counts.plus(Counts::parse(line).unwrap_or_default());
        })?;
        Ok(Self { name, succeeded: status.success(), counts, time: started.elapsed() })
    }
}

/// The numbers of tests by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    /// Parses the last line of a test program.
    fn parse(line: &str) -> Option<Self> {
        let (_, result) = line.split_once("test result: ")?;
        let count = |label: &str| {
            let before = result.split_once(label)?.0;
            before.rsplit([' ', ';', '.']).next()?.parse().ok()
        };
        Some(Self { passed: count(" passed")?, failed: count(" failed")?, skipped: count(" ignored")? })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }

    /// Formats the counts as one line.
    pub(crate) fn line(self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_line_of_test_program_is_parsed() {
        let line = "test result: FAILED. 31 passed; 2 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.02s";
        let counts = Counts { passed: 31, failed: 2, skipped: 1 };
        assert_eq!(Counts::parse(line), Some(counts));
        assert_eq!(Counts::parse(&line.replace("FAILED", "\u{1b}[31mFAILED\u{1b}[0m")), Some(counts));
        assert_eq!(counts.plus(counts).line(), "62 passed, 4 failed, 2 skipped");
    }

    #[test]
    fn other_lines_are_ignored() {
        for line in ["", "running 3 tests", "test a::b ... ok", "test result: ok."] {
            assert_eq!(Counts::parse(line), None, "{line}");
        }
    }

    #[test]
    fn failed_suite_fails_without_failed_tests() {
        let suite = |succeeded| {
            let counts = Counts { passed: 1, ..Counts::default() };
            Suite { name: "workspace", succeeded, counts, time: Duration::ZERO }
        };
        assert!(Summary { suites: vec![suite(true)] }.conclude().is_ok());
        let failure = Summary { suites: vec![suite(true), suite(false)] }.conclude().unwrap_err();
        assert_eq!(failure.message(), "tests failed: workspace");
    }
}
