//! That integration tests are quick to link: each binary of them links the engine anew, and cargo runs one after the other.

use super::Violation;
use super::crates::Crates;

/// One for what shares a process, and one for what needs a process of its own.
const MOST: usize = 2;
/// Crates that have more, how many, and why. A crate that has fewer by now is a violation, so that the list only shrinks.
const KNOWN: [(&str, usize, &str); 1] = [("far-core", 5, "tests of memory and audit files move with their crates")];

/// No crate has more than two binaries of integration tests: `tests/NAME/main.rs` with modules.
pub(super) fn few(crates: &Crates) -> Vec<Violation> {
    found(crates, &KNOWN)
}

fn found(crates: &Crates, known: &[(&str, usize, &str)]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in &crates.members {
        let known = known.iter().find(|(name, ..)| *name == member.name).map(|(_, tests, _)| *tests);
        match (member.tests.len(), known) {
            (tests, Some(known)) if tests < known => {
                let what = format!("{} has {tests} by now: say so in the list of those that have more", member.name);
                violations.push(member.violation("name", what));
            }
            (tests, known) if tests > known.unwrap_or(MOST) => {
                let what = format!("{} has {tests}: {}", member.name, member.tests.join(", "));
                violations.push(member.violation("name", what));
            }
            _ => {}
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::crates::tests::member;
    use super::*;

    #[test]
    fn third_binary_is_one_too_many() {
        let broken = |tests: &[&str], known: &[(&str, usize, &str)]| {
            let mut member = member("far-a", "name = \"far-a\"\n");
            member.tests = tests.iter().map(|test| (*test).to_owned()).collect();
            found(&Crates { members: vec![member], tree: BTreeMap::new(), wasi: None }, known)
        };
        assert!(broken(&["a", "b"], &[]).is_empty());
        let told = broken(&["a", "b", "c"], &[]);
        assert_eq!(told.first().map(ToString::to_string).unwrap(), "far-a/Cargo.toml:1: far-a has 3: a, b, c");
        assert!(broken(&["a", "b", "c"], &[("far-a", 3, "a reason")]).is_empty());
        assert_eq!(broken(&["a", "b", "c", "d"], &[("far-a", 3, "a reason")]).len(), 1);
        assert_eq!(broken(&["a", "b"], &[("far-a", 3, "a reason")]).len(), 1, "the list says more");
    }
}
