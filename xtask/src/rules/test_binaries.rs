//! The rule that a crate has few integration test binaries. Each binary links the engine, and cargo
//! runs them one after the other.

use super::Violation;
use super::crates::Crates;

/// One binary for tests that share a process, and one for tests that need a separate process.
const MAX: usize = 2;

/// Checks that no crate has more than two integration test binaries, `tests/NAME/main.rs`.
pub(super) fn few(crates: &Crates) -> Vec<Violation> {
    let many = crates.members.iter().filter(|member| member.tests.len() > MAX);
    many.map(|member| {
        let count = member.tests.len();
        member.violation("name", format!("{} has {count} test binaries: {}", member.name, member.tests.join(", ")))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::crates::tests::member;
    use super::*;

    #[test]
    fn third_binary_is_reported() {
        let violations = |tests: &[&str]| {
            let mut member = member("far-a", "name = \"far-a\"\n");
            member.tests = tests.iter().map(|test| (*test).to_owned()).collect();
            few(&Crates { members: vec![member], tree: BTreeMap::new(), wasi: None })
        };
        assert!(violations(&["a", "b"]).is_empty());
        let reported = violations(&["a", "b", "c"]);
        assert_eq!(
            reported.first().map(ToString::to_string).unwrap(),
            "far-a/Cargo.toml:1: far-a has 3 test binaries: a, b, c"
        );
    }
}
