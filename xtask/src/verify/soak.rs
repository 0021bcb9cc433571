//! `cargo xtask verify soak`: runs honest and hostile tasks concurrently for minutes.

use std::path::Path;

use serde_json::Value;

use crate::artifacts;
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::proof::{Proof, Row};
use crate::repository::Repository;
use crate::setup;

/// The limit of the 99th percentile of honest tasks, as a multiple of the same tasks alone.
const MAX_SLOWDOWN: f64 = 3.0;
/// The limit of the memory in the last minute, as a multiple of the second minute.
const MAX_GROWTH: f64 = 1.05;

/// Runs the soak test.
pub(crate) fn run(repository: &Repository, minutes: u64, json: Option<&Path>) -> Result<(), Failure> {
    setup::run(repository)?;
    let program = artifacts::soak(repository)?;
    println!("64 concurrent tasks for {minutes} min, half of them hostile …");
    let soak = Invocation::new(program).arg((minutes * 60).to_string());
    let mut output = String::new();
    let status = soak.for_each_line(&repository.root, |line| output.push_str(line))?;
    soak.succeeded(status)?;
    let seen: Value = serde_json::from_str(&output).or_failure("parse the output of the program")?;
    println!("{seen:#}");
    let proof = Proof { command: "cargo xtask verify soak", rows: rows(&seen) };
    if let Some(path) = json {
        proof.write_json(path, repository)?;
    }
    println!("\n{}", proof.table());
    proof.conclude()
}

fn rows(seen: &Value) -> Vec<Row> {
    let figure = |key: &str| seen.get(key).and_then(Value::as_f64);
    let zero = |id: &'static str, key: &str| Row::equal(id, "0", seen.get(key).unwrap_or(&Value::Null));
    let at_most = |id: &'static str, key: &str, max: f64| {
        let figure = figure(key);
        let ok = figure.is_some_and(|figure| figure <= max);
        let seen = figure.map_or("not measured".to_owned(), |figure| format!("{figure:.2} ×"));
        Row { ok, ..Row::equal(id, format!("≤ {max:.2} ×"), seen) }.with("ratio", figure)
    };
    let some = |id: &'static str, key: &str| {
        let count = figure(key).unwrap_or_default();
        Row { ok: count >= 1.0, ..Row::equal(id, "1 or more", count) }
    };
    vec![
        some("honest.tasks", "honest"),
        some("hostile.tasks", "hostile"),
        zero("honest.failed", "failed"),
        zero("hostile.escaped", "escaped"),
        zero("host.panics", "panics"),
        at_most("honest.p99", "slower", MAX_SLOWDOWN)
            .with("alone", seen["alone"].clone())
            .with("among", seen["among"].clone()),
        at_most("host.memory", "growth", MAX_GROWTH).with("by_minute_mib", seen["memory_by_minute_mib"].clone()),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn broken(seen: &Value) -> Vec<String> {
        rows(seen).iter().filter(|row| !row.ok).map(|row| row.id.to_string()).collect()
    }

    #[test]
    fn each_figure_is_checked() {
        let seen = json!({
            "honest": 9, "hostile": 9, "failed": 0, "escaped": 0, "panics": 0, "slower": 2.9, "growth": 1.01,
        });
        assert!(broken(&seen).is_empty());
        for (key, value, row) in [
            ("honest", json!(0), "honest.tasks"),
            ("failed", json!(1), "honest.failed"),
            ("escaped", json!(1), "hostile.escaped"),
            ("panics", json!(1), "host.panics"),
            ("slower", json!(3.1), "honest.p99"),
            ("growth", json!(1.1), "host.memory"),
            ("growth", Value::Null, "host.memory"),
        ] {
            let mut seen = seen.clone();
            seen[key] = value;
            assert_eq!(broken(&seen), [row]);
        }
        assert_eq!(broken(&json!({})).len(), 7);
    }
}
