//! Rules about what code may name.

use super::Violation;
use super::source::{Source, Sources};
use super::token::Token;

/// Where the capability check is.
const CHECK: &str = "host/capability/src/";

/// What a pure function cannot name: a runtime, a clock, input and output.
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
/// The same parts of the standard library, where they are imported in a list.
const IMPURE_STD: [&str; 6] = ["env", "fs", "io", "net", "process", "thread"];

/// The capability check has no runtime, no clock and no input or output: time is an argument.
pub(super) fn pure_check(sources: &Sources) -> Vec<Violation> {
    let of_check = |source: &&Source| source.file.starts_with(CHECK);
    let mut violations = Vec::new();
    for source in sources.iter().filter(of_check) {
        for piece in IMPURE {
            let lines = source.lines_with(piece);
            violations.extend(lines.into_iter().map(|line| source.violation(line, format!("the check names {piece}"))));
        }
        for list in lists_of_std(&source.production) {
            let impure = list.iter().filter(|token| IMPURE_STD.contains(&token.text.as_str()));
            let told = impure.map(|part| source.violation(part.line, format!("the check names std::{}", part.text)));
            violations.extend(told);
        }
    }
    if !sources.iter().any(|source| of_check(&source)) {
        let what = "the capability check is not where this rule looks for it".to_owned();
        violations.push(Violation { file: "xtask/src/rules/calls.rs".to_owned(), line: 1, what });
    }
    violations
}

/// What follows each `std::{`, up to the end of the declaration.
fn lists_of_std(tokens: &[Token]) -> impl Iterator<Item = &[Token]> {
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

    fn broken(rule: fn(&Sources) -> Vec<Violation>, file: &str, text: &str) -> usize {
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
            assert_ne!(broken(pure_check, file, text), 0, "{text}");
            assert_eq!(broken(pure_check, file, &format!("#[cfg(test)]\nmod tests {{ {text} }}")), 0, "{text}");
            assert_eq!(broken(pure_check, "host/core/src/broker/fetch.rs", text), 0, "{text}");
        }
        let pure = "use std::time::{Duration, Instant}; fn f(now: Instant) {} // tokio, Instant::now";
        assert_eq!(broken(pure_check, "host/capability/src/check.rs", pure), 0);
        assert_eq!(pure_check(&Sources::of(Vec::new()).unwrap()).len(), 1, "nothing was looked at");
    }
}
