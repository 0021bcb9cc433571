//! The rule that only one module reads a clock.

use super::Violation;
use super::source::{Source, Sources};

/// The module that reads the clocks of the host.
const CLOCK: &str = "host/core/src/clock.rs";

/// Expressions that read a clock.
const READS: [&str; 6] =
    ["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now", ".elapsed()", "UNIX_EPOCH"];

/// Checks that only `far_core::clock` reads a clock. Clippy's list would also apply to tests and
/// tools.
pub(super) fn one_clock(sources: &Sources) -> Vec<Violation> {
    let elsewhere = |source: &&Source| source.file.starts_with("host/") && source.file != CLOCK;
    let mut violations = Vec::new();
    for source in sources.iter().filter(elsewhere) {
        for read in READS {
            let lines = source.lines_with(read).into_iter();
            violations.extend(lines.map(|line| source.violation(line, format!("{read} reads a clock"))));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_read_elsewhere_is_found() {
        let of = |file: &str, text: &str| {
            let sources = Sources::of(vec![(file.to_owned(), text.to_owned())]).unwrap();
            one_clock(&sources).len()
        };
        for text in ["fn f() { Instant::now(); }", "fn f() { tokio::time::Instant::now() }", "fn f() { s.elapsed() }"] {
            assert_eq!(of("host/core/src/broker/fetch.rs", text), 1, "{text}");
            assert_eq!(of(CLOCK, text), 0, "{text}");
            assert_eq!(of("host/core/src/broker/fetch.rs", &format!("#[cfg(test)]\nmod tests {{ {text} }}")), 0);
            assert_eq!(of("bench/src/host.rs", text), 0, "{text}");
        }
        assert_eq!(of("host/core/src/broker/fetch.rs", "fn f() { clock::now() } // Instant::now()"), 0);
    }
}
