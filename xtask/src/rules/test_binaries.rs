//! That integration tests are quick to link: each binary of them links the engine anew, and cargo runs one after the other.

use super::Violation;
use super::crates::Crates;

/// One for what shares a process, and one for what needs a process of its own.
const MOST: usize = 2;

/// No crate has more than two binaries of integration tests: `tests/NAME/main.rs` with modules.
pub(super) fn few(crates: &Crates) -> Vec<Violation> {
    let many = crates.members.iter().filter(|member| member.tests.len() > MOST);
    many.map(|member| {
        let what = format!("{} has {}: {}", member.name, member.tests.len(), member.tests.join(", "));
        member.violation("name", what)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::crates::tests::member;
    use super::*;

    #[test]
    fn third_binary_is_one_too_many() {
        let broken = |tests: &[&str]| {
            let mut member = member("far-a", "name = \"far-a\"\n");
            member.tests = tests.iter().map(|test| (*test).to_owned()).collect();
            few(&Crates { members: vec![member], tree: BTreeMap::new(), wasi: None })
        };
        assert!(broken(&["a", "b"]).is_empty());
        let told = broken(&["a", "b", "c"]);
        assert_eq!(told.first().map(ToString::to_string).unwrap(), "far-a/Cargo.toml:1: far-a has 3: a, b, c");
    }
}
