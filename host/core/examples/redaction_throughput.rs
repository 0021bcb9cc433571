//! Measures redaction: learning a value, reading text with 1 secret and with 64, and reading text
//! in which a periodic value may begin at every other byte.
//!
//! `cargo run --release -p far-core --example redaction_throughput`

#![expect(clippy::print_stdout, reason = "the program prints its measurements")]

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use far_core::SecretName;
use far_core::redaction::{Redaction, Segment};

const ROUNDS: usize = 5;
/// The size of a write, in bytes.
const WRITE: usize = 64 * 1024;
const WRITES: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let name: SecretName = "key".parse()?;
    let value = random(40, 1);
    print("learn the first value of 40 bytes, and end, µs", || {
        per_call(1000, || {
            let redaction = Redaction::new();
            let learned = redaction.learn(&name, &value);
            (learned, redaction.end())
        })
    });
    let knowing = Redaction::new();
    knowing.learn(&name, &value)?;
    print("learn it again, µs", || per_call(1000, || knowing.learn(&name, &value)));

    let many = Redaction::new();
    for number in 0..64 {
        many.learn(&format!("key-{number}").parse()?, &random(40, number))?;
    }
    let letters = lines(WRITE);
    let bytes = random(WRITE, 7);
    // Repeats the start of the value without a match.
    let hostile: Vec<_> = value.iter().take(6).copied().cycle().take(WRITE).collect();
    for (known, redaction) in [("1 secret", &knowing), ("64 secrets", &many)] {
        print(&format!("lines of text, {known}, MB/s"), || megabytes(redaction, &letters));
        print(&format!("random bytes, {known}, MB/s"), || megabytes(redaction, &bytes));
    }
    print("repeated start of a value, 1 secret, MB/s", || megabytes(&knowing, &hostile));
    periodic()
}

/// Measures text that repeats a periodic value, in several forms.
fn periodic() -> Result<(), Box<dyn Error>> {
    let ab = |times: usize| b"ab".repeat(times);
    let cases: [(&str, Vec<u8>, &[u8]); 10] = [
        ("'ab' * 2, unencoded", ab(2), b"ab"),
        ("'ab' * 8, unencoded", ab(8), b"ab"),
        ("'ab' * 32, unencoded", ab(32), b"ab"),
        ("'ab' * 500, unencoded", ab(500), b"ab"),
        ("'abc' * 21, unencoded", b"abc".repeat(21), b"abc"),
        ("'a' * 63 and 'b', in a text of 'a'", [b"a".repeat(63), b"b".to_vec()].concat(), b"a"),
        ("'ab' * 32, percent-encoded", ab(32), b"%61%62"),
        ("'ab' * 32, in JSON", ab(32), b"\\u0061\\u0062"),
        ("'ab' * 32, in hexadecimal", ab(32), b"6162"),
        ("'abc' * 21, in base64", b"abc".repeat(21), b"YWJj"),
    ];
    for (case, value, period) in cases {
        let redaction = Redaction::new();
        redaction.learn(&"key".parse()?, &value)?;
        let text: Vec<_> = period.iter().copied().cycle().take(WRITE).collect();
        print(&format!("{case}, MB/s"), || megabytes(&redaction, &text));
    }
    let alike = Redaction::new();
    for number in 0..64 {
        alike.learn(&format!("key-{number}").parse()?, &[b"key-".to_vec(), random(40, number)].concat())?;
    }
    let text: Vec<_> = b"key-".iter().copied().cycle().take(WRITE).collect();
    print("repeated start of 64 secrets, MB/s", || megabytes(&alike, &text));
    Ok(())
}

fn print(name: &str, mut measure: impl FnMut() -> f64) {
    let mut rounds: Vec<_> = (0..ROUNDS).map(|_| measure()).collect();
    rounds.sort_by(f64::total_cmp);
    let at = |index: usize| rounds.get(index).copied().unwrap_or_default();
    println!("{name:<52} {:>9.2}   ({:.2} to {:.2})", at(ROUNDS / 2), at(0), at(ROUNDS - 1));
}

fn per_call<T>(calls: u32, mut call: impl FnMut() -> T) -> f64 {
    let started = Instant::now();
    for _ in 0..calls {
        black_box(call());
    }
    micros(started.elapsed() / calls)
}

fn consume(segment: Segment<'_>) {
    black_box(segment);
}

#[expect(clippy::cast_precision_loss, reason = "sizes of a benchmark")]
fn megabytes(redaction: &Arc<Redaction>, text: &[u8]) -> f64 {
    let mut redactor = redaction.redactor();
    let started = Instant::now();
    for _ in 0..WRITES {
        redactor.write(text, consume);
    }
    redactor.finish(consume);
    (text.len() * WRITES) as f64 / micros(started.elapsed())
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Returns pseudorandom bytes for a seed.
fn random(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn lines(length: usize) -> Vec<u8> {
    let line = |number: usize| format!("2026-01-01T00:00:00Z INFO request {number} took {} ms\n", number % 977);
    (0..).flat_map(|number| line(number).into_bytes()).take(length).collect()
}
