//! What far-core is built with, however deep.

use std::collections::{BTreeMap, VecDeque};

use super::Violation;
use super::crates::Crates;

const CORE: &str = "far-core";
/// Engines and parsers of WebAssembly, HTTP, TLS and the SDKs of backends; a star stands for the rest of a name.
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
/// Named like one of them, and none: it reads keys in PEM.
const NOT_FOREIGN: &str = "rustls-pki-types";
/// Features of tokio that open connections.
const TOKIO_NETWORK: [&str; 2] = ["net", "full"];

/// far-core has no engine, no parser of WebAssembly and no network, however deep.
pub(super) fn core_alone(crates: &Crates) -> Vec<Violation> {
    let Some(core) = crates.members.iter().find(|member| member.name == CORE) else { return Vec::new() };
    let mut violations = Vec::new();
    for path in paths(crates) {
        let names: Vec<_> = path.iter().map(|label| name(label)).collect();
        let (Some(first), Some(last)) = (names.first(), names.last()) else { continue };
        if is_foreign(last) {
            violations.push(core.violation(first, format!("far-core is built with {}", names.join(" → "))));
        }
    }
    for tokio in core.dependencies.iter().filter(|dependency| dependency.name == "tokio" && !dependency.for_tests) {
        let network = tokio.features.iter().filter(|feature| TOKIO_NETWORK.contains(&feature.as_str()));
        violations
            .extend(network.map(|feature| core.violation("tokio", format!("far-core asks tokio for '{feature}'"))));
    }
    violations
}

/// A shortest way to each package that far-core is built with, without far-core itself and what is below a foreign one.
fn paths(crates: &Crates) -> Vec<Vec<String>> {
    let is_core = |label: &&String| name(label) == CORE;
    let mut found: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    let mut queue: VecDeque<_> = crates.tree.keys().filter(is_core).map(|label| (label, Vec::new())).collect();
    while let Some((label, path)) = queue.pop_front() {
        let built_with = crates.tree.get(label).filter(|_| !is_foreign(name(label)));
        for next in built_with.into_iter().flatten() {
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

/// A package's name, of its name and version.
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

    fn core(tree: &[(&str, &[&str])]) -> Crates {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let tree = tree.iter().map(|(name, built_with)| ((*name).to_owned(), owned(built_with))).collect();
        Crates { members: vec![member(CORE, "[dependencies]\nurl = 1\n")], tree, wasi: None }
    }

    #[test]
    fn a_foreign_crate_is_found_however_deep_with_the_way_to_it() {
        let crates = core(&[
            ("far-core 0.1.0", &["url 2.0.0", "hex 0.4.0"]),
            ("url 2.0.0", &["idna 1.0.0"]),
            ("idna 1.0.0", &["hyper-util 0.1.0", "url 2.0.0"]),
            ("hyper-util 0.1.0", &["hyper 1.0.0"]),
        ]);
        let shown: Vec<_> = core_alone(&crates).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["far-core/Cargo.toml:2: far-core is built with url → idna → hyper-util"]);
    }

    #[test]
    fn what_others_are_built_with_is_theirs() {
        let crates = core(&[
            ("far-core 0.1.0", &["url 2.0.0"]),
            ("far-component 0.1.0", &["far-core 0.1.0", "wasmparser 0.1.0"]),
            ("far-runtime 0.1.0", &["far-core 0.1.0", "wasmtime 48.0.0"]),
        ]);
        assert!(core_alone(&crates).is_empty());
    }

    #[test]
    fn tokio_without_its_network_is_allowed() {
        for (feature, broken) in [("net", true), ("full", true), ("rt", false)] {
            let mut crates = core(&[]);
            let mut member = crates.members.remove(0).with("tokio", false);
            member.dependencies.iter_mut().for_each(|tokio| tokio.features.push(feature.to_owned()));
            crates.members.push(member);
            assert_eq!(!core_alone(&crates).is_empty(), broken, "{feature}");
        }
    }
}
