//! `cargo xtask rules`: checks the structure of the repository, such as dependencies and callers.
//!
//! Dependencies come from cargo, and names from the tokens of source files, without comments,
//! literals and tests. The rules catch mistakes, not deliberate evasion. Clippy checks the callers
//! of providers and of a task's secrets, by `disallowed-methods` in clippy.toml. A rule here checks
//! that list.

mod calls;
mod clock;
mod crates;
mod cycles;
mod disallowed_methods;
mod manifests;
mod mutations;
mod paths;
mod source;
mod test_binaries;
mod token;
mod tree;
mod unsafety;
mod wasi;

use std::fmt;

use self::crates::Crates;
use self::source::Sources;
use crate::failure::Failure;
use crate::language;
use crate::repository::Repository;

/// A rule with its check.
struct Rule {
    id: &'static str,
    description: &'static str,
    check: fn(&Facts) -> Result<Vec<Violation>, Failure>,
}

const RULES: [Rule; 16] = [
    Rule {
        id: "dependencies",
        description: "crates depend only on the crates that ARCHITECTURE.md permits",
        check: |facts| Ok(crates::permitted(&facts.crates)),
    },
    Rule {
        id: "engine",
        description: "only far-runtime and far-bench name wasmtime",
        check: |facts| Ok(crates::engine(&facts.crates)),
    },
    Rule {
        id: "core",
        description: "no dependency of far-core is an engine, a parser of WebAssembly or a network library",
        check: |facts| Ok(tree::core(&facts.crates)),
    },
    Rule {
        id: "exclusive",
        description: "in the host, only far-component names parsers of WebAssembly, and only far-audit ed25519-dalek",
        check: |facts| Ok(crates::exclusive(&facts.crates)),
    },
    Rule {
        id: "inherited",
        description: "members inherit every dependency from the workspace",
        check: |facts| manifests::declared_once(&facts.crates),
    },
    Rule {
        id: "pure-check",
        description: "the capability check has no runtime, no clock and no input or output",
        check: |facts| Ok(calls::pure_check(&facts.sources)),
    },
    Rule {
        id: "callers",
        description: "clippy.toml disallows all methods of providers, and all uses of a task's secrets",
        check: |facts| disallowed_methods::current(&facts.repository, &facts.sources),
    },
    Rule {
        id: "cycles",
        description: "no crate has cyclic dependencies between files",
        check: |facts| Ok(cycles::acyclic(&facts.sources)),
    },
    Rule {
        id: "test-binaries",
        description: "a crate has at most two binaries of integration tests",
        check: |facts| Ok(test_binaries::few(&facts.crates)),
    },
    Rule {
        id: "unsafe",
        description: "unsafe code is only in far-memory and in the loader of artifacts; other crates forbid it",
        check: |facts| Ok(unsafety::unsafe_code(&facts.sources)),
    },
    Rule {
        id: "clock",
        description: "only far_core::clock reads a clock",
        check: |facts| Ok(clock::one_clock(&facts.sources)),
    },
    Rule {
        id: "guards",
        description: "each guard in tests/mutations.toml has edits that apply and attacks that exist",
        check: |facts| mutations::current(&facts.repository, &facts.files),
    },
    Rule {
        id: "language",
        description: "comments, documents, messages and test names are plain English, by the glossary",
        check: |facts| plain(&facts.repository, &facts.files),
    },
    Rule {
        id: "relative-paths",
        description: "no file refers to a path outside the repository",
        check: |facts| paths::relative(&facts.repository, &facts.files),
    },
    Rule {
        id: "absolute-paths",
        description: "no file names a folder of a single machine",
        check: |facts| paths::absolute(&facts.repository, &facts.files),
    },
    Rule {
        id: "wasi",
        description: "the WASI packages in wit/deps are equal to those of the engine",
        check: |facts| wasi::equal_to_engine(&facts.repository, &facts.files, facts.crates.wasi.as_deref()),
    },
];

/// The inputs of the rules.
struct Facts {
    repository: Repository,
    files: Vec<String>,
    crates: Crates,
    sources: Sources,
}

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Violation {
    /// Relative to the root.
    file: String,
    line: usize,
    message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Finds the flaws of the language check.
fn plain(repository: &Repository, files: &[String]) -> Result<Vec<Violation>, Failure> {
    let flaws = language::flaws(repository, files)?;
    Ok(flaws.into_iter().map(|flaw| Violation { file: flaw.file, line: flaw.line, message: flaw.reason }).collect())
}

/// Checks all rules.
pub(crate) fn run(repository: &Repository) -> Result<(), Failure> {
    let files = repository.files()?;
    let facts = Facts {
        crates: Crates::load(repository)?,
        sources: Sources::load(repository, &files)?,
        repository: repository.clone(),
        files,
    };
    let mut broken = Vec::new();
    for rule in &RULES {
        let violations = (rule.check)(&facts)?;
        println!("{:6}  {:14}  {}", if violations.is_empty() { "ok" } else { "BROKEN" }, rule.id, rule.description);
        violations.iter().for_each(|violation| println!("        {violation}"));
        if !violations.is_empty() {
            broken.push(rule.id);
        }
    }
    if broken.is_empty() {
        println!("{} rules hold", RULES.len());
        return Ok(());
    }
    Err(Failure::new(format!("{} of {} rules are broken: {}", broken.len(), RULES.len(), broken.join(", ")))
        .or_next("fix the places above; the rules are in ARCHITECTURE.md"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violation_shows_its_line() {
        let violation = Violation { file: "host/a.rs".into(), line: 2, message: "no".into() };
        assert_eq!(violation.to_string(), "host/a.rs:2: no");
    }

    #[test]
    fn rule_ids_are_unique() {
        let mut ids: Vec<_> = RULES.iter().map(|rule| rule.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
    }
}
