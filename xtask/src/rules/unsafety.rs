//! The rule on unsafe code.

use super::Violation;
use super::source::Sources;
use super::token::{Token, lines_of, pattern};

/// The product's unsafe code: locked memory, and artifacts that the engine runs as they are.
const PRODUCT: [&str; 2] = ["host/memory/src/", "host/runtime/src/artifact.rs"];
/// Unsafe code of tests: an allocator that counts, one that can be switched, a clock that stands in for the system's,
/// pages that can be read by their address only, and guests, whose bindings are generated.
const TESTS: [&str; 5] = [
    "host/core/tests/isolated/allocation.rs",
    "tests/guests/",
    "tests/src/bin/residue/allocator.rs",
    "tests/src/process_memory/mod.rs",
    "tests/src/wall_clock.rs",
];
/// Folders whose crates have unsafe code: the lint is denied there, and each place expects it. Every other crate forbids
/// it, which no place can undo.
const DENIED: [&str; 6] = [
    "host/memory/",
    "host/runtime/",
    "tests/guests/",
    "tests/src/bin/attacks.rs",
    "tests/src/bin/residue/",
    "tests/src/lib.rs",
];
const FORBIDDEN: &str = "#![forbid(unsafe_code)]";

/// Checks that unsafe code is in two places of the product and few of tests, and that crates without
/// it forbid it.
pub(super) fn unsafe_code(sources: &Sources) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources.iter() {
        let file = source.file.as_str();
        if !PRODUCT.iter().chain(&TESTS).any(|place| file.starts_with(place)) {
            violations.extend(unsafe_lines(&source.code).map(|line| source.violation(line, "unsafe code")));
        }
        let denied = DENIED.iter().any(|folder| file.starts_with(folder));
        if is_root(file) && !denied && lines_of(&source.code, &pattern(FORBIDDEN)).is_empty() {
            violations.push(source.violation(1, format!("the crate does not have {FORBIDDEN}")));
        }
    }
    violations
}

/// Returns the lines of unsafe code. An attribute is called unsafe for what it makes of a symbol's
/// name or place, and runs nothing.
fn unsafe_lines(code: &[Token]) -> impl Iterator<Item = usize> {
    let is_attribute = |at: usize| {
        let is = |at: Option<usize>, text: &str| at.and_then(|at| code.get(at)).is_some_and(|token| token.is(text));
        let before = at.checked_sub(1);
        is(before, "[") || is(before, ",") && is(Some(at + 1), "(")
    };
    let words = code.iter().enumerate().filter(|(_, token)| token.is("unsafe"));
    words.filter(move |(at, _)| !is_attribute(*at)).map(|(_, token)| token.line)
}

/// Whether a file is the root of a library, a program or a build script.
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

    fn broken(file: &str, text: &str) -> usize {
        unsafe_code(&Sources::of(vec![(file.to_owned(), text.to_owned())]).unwrap()).len()
    }

    #[test]
    fn unsafe_code_has_two_places() {
        for text in ["unsafe { f() }", "unsafe fn f() {}", "unsafe impl Send for X {}", "#[cfg(test)] unsafe fn f() {}"]
        {
            assert_eq!(broken("guest-sdk/src/skill.rs", text), 1, "{text}");
            assert_eq!(broken("host/core/src/secret.rs", text), 1, "{text}");
            assert_eq!(broken("host/runtime/src/run.rs", text), 1, "{text}");
            assert_eq!(broken("host/runtime/src/artifact.rs", text), 0, "{text}");
            assert_eq!(broken("host/memory/src/pages.rs", text), 0, "{text}");
        }
        let text = "// unsafe {\n#[unsafe(link_section = \"x\")] static X: u8 = 0;";
        assert_eq!(broken("guest-sdk/src/skill.rs", text), 0);
        assert_eq!(
            broken("guest-sdk/src/skill.rs", "#[cfg_attr(x, unsafe(link_section = \"x\"))] static X: u8 = 0;"),
            0
        );
    }

    #[test]
    fn crate_roots_forbid_unsafe_code() {
        for root in ["host/core/src/lib.rs", "host/cli/src/main.rs", "host/cli/build.rs", "tests/src/bin/soak.rs"] {
            assert_eq!(broken(root, "mod x;"), 1, "{root}");
            assert_eq!(broken(root, "// #![forbid(unsafe_code)]\nmod x;"), 1, "{root}");
            assert_eq!(broken(root, "#![forbid(unsafe_code)]\nmod x;"), 0, "{root}");
        }
        for file in ["host/core/src/secret.rs", "host/memory/src/lib.rs", "tests/src/bin/residue/row.rs"] {
            assert_eq!(broken(file, "mod x;"), 0, "{file}");
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
