//! The rule that `disallowed-methods` in clippy.toml is complete and current.
//!
//! The list reserves calls of providers for the broker, and uses of a task's secrets for the
//! interfaces. Clippy reports neither a method that is missing from the list nor an entry without a
//! method.

use toml::de::{DeTable, DeValue};

use super::Violation;
use super::source::Sources;
use crate::failure::{Failure, OrFailure};
use crate::line::line_at;
use crate::repository::Repository;

const CLIPPY: &str = "clippy.toml";
/// The files of the provider traits, which only the broker may call.
const PROVIDER: [&str; 2] = ["host/core/src/provider.rs", "host/core/src/provider/"];
/// Methods that use a task's secrets, which only the interfaces may call.
const USES: [&str; 4] =
    ["Session::authorize_egress", "Session::reveal", "Session::sign_hmac_sha256", "Session::sign_jwt"];
/// The prefix of the paths of the host's methods.
const PREFIX: &str = "far_core::";
/// The folder of the sources with these methods.
const SOURCES: &str = "host/core/src/";

/// Checks that the list has all required methods, and none that does not exist.
pub(super) fn current(repository: &Repository, sources: &Sources) -> Result<Vec<Violation>, Failure> {
    let text = std::fs::read_to_string(repository.root.join(CLIPPY)).or_failure(format!("read {CLIPPY}"))?;
    complete(&text, sources)
}

fn complete(text: &str, sources: &Sources) -> Result<Vec<Violation>, Failure> {
    let listed = listed(text)?;
    let violation = |line: usize, message: String| Violation { file: CLIPPY.to_owned(), line, message };
    let mut violations = Vec::new();
    let methods = provider_methods(sources);
    if methods.is_empty() {
        violations.push(violation(1, format!("no provider trait in {}", PROVIDER.join(" and "))));
    }
    for method in methods.iter().map(String::as_str).chain(USES) {
        if !listed.iter().any(|(path, _)| path.starts_with(PREFIX) && path.ends_with(&format!("::{method}"))) {
            violations.push(violation(1, format!("{method} is not disallowed")));
        }
    }
    for (path, line) in listed.iter().filter(|(path, _)| path.starts_with(PREFIX)) {
        let name = path.rsplit("::").next().unwrap_or_default();
        let mut own = sources.iter().filter(|source| source.file.starts_with(SOURCES));
        if !own.any(|source| !source.lines_with(&format!("fn {name}")).is_empty()) {
            violations.push(violation(*line, format!("{path} does not exist")));
        }
    }
    Ok(violations)
}

/// Returns the paths in clippy's list with their lines.
fn listed(text: &str) -> Result<Vec<(String, usize)>, Failure> {
    let settings = DeTable::parse(text).or_failure(format!("read {CLIPPY}"))?;
    let list = settings.get_ref().get("disallowed-methods").and_then(|list| list.get_ref().as_array());
    let path = |entry: &DeValue<'_>| match entry {
        DeValue::String(path) => Some(path.to_string()),
        DeValue::Table(table) => table.get("path").and_then(|path| path.get_ref().as_str()).map(str::to_owned),
        _ => None,
    };
    let entries = list.into_iter().flat_map(|list| list.iter());
    Ok(entries.filter_map(|entry| Some((path(entry.get_ref())?, line_at(text, entry.span().start)))).collect())
}

/// Returns the asynchronous methods of the provider traits, as `TRAIT::METHOD`.
fn provider_methods(sources: &Sources) -> Vec<String> {
    let is_provider = |file: &str| file == PROVIDER[0] || file.starts_with(PROVIDER[1]);
    let mut methods = Vec::new();
    for source in sources.iter().filter(|source| is_provider(&source.file)) {
        let mut of = None;
        for window in source.production.windows(3) {
            let [first, second, third] = window else { continue };
            match first.text.as_str() {
                "trait" => of = Some(&second.text),
                "impl" | "struct" | "enum" => of = None,
                "async" if second.is("fn") => methods.extend(of.map(|of| format!("{of}::{}", third.text))),
                _ => {}
            }
        }
    }
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAITS: &str =
        "pub trait Backend { fn id(&self); async fn get(&self); }\nimpl X { async fn other(&self) {} }";

    fn violations(paths: &[&str]) -> Vec<String> {
        let entries: Vec<_> =
            paths.iter().map(|path| format!("  {{ path = \"{path}\", reason = \"x\" }},\n")).collect();
        let clippy = format!("disallowed-methods = [\n  \"std::env::var\",\n{}]\n", entries.concat());
        let session =
            "impl Session { fn reveal() {} fn authorize_egress() {} fn sign_jwt() {} fn sign_hmac_sha256() {} }";
        let texts = [(PROVIDER[0], TRAITS), ("host/core/src/broker/session.rs", session)];
        let texts = texts.map(|(file, text)| (file.to_owned(), text.to_owned()));
        let violations = complete(&clippy, &Sources::of(texts.to_vec()).unwrap()).unwrap();
        violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn missing_method_is_reported() {
        let uses = USES.map(|method| format!("far_core::broker::{method}"));
        let mut paths: Vec<_> = uses.iter().map(String::as_str).collect();
        assert_eq!(violations(&paths), ["clippy.toml:1: Backend::get is not disallowed"]);
        paths.push("far_core::provider::Backend::get");
        assert!(violations(&paths).is_empty());
        assert_eq!(violations(&paths[1..]), ["clippy.toml:1: Session::authorize_egress is not disallowed"]);
        paths.push("far_core::provider::Backend::gone");
        assert_eq!(violations(&paths), ["clippy.toml:8: far_core::provider::Backend::gone does not exist"]);
    }

    #[test]
    fn missing_traits_are_reported() {
        assert!(!complete("", &Sources::of(Vec::new()).unwrap()).unwrap().is_empty());
        assert!(complete("disallowed-methods = [", &Sources::of(Vec::new()).unwrap()).is_err());
    }
}
