//! Positive controls: for each kind of place, that the search finds what is there. Without them, finding nothing says nothing.

use std::hint::black_box;
use std::ops::Range;
use std::time::Duration;

use far_core::pal::EventKind;
use far_needle::Needle;
use far_tests::process_memory::{Place, ProcessMemory};
use serde_json::json;

use crate::ALLOCATOR;
use crate::backend::{Manner, Stop};
use crate::host::{Host, secret};
use crate::row::Row;

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(120);

pub(crate) async fn locked_memory(host: &Host, memory: &mut ProcessMemory) -> Row {
    let secret = host.alpha(Manner::Well);
    let steps = json!([{ "do": "get", "name": "alpha" }, { "do": "sleep", "ms": 600_000 }]);
    let mut running = host.start(&steps, LONG);
    running.recorded(EventKind::SecretInjected).await;
    let findings = memory.search(&secret).unwrap();
    running.cancel().await;
    Row::found_in("control.locked-memory", &[Place::Locked], &findings)
}

pub(crate) async fn guest_memory(host: &Host, memory: &mut ProcessMemory) -> Row {
    let secret = host.alpha(Manner::Well);
    let log = json!({ "do": "log", "level": "info", "message": "revealed" });
    let steps = json!([{ "do": "get", "name": "alpha" }, { "do": "leak" }, log, { "do": "sleep", "ms": 600_000 }]);
    let mut running = host.start(&steps, LONG);
    running.recorded(EventKind::SkillLogged).await;
    let findings = memory.search(&secret).unwrap();
    running.cancel().await;
    // It was in locked memory only before the guest had it; what is found besides is the guest's.
    Row::found_in("control.guest-memory", &[Place::Locked, Place::Guest], &findings)
}

pub(crate) async fn client_buffer(host: &Host, memory: &mut ProcessMemory) -> Row {
    while_stopped(host, memory, "control.client-buffer", Manner::StopsInBuffer).await
}

pub(crate) async fn stack(host: &Host, memory: &mut ProcessMemory) -> Row {
    while_stopped(host, memory, "control.host-stack", Manner::StopsOnStack).await
}

/// Searches while the backend stands still in the middle of a task's call.
async fn while_stopped(host: &Host, memory: &mut ProcessMemory, id: &str, manner: fn(Stop) -> Manner) -> Row {
    let (stop, stopped) = Stop::new();
    let secret = host.alpha(manner(stop));
    let running = host.start(&json!([{ "do": "get", "name": "alpha" }]), LONG);
    let row = tokio::task::block_in_place(|| {
        let addresses = stopped.reached();
        Row::found_at(id, &addresses, &memory.search(&secret).unwrap())
    });
    drop(stopped);
    running.task.await.unwrap();
    row
}

/// What is left without the wiping allocator; with it the same block is clean.
pub(crate) fn freed_heap(memory: &mut ProcessMemory) -> [Row; 3] {
    let kept = secret();
    let wiping = ALLOCATOR.stop_wiping();
    let addresses = free_a_block_of(&kept);
    let findings = memory.search(&kept).unwrap();
    if wiping {
        ALLOCATOR.wipe_again();
    }
    let control = Row::found_at("control.freed-heap", &addresses, &findings);
    let wiped = secret();
    free_a_block_of(&wiped);
    let findings = memory.search(&wiped).unwrap();
    let clean = Row::clean("freed-heap", "freed", "freed", &findings);
    // What no search from within can look at, told once.
    let kernels: Vec<_> = findings.kernels.keys().map(String::as_str).collect();
    [control, clean, Row::not_examined("kernels-own-pages", &kernels.join(", "))]
}

/// Large enough for most of it to stay as it is while a search takes memory, and too small to go back to the kernel.
const BLOCK: usize = 96 * 1024;

/// Answers with where it was.
fn free_a_block_of(secret: &Needle) -> Range<u64> {
    let mut block = vec![0; BLOCK];
    block.chunks_mut(secret.value().len()).for_each(|place| secret.value().write_to(place));
    let start = block.as_ptr().addr() as u64;
    drop(black_box(block));
    start..start + BLOCK as u64
}
