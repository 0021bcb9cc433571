//! Values in memory that others use next, and memory that others need.

use far_core::broker::BrokerSettings;
use far_core::pal::EventKind;
use far_core::provider::Reference;
use far_needle::Needle;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Case;
use super::told::{end, get};
use super::trial::Trial;
use crate::host::{Parts, SECRETS, results};
use crate::process_memory::{Place, ProcessMemory};
use crate::{TestHost, guests};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "18-next-task-in-the-slot",
            what: "a value of the task before, in the memory of the next one in its slot",
            // No mutation: the engine gives a new instance zeroes, whatever the slot's settings are.
            attack: Trial::new("not found", || search(false)),
            twin: Trial::new("found", || search(true)),
        },
        Case {
            id: "18-slot-after-the-task",
            what: "a value of the task before, in the slot that it left",
            attack: Trial::new("completed [ok, ok], 0 finds outside of locked memory", || searched(false)),
            twin: Trial::new("found while the task is running", || searched(true)),
        },
        Case {
            id: "64-locked-memory",
            what: "all locked memory, so that no other task has secrets",
            attack: Trial::new("completed [ok, exhausted]; a neighbour: completed [ok]", || greedy(64)),
            twin: Trial::new("completed [ok, ok]; a neighbour: completed [ok]", || greedy(128)),
        },
    ]
}

/// A search by a task of its own memory: for what it has itself, or for what the task before had in the one slot.
async fn search(own: bool) -> String {
    let host = TestHost::of(Parts { max_tasks: 1, ..Parts::default() });
    let masked: Vec<u8> = SECRETS[0].1.bytes().map(|byte| !byte).collect();
    let take = [get("alpha"), json!({ "do": "reveal" }), json!({ "do": "leak" })];
    let scan = json!({ "do": "scan", "masked": masked });
    let scripts = if own { vec![[&take[..], &[scan]].concat()] } else { vec![take.to_vec(), vec![scan]] };
    let mut found = Value::Null;
    for steps in scripts {
        let report = host.probe(guests::PROBE_REVEALING, &["alpha:reveal"], json!(steps)).await;
        found = results(&report).last().map(|last| last["ok"]["found"].clone()).unwrap_or_default();
    }
    match found.as_u64() {
        Some(0) => "not found".to_owned(),
        Some(_) => "found".to_owned(),
        None => "not searched".to_owned(),
    }
}

/// A search by the host of the whole process, for a value that a task takes into its memory: after its end, or before.
async fn searched(while_running: bool) -> String {
    let host = TestHost::new();
    let needle = Needle::random(48).unwrap();
    // In a block of its own, which is overwritten: to move it would leave a copy.
    let mut value = Zeroizing::new(vec![0; needle.value().len()]);
    needle.value().write_to(&mut value);
    host.provider.set(&Reference::new("alpha"), &"2".parse().unwrap(), &value).unwrap();
    drop(value);
    let mut memory = ProcessMemory::open().unwrap();
    let take = json!([get("alpha"), { "do": "reveal" }]);
    if !while_running {
        let report = host.probe(guests::PROBE_REVEALING, &["alpha:reveal"], take).await;
        let findings = memory.search(&needle).unwrap();
        let elsewhere = findings.hits.len() - findings.hits_in(Place::Locked);
        return format!("{}, {elsewhere} finds outside of locked memory", end(&report.end));
    }
    let log = json!({ "do": "log", "level": "info", "message": "" });
    let steps = json!({ "steps": [take[0], take[1], log, { "do": "sleep", "ms": 60_000 }] });
    let task = host.task(guests::PROBE_REVEALING, &["alpha:reveal"], &steps).await;
    let running = host.spawn_until(task, EventKind::SkillLogged).await;
    let findings = memory.search(&needle).unwrap();
    running.abort();
    let found = findings.hits_in(Place::Guest) > 0;
    if found { "found while the task is running" } else { "not found" }.to_owned()
}

/// Two values of 40 KiB within a quota of so many.
async fn greedy(quota: usize) -> String {
    let value: &'static str = Box::leak("xy".repeat(20 << 10).into_boxed_str());
    let secrets: &'static [_] = Box::leak(Box::new([("alpha", value), ("beta", value)]));
    let broker = BrokerSettings { task_memory: quota << 10, ..BrokerSettings::default() };
    let host = TestHost::of(Parts { secrets, broker, ..Parts::default() });
    let grants = ["alpha:sign", "beta:sign"];
    let report = host.probe(guests::PROBE, &grants, json!([get("alpha"), get("beta")])).await;
    let neighbour = host.probe(guests::PROBE, &grants, json!([get("beta")])).await;
    format!("{}; a neighbour: {}", end(&report.end), end(&neighbour.end))
}
