//! The rule on direct and indirect dependencies of far-core.

use std::collections::{BTreeMap, VecDeque};

use super::Violation;
use super::crates::Crates;

const CORE: &str = "far-core";
/// Engines and parsers of WebAssembly, HTTP, TLS and SDKs of backends. A star matches the rest of a
/// name.
const FOREIGN: [&str; 17] = [
    "wasmtime*",
    "wasmparser",
    "wasm-encoder",
    "reqwest*",
    "hyper*",
    "h2",
    "axum*",
    "tonic*",
    "ureq*",
    "rustls*",
    "native-tls",
    "openssl*",
    "kube*",
    "vaultrs*",
    "aws-*",
    "google-cloud-*",
    "async-nats",
];
/// An exception: it parses PEM keys and has no network.
const NOT_FOREIGN: &str = "rustls-pki-types";
/// Features of tokio that open connections.
const TOKIO_NETWORK: [&str; 2] = ["net", "full"];

/// Checks that far-core depends on no engine, parser of WebAssembly or network, even indirectly.
pub(super) fn core(crates: &Crates) -> Vec<Violation> {
    let Some(core) = crates.members.iter().find(|member| member.name == CORE) else { return Vec::new() };
    let mut violations = Vec::new();
    for path in paths(crates) {
        let names: Vec<_> = path.iter().map(|label| name(label)).collect();
        let (Some(first), Some(last)) = (names.first(), names.last()) else { continue };
        if is_foreign(last) {
            violations.push(core.violation(first, format!("far-core depends on {}", names.join(" → "))));
        }
    }
    for tokio in core.dependencies.iter().filter(|dependency| dependency.name == "tokio" && !dependency.for_tests) {
        let network = tokio.features.iter().filter(|feature| TOKIO_NETWORK.contains(&feature.as_str()));
        violations.extend(
            network.map(|feature| core.violation("tokio", format!("far-core enables feature '{feature}' of tokio"))),
        );
    }
    violations
}

/// Returns a shortest path from far-core to each of its dependencies. Dependencies of foreign
/// crates are omitted.
fn paths(crates: &Crates) -> Vec<Vec<String>> {
    let is_core = |label: &&String| name(label) == CORE;
    let mut found: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    let mut queue: VecDeque<_> = crates.tree.keys().filter(is_core).map(|label| (label, Vec::new())).collect();
    while let Some((label, path)) = queue.pop_front() {
        let dependencies = crates.tree.get(label).filter(|_| !is_foreign(name(label)));
        for next in dependencies.into_iter().flatten() {
            if !found.contains_key(next) {
                let mut longer = path.clone();
                longer.push(next.clone());
                found.insert(next, longer.clone());
                queue.push_back((next, longer));
            }
        }
    }
    found.into_values().collect()
}

/// Returns the name in a label of name and version.
fn name(label: &str) -> &str {
    label.split(' ').next().unwrap_or_default()
}

fn is_foreign(name: &str) -> bool {
    if name == NOT_FOREIGN {
        return false;
    }
    FOREIGN.iter().any(|pattern| matches(pattern, name))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::super::crates::tests::member;
    use super::*;

    fn crates(tree: &[(&str, &[&str])]) -> Crates {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let tree = tree.iter().map(|(name, dependencies)| ((*name).to_owned(), owned(dependencies))).collect();
        Crates { members: vec![member(CORE, "[dependencies]\nurl = 1\n")], tree, wasi: None }
    }

    #[test]
    fn indirect_foreign_crate_is_reported_with_path() {
        let crates = crates(&[
            ("far-core 0.1.0", &["url 2.0.0", "hex 0.4.0"]),
            ("url 2.0.0", &["idna 1.0.0"]),
            ("idna 1.0.0", &["hyper-util 0.1.0", "url 2.0.0"]),
            ("hyper-util 0.1.0", &["hyper 1.0.0"]),
        ]);
        let shown: Vec<_> = core(&crates).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["far-core/Cargo.toml:2: far-core depends on url → idna → hyper-util"]);
    }

    #[test]
    fn dependencies_of_other_crates_are_ignored() {
        let crates = crates(&[
            ("far-core 0.1.0", &["url 2.0.0"]),
            ("far-component 0.1.0", &["far-core 0.1.0", "wasmparser 0.1.0"]),
            ("far-runtime 0.1.0", &["far-core 0.1.0", "wasmtime 48.0.0"]),
        ]);
        assert!(core(&crates).is_empty());
    }

    #[test]
    fn tokio_network_features_are_rejected() {
        for (feature, broken) in [("net", true), ("full", true), ("rt", false)] {
            let mut crates = crates(&[]);
            let mut member = crates.members.remove(0).with("tokio", false);
            member.dependencies.iter_mut().for_each(|tokio| tokio.features.push(feature.to_owned()));
            crates.members.push(member);
            assert_eq!(!core(&crates).is_empty(), broken, "{feature}");
        }
    }
}
