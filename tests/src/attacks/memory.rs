//! Values in reused memory, and exhaustion of locked memory.

use far_core::broker::BrokerSettings;
use far_core::pal::EventKind;
use far_core::provider::Reference;
use far_needle::Needle;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Case;
use super::summary::{describe_end, get};
use super::trial::Trial;
use crate::host::{Parts, SECRETS, results};
use crate::process_memory::{MemoryRegion, ProcessMemory};
use crate::{TestHost, guests};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "18-next-task-in-the-slot",
            description: "a value of the previous task, in the memory of the next task in its slot",
            // No mutation: the engine zeroes the memory of a new instance, whatever the slot's
            // settings are.
            attack: Trial::new("not found", || search_guest(false)),
            twin: Trial::new("found", || search_guest(true)),
        },
        Case {
            id: "18-slot-after-the-task",
            description: "a value of the previous task, in its free slot",
            attack: Trial::new("completed [ok, ok], 0 matches outside locked memory", || search_process(false)),
            twin: Trial::new("found while the task is running", || search_process(true)),
        },
        Case {
            id: "64-locked-memory",
            description: "all locked memory, so that no other task gets secrets",
            attack: Trial::new("completed [ok, exhausted]; a neighbor: completed [ok]", || greedy(64)),
            twin: Trial::new("completed [ok, ok]; a neighbor: completed [ok]", || greedy(128)),
        },
    ]
}

/// Scans a task's own memory for its value, or for the value of the previous task in the slot.
async fn search_guest(own: bool) -> String {
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

/// Searches the whole process for a value that a task reveals, during the task or after it.
async fn search_process(while_running: bool) -> String {
    let host = TestHost::new();
    let needle = Needle::random(48).unwrap();
    // A block that is wiped in place: moving the value would leave a copy.
    let mut value = Zeroizing::new(vec![0; needle.value().len()]);
    needle.value().write_to(&mut value);
    host.provider.set(&Reference::new("alpha"), &"2".parse().unwrap(), &value).unwrap();
    drop(value);
    let mut memory = ProcessMemory::open().unwrap();
    let take = json!([get("alpha"), { "do": "reveal" }]);
    if !while_running {
        let report = host.probe(guests::PROBE_REVEALING, &["alpha:reveal"], take).await;
        let findings = memory.search(&needle).unwrap();
        let elsewhere = findings.hits.len() - findings.hits_in(MemoryRegion::Locked);
        return format!("{}, {elsewhere} matches outside locked memory", describe_end(&report.end));
    }
    let log = json!({ "do": "log", "level": "info", "message": "" });
    let steps = json!({ "steps": [take[0], take[1], log, { "do": "sleep", "ms": 60_000 }] });
    let task = host.task(guests::PROBE_REVEALING, &["alpha:reveal"], &steps).await;
    let running = host.spawn_until(task, EventKind::SkillLogged).await;
    let findings = memory.search(&needle).unwrap();
    running.abort();
    let found = findings.hits_in(MemoryRegion::Guest) > 0;
    if found { "found while the task is running" } else { "not found" }.to_owned()
}

/// Gets two values of 40 KiB with a quota of this many KiB.
async fn greedy(quota: usize) -> String {
    let value: &'static str = Box::leak("xy".repeat(20 << 10).into_boxed_str());
    let secrets: &'static [_] = Box::leak(Box::new([("alpha", value), ("beta", value)]));
    let broker = BrokerSettings { task_memory: quota << 10, ..BrokerSettings::default() };
    let host = TestHost::of(Parts { secrets, broker, ..Parts::default() });
    let grants = ["alpha:sign", "beta:sign"];
    let report = host.probe(guests::PROBE, &grants, json!([get("alpha"), get("beta")])).await;
    let neighbor = host.probe(guests::PROBE, &grants, json!([get("beta")])).await;
    format!("{}; a neighbor: {}", describe_end(&report.end), describe_end(&neighbor.end))
}
