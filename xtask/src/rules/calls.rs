//! Rules about what code may name: found in the source text.

use super::Violation;
use super::lexer::is_word;
use super::source::{Source, Sources, occurrences};

/// Where the capability check is.
const CHECK: &str = "host/capability/src/";
/// The only folder that may call a provider.
const BROKER: &str = "host/core/src/broker/";
/// The only folders that may use a task's secrets; the broker's own calls among them.
const DOORS: [&str; 3] = ["host/runtime/src/interfaces/", "host/runtime/src/egress/", BROKER];
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
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| source.file.starts_with(CHECK)) {
        for piece in IMPURE {
            let found = occurrences(&source.production, piece);
            violations.extend(found.map(|at| source.violation(at, format!("the check names {piece}"))));
        }
        for (at, list) in lists(&source.production, "std::{") {
            let impure = IMPURE_STD.iter().filter(|part| occurrences(list, part).next().is_some());
            violations.extend(impure.map(|part| source.violation(at, format!("the check names std::{part}"))));
        }
    }
    violations
}

/// What stands in braces after each occurrence of an opening, and where.
fn lists<'a>(code: &'a str, opening: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    occurrences(code, opening).map(move |at| {
        let list = code.split_at(at).1;
        (at, list.split_once(';').map_or(list, |(list, _)| list))
    })
}

/// What a provider is asked for.
const PROVIDER_CALLS: [&str; 13] = [
    "describe",
    "forget_in_flight",
    "get_secret",
    "issue",
    "list_secrets",
    "refresh_secret",
    "reissue",
    "release",
    "renew",
    "revoke",
    "revoke_all",
    "revoke_for",
    "rotate",
];
/// Who has methods of the same names, and is not a provider.
const NOT_PROVIDERS: [&str; 4] = ["broker", "session", "self", "Self"];

/// Providers that stand in front of another, and pass on what the broker asked of them.
const IN_FRONT: [&str; 1] = ["host/providers/src/exchange/"];

/// Only the broker calls a provider.
pub(super) fn one_broker(sources: &Sources) -> Vec<Violation> {
    let elsewhere = |source: &&Source| {
        is_host(source) && ![BROKER].iter().chain(&IN_FRONT).any(|place| source.file.starts_with(place))
    };
    let mut violations = Vec::new();
    for source in sources.iter().filter(elsewhere) {
        for name in PROVIDER_CALLS {
            for (at, receiver) in calls(&source.production, name) {
                let own = ["self", "Self"].contains(&receiver) && !source.file.starts_with("host/providers/src/");
                if own || !NOT_PROVIDERS.contains(&receiver) {
                    violations.push(source.violation(at, format!("{receiver} is asked to {name}")));
                }
            }
        }
    }
    violations
}

/// Only the interfaces use a task's secrets: the bytes, and what is computed with them.
pub(super) fn one_door(sources: &Sources) -> Vec<Violation> {
    let elsewhere = |source: &&Source| is_host(source) && !DOORS.iter().any(|door| source.file.starts_with(door));
    let mut violations = Vec::new();
    for source in sources.iter().filter(elsewhere) {
        let reveals = calls(&source.production, "reveal").into_iter().map(|(at, _)| (at, "reveal"));
        let signs = ["sign_hmac", "sign_jwt"]
            .into_iter()
            .flat_map(|name| source.production.match_indices(name).map(move |(at, _)| (at, name)));
        let sends = calls(&source.production, "authorize_egress").into_iter().map(|(at, _)| (at, "authorize_egress"));
        let used = reveals.chain(signs).chain(sends);
        violations.extend(used.map(|(at, what)| source.violation(at, format!("{what} is used outside an interface"))));
    }
    violations
}

fn is_host(source: &Source) -> bool {
    source.file.starts_with("host/")
}

/// Where a method is called, and the word before it: on a value, or by its path.
fn calls<'a>(code: &'a str, name: &str) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    for link in [".", "::"] {
        for (at, _) in code.match_indices(&format!("{link}{name}(")) {
            let before = code.split_at(at).0.trim_end();
            let receiver = before.rsplit(|c| !is_word(c)).next().unwrap_or_default();
            found.push((at, receiver));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(rule: fn(&Sources) -> Vec<Violation>, file: &str, text: &str) -> usize {
        rule(&Sources::of(vec![(file.to_owned(), text.to_owned())])).len()
    }

    #[test]
    fn the_check_is_pure() {
        let of = |text: &str| broken(pure_check, "host/capability/src/check.rs", text);
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
            assert_ne!(of(text), 0, "{text}");
            assert_eq!(of(&format!("#[cfg(test)]\nmod tests {{ {text} }}")), 0, "{text}");
            assert_eq!(broken(pure_check, "host/core/src/broker/fetch.rs", text), 0, "{text}");
        }
        assert_eq!(of("use std::time::{Duration, Instant}; fn f(now: Instant) {} // tokio, Instant::now"), 0);
    }

    #[test]
    fn a_provider_is_called_by_the_broker_only() {
        for text in [
            "provider.get_secret(r, v).await",
            "self.provider\n    .refresh_secret(r, v)",
            "providers[0].list_secrets()",
            "SecretProvider::revoke(p, r, v)",
            "lookup().rotate(r)",
        ] {
            assert_eq!(broken(one_broker, "host/cli/src/run.rs", text), 1, "{text}");
            assert_eq!(broken(one_broker, "host/providers/src/vault.rs", text), 1, "{text}");
            assert_eq!(broken(one_broker, "host/core/src/broker/fetch.rs", text), 0, "{text}");
        }
        let text = "fn get_secret(&self) {} let x = || self.get_secret(r, v); broker.revoke(n)";
        assert_eq!(broken(one_broker, "host/providers/src/memory.rs", text), 0);
        assert_eq!(broken(one_broker, "host/cli/src/run.rs", "self.get_secret(r, v)"), 1);
    }

    #[test]
    fn secrets_are_used_by_the_interfaces_only() {
        for text in [
            "session.reveal(handle).await",
            "Session::reveal(s, h)",
            "session.sign_hmac_sha256(h, m)",
            "session.authorize_egress(t, p, f)",
        ] {
            assert_eq!(broken(one_door, "host/runtime/src/run.rs", text), 1, "{text}");
            assert_eq!(broken(one_door, "host/runtime/src/interfaces/reveal.rs", text), 0, "{text}");
        }
        assert_eq!(broken(one_door, "host/runtime/src/run.rs", "Operation::Reveal; mod reveal; reveal(x)"), 0);
    }

    #[test]
    fn a_violation_is_on_the_line_of_the_call() {
        let text = "fn f() {\n    // a comment\n    provider.get_secret(r, v)\n}\n";
        let sources = Sources::of(vec![("host/cli/src/run.rs".to_owned(), text.to_owned())]);
        let shown: Vec<_> = one_broker(&sources).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["host/cli/src/run.rs:3: provider is asked to get_secret"]);
    }
}
