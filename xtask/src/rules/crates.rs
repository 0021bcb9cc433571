//! The workspace's crates and what they depend on, and the rules on it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use super::Violation;
use crate::failure::{Failure, OrFailure};
use crate::repository::Repository;

/// Which crates each crate may depend on: the drawing in ARCHITECTURE.md.
const DRAWN: [(&str, &[&str]); 14] = [
    ("far-capability", &[]),
    ("far-files", &[]),
    ("far-memory", &[]),
    ("far-core", &["far-capability", "far-memory"]),
    ("far-audit", &["far-core", "far-files"]),
    ("far-component", &["far-capability"]),
    ("far-providers", &["far-core", "far-files"]),
    ("far-runtime", &["far-component", "far-core", "far-files"]),
    ("far-agent", &["far-core", "far-providers", "far-runtime"]),
    ("far-cli", &["far-audit", "far-component", "far-core", "far-files", "far-providers", "far-runtime", "far-agent"]),
    ("far-skill", &["far-capability", "far-skill-macros"]),
    ("far-skill-macros", &["far-capability"]),
    ("far-needle", &[]),
    ("far-servers", &[]),
];
/// Crates that may depend on any, and that none is built with: only tests use what tests share.
const OUTERMOST: [&str; 4] = ["far-bench", "far-fuzz", "far-tests", "xtask"];
/// Who names the engine, besides the runtime: what measures the runtime against the engine alone.
const MEASURES_ENGINE: &str = "far-bench";
/// Dependencies that one crate of the host has, and no other.
const ONE_USER: [(&str, &str); 3] =
    [("ed25519-dalek", "far-audit"), ("wasm-encoder", "far-component"), ("wasmparser", "far-component")];
/// The engine's crate that has `wasi:http`.
const SERVES_HTTP: &str = "wasmtime-wasi-http";

/// The workspace's crates.
pub(super) struct Crates {
    pub(super) members: Vec<Member>,
    /// For each package, by name and version, those that it is built with, for any platform; not what only tests need.
    pub(super) tree: BTreeMap<String, BTreeSet<String>>,
    /// Where the engine's crate has the packages of WASI that it serves.
    pub(super) wasi: Option<PathBuf>,
}

/// One of the workspace's crates.
pub(super) struct Member {
    pub(super) name: String,
    /// Relative to the root.
    pub(super) manifest: String,
    pub(super) manifest_text: String,
    pub(super) dependencies: Vec<Dependency>,
    /// The binaries of its integration tests.
    pub(super) tests: Vec<String>,
}

/// What a crate depends on, as its manifest says.
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) features: Vec<String>,
    pub(super) for_tests: bool,
}

impl Crates {
    pub(super) fn load(repository: &Repository) -> Result<Self, Failure> {
        let options = ["--locked".to_owned()];
        let metadata = MetadataCommand::new().current_dir(&repository.root).other_options(options).exec();
        let metadata = metadata.or_failure("read what the crates depend on")?;
        let members = metadata.workspace_packages().into_iter().map(|package| Member::of(package, repository));
        let serves = metadata.packages.iter().find(|package| package.name == SERVES_HTTP);
        let wasi = serves.and_then(|package| Some(package.manifest_path.parent()?.join("wit/deps").into()));
        Ok(Self { members: members.collect::<Result<_, _>>()?, tree: tree(&metadata), wasi })
    }
}

impl Member {
    fn of(package: &Package, repository: &Repository) -> Result<Self, Failure> {
        let path = package.manifest_path.as_std_path();
        let dependencies = package.dependencies.iter().map(|dependency| Dependency {
            name: dependency.name.clone(),
            features: dependency.features.clone(),
            for_tests: dependency.kind == DependencyKind::Development,
        });
        Ok(Self {
            name: package.name.to_string(),
            manifest: path.strip_prefix(&repository.root).unwrap_or(path).display().to_string(),
            manifest_text: std::fs::read_to_string(path).or_failure(format!("read {}", path.display()))?,
            dependencies: dependencies.collect(),
            tests: package.targets.iter().filter(|target| target.is_test()).map(|target| target.name.clone()).collect(),
        })
    }

    /// The place in this crate's manifest that names a dependency.
    pub(super) fn violation(&self, dependency: &str, what: impl Into<String>) -> Violation {
        let names = |line: &str| {
            let rest = line.trim_start().strip_prefix(dependency);
            rest.is_some_and(|rest| rest.starts_with([' ', '.', '=']))
        };
        let line = self.manifest_text.lines().position(names).map_or(1, |line| line + 1);
        Violation { file: self.manifest.clone(), line, what: what.into() }
    }
}

fn tree(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let label = |package: &Package| format!("{} {}", package.name, package.version);
    let labels: BTreeMap<_, _> = metadata.packages.iter().map(|package| (&package.id, label(package))).collect();
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    nodes
        .filter_map(|node| {
            let built = node
                .deps
                .iter()
                .filter(|dependency| dependency.dep_kinds.iter().any(|info| info.kind != DependencyKind::Development));
            let built = built.filter_map(|dependency| labels.get(&dependency.pkg).cloned()).collect();
            Some((labels.get(&node.id)?.clone(), built))
        })
        .collect()
}

/// Crates depend on each other only as drawn. For its tests, a host's crate may use more.
pub(super) fn edges(crates: &Crates) -> Vec<Violation> {
    let is_member = |name: &str| crates.members.iter().any(|member| member.name == name);
    let mut violations = Vec::new();
    for member in &crates.members {
        let drawn = DRAWN.iter().find(|(name, _)| *name == member.name).map(|(_, drawn)| *drawn);
        let outermost = OUTERMOST.contains(&member.name.as_str());
        if drawn.is_none() && !outermost {
            violations.push(member.violation("name", format!("{} is not in the drawing", member.name)));
        }
        for dependency in member.dependencies.iter().filter(|dependency| is_member(&dependency.name)) {
            let name = dependency.name.as_str();
            let as_drawn = outermost || drawn.is_some_and(|drawn| drawn.contains(&name));
            let for_tests = dependency.for_tests && !member.name.starts_with("far-skill");
            if !(for_tests || as_drawn && !OUTERMOST.contains(&name)) {
                violations.push(member.violation(name, format!("{} depends on {name}", member.name)));
            }
        }
    }
    violations
}

/// Only far-runtime names the engine; far-bench may, as the floor that it measures against, and far-tests, to build tests
/// of it.
pub(super) fn engine(crates: &Crates) -> Vec<Violation> {
    let mut violations = Vec::new();
    let names_it = |member: &&Member| member.name == "far-runtime" || member.name == MEASURES_ENGINE;
    for member in crates.members.iter().filter(|member| !names_it(member)) {
        for dependency in member.dependencies.iter().filter(|dependency| dependency.name.starts_with("wasmtime")) {
            if !(member.name == "far-tests" && dependency.for_tests) {
                let name = &dependency.name;
                violations.push(member.violation(name, format!("{} names {name}", member.name)));
            }
        }
    }
    violations
}

/// What one crate of the host depends on for all, no other crate of the host does.
pub(super) fn one_user(crates: &Crates) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in crates.members.iter().filter(|member| member.manifest.starts_with("host/")) {
        for dependency in member.dependencies.iter().filter(|dependency| !dependency.for_tests) {
            let name = dependency.name.as_str();
            if ONE_USER.iter().any(|(used, user)| *used == name && *user != member.name) {
                violations.push(member.violation(name, format!("{} names {name}", member.name)));
            }
        }
    }
    violations
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::rules) fn member(name: &str, manifest_text: &str) -> Member {
        let manifest = format!("{name}/Cargo.toml");
        let (name, manifest_text) = (name.to_owned(), manifest_text.to_owned());
        Member { name, manifest, manifest_text, dependencies: Vec::new(), tests: Vec::new() }
    }

    impl Member {
        pub(in crate::rules) fn with(mut self, name: &str, for_tests: bool) -> Self {
            self.dependencies.push(Dependency { name: name.to_owned(), features: Vec::new(), for_tests });
            self
        }
    }

    fn crates(depending: Member) -> Crates {
        let names = DRAWN.iter().map(|(name, _)| *name).chain(OUTERMOST);
        let mut members: Vec<_> = names.filter(|name| *name != depending.name).map(|name| member(name, "")).collect();
        members.push(depending);
        Crates { members, tree: BTreeMap::new(), wasi: None }
    }

    fn breaks(rule: fn(&Crates) -> Vec<Violation>, from: &str, to: &str, for_tests: bool) -> bool {
        !rule(&crates(member(from, "").with(to, for_tests))).is_empty()
    }

    #[test]
    fn edges_are_as_drawn() {
        for (from, to) in [
            ("far-capability", "far-core"),
            ("far-memory", "far-core"),
            ("far-core", "far-audit"),
            ("far-files", "far-core"),
            ("far-core", "far-component"),
            ("far-component", "far-core"),
            ("far-providers", "far-component"),
            ("far-core", "far-providers"),
            ("far-providers", "far-runtime"),
            ("far-runtime", "far-providers"),
            ("far-agent", "far-cli"),
            ("far-skill", "far-core"),
            ("far-cli", "far-skill"),
        ] {
            assert!(breaks(edges, from, to, false), "{from} → {to}");
        }
        for (from, to) in [("far-cli", "far-runtime"), ("far-runtime", "far-core"), ("far-tests", "far-cli")] {
            assert!(!breaks(edges, from, to, false), "{from} → {to}");
        }
    }

    #[test]
    fn tests_may_use_more() {
        assert!(!breaks(edges, "far-runtime", "far-providers", true));
        assert!(!breaks(edges, "far-cli", "far-tests", true));
        assert!(breaks(edges, "far-cli", "far-tests", false));
        assert!(breaks(edges, "far-core", "xtask", false));
        assert!(breaks(edges, "far-cli", "far-bench", false));
        assert!(!breaks(edges, "far-bench", "far-runtime", false));
        assert!(breaks(edges, "far-skill", "far-core", true));
        assert!(breaks(edges, "far-skill-macros", "far-core", true));
        assert!(!breaks(edges, "far-skill", "far-skill-macros", false));
        assert!(!breaks(edges, "far-skill", "far-capability", false));
        assert!(!breaks(edges, "far-skill-macros", "far-capability", false));
    }

    #[test]
    fn a_crate_that_is_not_drawn_is_told() {
        assert_eq!(edges(&crates(member("far-new", ""))).len(), 1);
    }

    #[test]
    fn the_engine_is_named_once() {
        assert!(breaks(engine, "far-core", "wasmtime", false));
        assert!(breaks(engine, "far-cli", "wasmtime-wasi", true));
        assert!(breaks(engine, "far-tests", "wasmtime", false));
        assert!(!breaks(engine, "far-runtime", "wasmtime-wasi-http", false));
        assert!(!breaks(engine, "far-tests", "wasmtime", true));
        assert!(!breaks(engine, "far-bench", "wasmtime", false));
        assert!(breaks(engine, "xtask", "wasmtime", false));
        assert!(!breaks(engine, "far-core", "wasmparser", false));
    }

    #[test]
    fn parsers_and_signatures_have_one_user() {
        let breaks = |name: &str, dependency: &str, for_tests: bool| {
            let mut member = member(name, "").with(dependency, for_tests);
            member.manifest = format!("host/{name}/Cargo.toml");
            !one_user(&crates(member)).is_empty()
        };
        assert!(breaks("far-core", "wasmparser", false));
        assert!(breaks("far-runtime", "wasm-encoder", false));
        assert!(breaks("far-component", "ed25519-dalek", false));
        assert!(!breaks("far-component", "wasmparser", false));
        assert!(!breaks("far-core", "wasmparser", true));
        assert!(one_user(&crates(member("far-tests", "").with("wasm-encoder", false))).is_empty());
    }

    #[test]
    fn a_violation_names_the_line_of_the_manifest() {
        let text = "[dependencies]\nfar-core-x = 1\nfar-core.workspace = true\n";
        let violation = member("far-skill", text).violation("far-core", "no");
        assert_eq!((violation.file.as_str(), violation.line), ("far-skill/Cargo.toml", 3));
    }
}
