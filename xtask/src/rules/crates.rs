//! The rules on dependencies of the workspace's crates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use super::Violation;
use crate::failure::{Failure, OrFailure};
use crate::repository::Repository;

/// The permitted dependencies of each crate, as listed in ARCHITECTURE.md.
const PERMITTED: [(&str, &[&str]); 14] = [
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
/// Crates that may depend on any crate. Other crates depend on them only for tests.
const OUTERMOST: [&str; 4] = ["far-bench", "far-fuzz", "far-tests", "xtask"];
/// The crate that may name the engine besides the runtime, as the floor of its measurements.
const ENGINE_BENCHMARK: &str = "far-bench";
/// Dependencies that only one crate of the host may have.
const EXCLUSIVE: [(&str, &str); 3] =
    [("ed25519-dalek", "far-audit"), ("wasm-encoder", "far-component"), ("wasmparser", "far-component")];
/// The engine's crate for `wasi:http`.
const WASI_HTTP: &str = "wasmtime-wasi-http";

/// The crates of the workspace.
pub(super) struct Crates {
    pub(super) members: Vec<Member>,
    /// The dependencies of each package for any platform, by name and version, without those for
    /// tests.
    pub(super) tree: BTreeMap<String, BTreeSet<String>>,
    /// The folder of the WASI packages in the engine's crate.
    pub(super) wasi: Option<PathBuf>,
}

/// A crate of the workspace.
pub(super) struct Member {
    pub(super) name: String,
    /// Relative to the root.
    pub(super) manifest: String,
    pub(super) manifest_text: String,
    pub(super) dependencies: Vec<Dependency>,
    /// The names of its integration test binaries.
    pub(super) tests: Vec<String>,
}

/// A dependency in a manifest.
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) features: Vec<String>,
    pub(super) for_tests: bool,
}

impl Crates {
    pub(super) fn load(repository: &Repository) -> Result<Self, Failure> {
        let options = ["--locked".to_owned()];
        let metadata = MetadataCommand::new().current_dir(&repository.root).other_options(options).exec();
        let metadata = metadata.or_failure("read the dependencies of the crates")?;
        let members = metadata.workspace_packages().into_iter().map(|package| Member::of(package, repository));
        let wasi_http = metadata.packages.iter().find(|package| package.name == WASI_HTTP);
        let wasi = wasi_http.and_then(|package| Some(package.manifest_path.parent()?.join("wit/deps").into()));
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

    /// Creates a violation at the line of the manifest that names a dependency.
    pub(super) fn violation(&self, dependency: &str, message: impl Into<String>) -> Violation {
        let names = |line: &str| {
            let rest = line.trim_start().strip_prefix(dependency);
            rest.is_some_and(|rest| rest.starts_with([' ', '.', '=']))
        };
        let line = self.manifest_text.lines().position(names).map_or(1, |line| line + 1);
        Violation { file: self.manifest.clone(), line, message: message.into() }
    }
}

fn tree(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let label = |package: &Package| format!("{} {}", package.name, package.version);
    let labels: BTreeMap<_, _> = metadata.packages.iter().map(|package| (&package.id, label(package))).collect();
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    nodes
        .filter_map(|node| {
            let dependencies = node
                .deps
                .iter()
                .filter(|dependency| dependency.dep_kinds.iter().any(|info| info.kind != DependencyKind::Development));
            let dependencies = dependencies.filter_map(|dependency| labels.get(&dependency.pkg).cloned()).collect();
            Some((labels.get(&node.id)?.clone(), dependencies))
        })
        .collect()
}

/// Checks that crates depend only on permitted crates. Tests of the host may use others.
pub(super) fn permitted(crates: &Crates) -> Vec<Violation> {
    let is_member = |name: &str| crates.members.iter().any(|member| member.name == name);
    let mut violations = Vec::new();
    for member in &crates.members {
        let permitted = PERMITTED.iter().find(|(name, _)| *name == member.name).map(|(_, names)| *names);
        let outermost = OUTERMOST.contains(&member.name.as_str());
        if permitted.is_none() && !outermost {
            violations.push(
                member.violation("name", format!("{} is not in the list of permitted dependencies", member.name)),
            );
        }
        for dependency in member.dependencies.iter().filter(|dependency| is_member(&dependency.name)) {
            let name = dependency.name.as_str();
            let is_permitted = outermost || permitted.is_some_and(|names| names.contains(&name));
            let for_tests = dependency.for_tests && !member.name.starts_with("far-skill");
            if !(for_tests || is_permitted && !OUTERMOST.contains(&name)) {
                violations.push(member.violation(name, format!("{} depends on {name}", member.name)));
            }
        }
    }
    violations
}

/// Checks that only far-runtime names the engine. Exceptions are far-bench, and the tests of
/// far-tests.
pub(super) fn engine(crates: &Crates) -> Vec<Violation> {
    let mut violations = Vec::new();
    let may_name = |member: &&Member| member.name == "far-runtime" || member.name == ENGINE_BENCHMARK;
    for member in crates.members.iter().filter(|member| !may_name(member)) {
        for dependency in member.dependencies.iter().filter(|dependency| dependency.name.starts_with("wasmtime")) {
            if !(member.name == "far-tests" && dependency.for_tests) {
                let name = &dependency.name;
                violations.push(member.violation(name, format!("{} names {name}", member.name)));
            }
        }
    }
    violations
}

/// Checks that no other crate of the host has an exclusive dependency.
pub(super) fn exclusive(crates: &Crates) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in crates.members.iter().filter(|member| member.manifest.starts_with("host/")) {
        for dependency in member.dependencies.iter().filter(|dependency| !dependency.for_tests) {
            let name = dependency.name.as_str();
            if EXCLUSIVE.iter().any(|(used, user)| *used == name && *user != member.name) {
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

    fn crates(changed: Member) -> Crates {
        let names = PERMITTED.iter().map(|(name, _)| *name).chain(OUTERMOST);
        let mut members: Vec<_> = names.filter(|name| *name != changed.name).map(|name| member(name, "")).collect();
        members.push(changed);
        Crates { members, tree: BTreeMap::new(), wasi: None }
    }

    fn violates(rule: fn(&Crates) -> Vec<Violation>, from: &str, to: &str, for_tests: bool) -> bool {
        !rule(&crates(member(from, "").with(to, for_tests))).is_empty()
    }

    #[test]
    fn dependencies_are_permitted() {
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
            assert!(violates(permitted, from, to, false), "{from} → {to}");
        }
        for (from, to) in [("far-cli", "far-runtime"), ("far-runtime", "far-core"), ("far-tests", "far-cli")] {
            assert!(!violates(permitted, from, to, false), "{from} → {to}");
        }
    }

    #[test]
    fn tests_may_use_other_crates() {
        assert!(!violates(permitted, "far-runtime", "far-providers", true));
        assert!(!violates(permitted, "far-cli", "far-tests", true));
        assert!(violates(permitted, "far-cli", "far-tests", false));
        assert!(violates(permitted, "far-core", "xtask", false));
        assert!(violates(permitted, "far-cli", "far-bench", false));
        assert!(!violates(permitted, "far-bench", "far-runtime", false));
        assert!(violates(permitted, "far-skill", "far-core", true));
        assert!(violates(permitted, "far-skill-macros", "far-core", true));
        assert!(!violates(permitted, "far-skill", "far-skill-macros", false));
        assert!(!violates(permitted, "far-skill", "far-capability", false));
        assert!(!violates(permitted, "far-skill-macros", "far-capability", false));
    }

    #[test]
    fn unlisted_crate_is_reported() {
        assert_eq!(permitted(&crates(member("far-new", ""))).len(), 1);
    }

    #[test]
    fn only_runtime_names_engine() {
        assert!(violates(engine, "far-core", "wasmtime", false));
        assert!(violates(engine, "far-cli", "wasmtime-wasi", true));
        assert!(violates(engine, "far-tests", "wasmtime", false));
        assert!(!violates(engine, "far-runtime", "wasmtime-wasi-http", false));
        assert!(!violates(engine, "far-tests", "wasmtime", true));
        assert!(!violates(engine, "far-bench", "wasmtime", false));
        assert!(violates(engine, "xtask", "wasmtime", false));
        assert!(!violates(engine, "far-core", "wasmparser", false));
    }

    #[test]
    fn exclusive_dependencies_have_one_user() {
        let violates = |name: &str, dependency: &str, for_tests: bool| {
            let mut member = member(name, "").with(dependency, for_tests);
            member.manifest = format!("host/{name}/Cargo.toml");
            !exclusive(&crates(member)).is_empty()
        };
        assert!(violates("far-core", "wasmparser", false));
        assert!(violates("far-runtime", "wasm-encoder", false));
        assert!(violates("far-component", "ed25519-dalek", false));
        assert!(!violates("far-component", "wasmparser", false));
        assert!(!violates("far-core", "wasmparser", true));
        assert!(exclusive(&crates(member("far-tests", "").with("wasm-encoder", false))).is_empty());
    }

    #[test]
    fn violation_names_line_of_manifest() {
        let text = "[dependencies]\nfar-core-x = 1\nfar-core.workspace = true\n";
        let violation = member("far-skill", text).violation("far-core", "no");
        assert_eq!((violation.file.as_str(), violation.line), ("far-skill/Cargo.toml", 3));
    }
}
