//! The rule on unsafe code.

use super::Violation;
use super::source::Sources;
use super::token::{Token, lines_of, pattern};

/// Unsafe code of the product: locked memory, and the loader of compiled artifacts.
const PRODUCT: [&str; 2] = ["host/memory/src/", "host/runtime/src/artifact.rs"];
/// Unsafe code of tests: two allocators, a fake clock, access to memory by address, and guests with
/// generated bindings.
const TESTS: [&str; 5] = [
    "host/core/tests/isolated/allocation.rs",
    "tests/guests/",
    "tests/src/bin/residue/allocator.rs",
    "tests/src/process_memory/mod.rs",
    "tests/src/wall_clock.rs",
];
/// Crates with unsafe code. They deny the lint, and each exception expects it. All other crates
/// forbid the lint, which allows no exceptions.
const DENIED: [&str; 6] = [
    "host/memory/",
    "host/runtime/",
    "tests/guests/",
    "tests/src/bin/attacks.rs",
    "tests/src/bin/residue/",
    "tests/src/lib.rs",
];
const FORBIDDEN: &str = "#![forbid(unsafe_code)]";

/// Checks that unsafe code is only in the listed files, and that all other crates forbid it.
pub(super) fn unsafe_code(sources: &Sources) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources.iter() {
        let file = source.file.as_str();
        if !PRODUCT.iter().chain(&TESTS).any(|place| file.starts_with(place)) {
            violations.extend(unsafe_lines(&source.code).map(|line| source.violation(line, "unsafe code")));
        }
        let denied = DENIED.iter().any(|folder| file.starts_with(folder));
        if is_root(file) && !denied && lines_of(&source.code, &pattern(FORBIDDEN)).is_empty() {
            violations.push(source.violation(1, format!("the crate root lacks {FORBIDDEN}")));
        }
    }
    violations
}

/// Returns the lines of unsafe code. Unsafe attributes are not code.
fn unsafe_lines(code: &[Token]) -> impl Iterator<Item = usize> {
    let is_attribute = |at: usize| {
        let is = |at: Option<usize>, text: &str| at.and_then(|at| code.get(at)).is_some_and(|token| token.is(text));
        let previous = at.checked_sub(1);
        is(previous, "[") || is(previous, ",") && is(Some(at + 1), "(")
    };
    let keywords = code.iter().enumerate().filter(|(_, token)| token.is("unsafe"));
    keywords.filter(move |(at, _)| !is_attribute(*at)).map(|(_, token)| token.line)
}

/// Returns true if a file is the root of a library, a program or a build script.
fn is_root(file: &str) -> bool {
    let Some((_, in_crate)) = file.rsplit_once("src/") else { return file.ends_with("/build.rs") };
    match in_crate.strip_prefix("bin/") {
        None => ["lib.rs", "main.rs"].contains(&in_crate),
        Some(program) => !program.contains('/') || program.ends_with("/main.rs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(file: &str, text: &str) -> usize {
        unsafe_code(&Sources::of(vec![(file.to_owned(), text.to_owned())]).unwrap()).len()
    }

    #[test]
    fn unsafe_code_is_only_in_listed_files() {
        for text in ["unsafe { f() }", "unsafe fn f() {}", "unsafe impl Send for X {}", "#[cfg(test)] unsafe fn f() {}"]
        {
            assert_eq!(count("guest-sdk/src/skill.rs", text), 1, "{text}");
            assert_eq!(count("host/core/src/secret.rs", text), 1, "{text}");
            assert_eq!(count("host/runtime/src/run.rs", text), 1, "{text}");
            assert_eq!(count("host/runtime/src/artifact.rs", text), 0, "{text}");
            assert_eq!(count("host/memory/src/pages.rs", text), 0, "{text}");
        }
        let text = "// unsafe {\n#[unsafe(link_section = \"x\")] static X: u8 = 0;";
        assert_eq!(count("guest-sdk/src/skill.rs", text), 0);
        assert_eq!(
            count("guest-sdk/src/skill.rs", "#[cfg_attr(x, unsafe(link_section = \"x\"))] static X: u8 = 0;"),
            0
        );
    }

    #[test]
    fn crate_roots_forbid_unsafe_code() {
        for root in ["host/core/src/lib.rs", "host/cli/src/main.rs", "host/cli/build.rs", "tests/src/bin/soak.rs"] {
            assert_eq!(count(root, "mod x;"), 1, "{root}");
            assert_eq!(count(root, "// #![forbid(unsafe_code)]\nmod x;"), 1, "{root}");
            assert_eq!(count(root, "#![forbid(unsafe_code)]\nmod x;"), 0, "{root}");
        }
        for file in ["host/core/src/secret.rs", "host/memory/src/lib.rs", "tests/src/bin/residue/row.rs"] {
            assert_eq!(count(file, "mod x;"), 0, "{file}");
        }
    }

    #[test]
    fn violation_is_on_line_of_its_token() {
        let text = "fn f() {\n    // x\n    unsafe {}\n}".to_owned();
        let sources = Sources::of(vec![("host/cli/src/run.rs".to_owned(), text)]).unwrap();
        let shown: Vec<_> = unsafe_code(&sources).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["host/cli/src/run.rs:3: unsafe code"]);
    }
}
