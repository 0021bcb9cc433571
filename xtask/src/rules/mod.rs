//! `cargo xtask rules`: what may depend on what, and who may call what.
//!
//! Dependencies are read from cargo, names from the tokens of source files, without comments, literals and tests. The scan
//! keeps honest work honest: it finds what is written plainly, not what is hidden on purpose. Who may call a provider, and
//! who may use a task's secrets, is known to clippy, by the `disallowed-methods` of clippy.toml; here it is checked only
//! that the list has all of them.

mod calls;
mod circles;
mod clock;
mod crates;
mod doors;
mod manifests;
mod mutations;
mod outside;
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
use crate::repository::Repository;

/// A rule, and how it is checked.
struct Rule {
    id: &'static str,
    what: &'static str,
    check: fn(&Facts) -> Result<Vec<Violation>, Failure>,
}

const RULES: [Rule; 15] = [
    Rule {
        id: "edges",
        what: "crates depend on each other only as drawn in ARCHITECTURE.md",
        check: |facts| Ok(crates::edges(&facts.crates)),
    },
    Rule {
        id: "engine",
        what: "only far-runtime names wasmtime, and far-bench, which measures against it",
        check: |facts| Ok(crates::engine(&facts.crates)),
    },
    Rule {
        id: "core-alone",
        what: "far-core has no engine, no parser of WebAssembly and no network, however deep",
        check: |facts| Ok(tree::core_alone(&facts.crates)),
    },
    Rule {
        id: "one-user",
        what: "of the host, only far-component names parsers of WebAssembly, and only far-audit ed25519-dalek",
        check: |facts| Ok(crates::one_user(&facts.crates)),
    },
    Rule {
        id: "declared-once",
        what: "members take every dependency from the workspace",
        check: |facts| manifests::declared_once(&facts.crates),
    },
    Rule {
        id: "pure-check",
        what: "the capability check has no runtime, no clock and no input or output",
        check: |facts| Ok(calls::pure_check(&facts.sources)),
    },
    Rule {
        id: "doors",
        what: "clippy.toml disallows every call of a provider, and every use of a task's secrets, that there is",
        check: |facts| doors::disallowed(&facts.repository, &facts.sources),
    },
    Rule {
        id: "circles",
        what: "no crate has files that depend on each other in a circle",
        check: |facts| Ok(circles::none(&facts.sources)),
    },
    Rule {
        id: "few-binaries",
        what: "a crate has two binaries of integration tests at most",
        check: |facts| Ok(test_binaries::few(&facts.crates)),
    },
    Rule {
        id: "unsafe",
        what: "unsafe code is in far-memory and the loader of artifacts, and every other crate forbids it",
        check: |facts| Ok(unsafety::unsafe_code(&facts.sources)),
    },
    Rule {
        id: "one-clock",
        what: "only far_core::clock reads a clock",
        check: |facts| Ok(clock::one_clock(&facts.sources)),
    },
    Rule {
        id: "guards",
        what: "every guard has edits that remove it, found once in the source, and attacks that exist",
        check: |facts| mutations::current(&facts.repository, &facts.files),
    },
    Rule {
        id: "own-paths",
        what: "no file refers to a path outside the repository",
        check: |facts| outside::relative(&facts.repository, &facts.files),
    },
    Rule {
        id: "no-home",
        what: "no file names a folder of one machine",
        check: |facts| outside::absolute(&facts.repository, &facts.files),
    },
    Rule {
        id: "served-wasi",
        what: "the packages of WASI in wit/deps are those that the engine serves",
        check: |facts| wasi::as_served(&facts.repository, &facts.files, facts.crates.wasi.as_deref()),
    },
];

/// What rules are checked against.
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
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Checks them all.
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
        println!("{:6}  {:13}  {}", if violations.is_empty() { "ok" } else { "BROKEN" }, rule.id, rule.what);
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
        .or_next("each place is named above; the rules are in ARCHITECTURE.md"))
}

/// The line that a position in a text is on, from 1.
fn line_at(text: &str, position: usize) -> usize {
    1 + text.bytes().take(position).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_says_where_it_is() {
        let violation = Violation { file: "host/a.rs".into(), line: line_at("a\nb\nc", 2), what: "no".into() };
        assert_eq!(violation.to_string(), "host/a.rs:2: no");
        assert_eq!(line_at("", 0), 1);
    }

    #[test]
    fn rules_have_names_of_their_own() {
        let mut ids: Vec<_> = RULES.iter().map(|rule| rule.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
    }
}
