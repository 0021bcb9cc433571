//! The rule that the capability check is a pure function.

use super::Violation;
use super::source::{Source, Sources};
use super::token::Token;

/// The folder of the capability check.
const CHECK: &str = "host/capability/src/";

/// Names that a pure function cannot use: a runtime, a clock, input and output.
const IMPURE: [&str; 14] = [
    "tokio",
    "::now",
    "now()",
    ".elapsed()",
    "SystemTime",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "println!",
    "eprintln!",
    "dbg!",
];
/// Impure modules of the standard library, as names in a `use` list.
const IMPURE_STD: [&str; 6] = ["env", "fs", "io", "net", "process", "thread"];

/// Checks that the capability check has no runtime, no clock and no input or output. Time is an
/// argument.
pub(super) fn pure_check(sources: &Sources) -> Vec<Violation> {
    let of_check = |source: &&Source| source.file.starts_with(CHECK);
    let mut violations = Vec::new();
    for source in sources.iter().filter(of_check) {
        for piece in IMPURE {
            let lines = source.lines_with(piece);
            violations.extend(lines.into_iter().map(|line| source.violation(line, format!("the check names {piece}"))));
        }
        for list in std_lists(&source.production) {
            let impure = list.iter().filter(|token| IMPURE_STD.contains(&token.text.as_str()));
            violations
                .extend(impure.map(|part| source.violation(part.line, format!("the check names std::{}", part.text))));
        }
    }
    if !sources.iter().any(|source| of_check(&source)) {
        let message = format!("the capability check is not in {CHECK}");
        violations.push(Violation { file: "xtask/src/rules/calls.rs".to_owned(), line: 1, message });
    }
    violations
}

/// Returns the tokens from each `std::{` to the end of the declaration.
fn std_lists(tokens: &[Token]) -> impl Iterator<Item = &[Token]> {
    let begins = |position: &usize| match tokens.get(*position..) {
        Some([std, separator, brace, ..]) => std.is("std") && separator.is("::") && brace.is("{"),
        _ => false,
    };
    (0..tokens.len()).filter(begins).map(|position| {
        let rest = tokens.get(position..).unwrap_or_default();
        rest.split(|token| token.is(";")).next().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rule: fn(&Sources) -> Vec<Violation>, file: &str, text: &str) -> usize {
        let check = ("host/capability/src/lib.rs".to_owned(), "mod check;".to_owned());
        rule(&Sources::of(vec![check, (file.to_owned(), text.to_owned())]).unwrap()).len()
    }

    #[test]
    fn impure_check_is_found() {
        for text in [
            "use tokio::time;",
            "let now = Instant::now();",
            "let now = now();",
            "SystemTime::UNIX_EPOCH;",
            "if start.elapsed() > x {}",
            "use std::fs;",
            "use std::{\n    collections::HashMap,\n    fs::File,\n};",
            "std::net::TcpStream::connect(x)",
            "println!()",
        ] {
            let file = "host/capability/src/check.rs";
            assert_ne!(count(pure_check, file, text), 0, "{text}");
            assert_eq!(count(pure_check, file, &format!("#[cfg(test)]\nmod tests {{ {text} }}")), 0, "{text}");
            assert_eq!(count(pure_check, "host/core/src/broker/fetch.rs", text), 0, "{text}");
        }
        let pure = "use std::time::{Duration, Instant}; fn f(now: Instant) {} // tokio, Instant::now";
        assert_eq!(count(pure_check, "host/capability/src/check.rs", pure), 0);
        assert_eq!(pure_check(&Sources::of(Vec::new()).unwrap()).len(), 1, "no files were checked");
    }
}
