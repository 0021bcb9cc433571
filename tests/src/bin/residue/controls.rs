//! Positive controls: the search finds a value in each kind of memory.

use std::hint::black_box;
use std::ops::Range;
use std::time::Duration;

use far_core::pal::EventKind;
use far_needle::Needle;
use far_tests::process_memory::{MemoryRegion, ProcessMemory};
use serde_json::json;

use crate::ALLOCATOR;
use crate::backend::{PausePoint, ResponseMode};
use crate::host::{Host, secret};
use crate::row::Row;

/// Longer than any step takes.
pub(crate) const LONG: Duration = Duration::from_secs(120);

pub(crate) async fn locked_memory(host: &Host, memory: &mut ProcessMemory) -> Row {
    let secret = host.alpha(ResponseMode::Complete);
    let steps = json!([{ "do": "get", "name": "alpha" }, { "do": "sleep", "ms": 600_000 }]);
    let mut running = host.start(&steps, LONG);
    running.recorded(EventKind::SecretInjected).await;
    let findings = memory.search(&secret).unwrap();
    running.cancel().await;
    Row::found_in("control.locked-memory", &[MemoryRegion::Locked], &findings)
}

pub(crate) async fn guest_memory(host: &Host, memory: &mut ProcessMemory) -> Row {
    let secret = host.alpha(ResponseMode::Complete);
    let log = json!({ "do": "log", "level": "info", "message": "revealed" });
    let steps = json!([{ "do": "get", "name": "alpha" }, { "do": "leak" }, log, { "do": "sleep", "ms": 600_000 }]);
    let mut running = host.start(&steps, LONG);
    running.recorded(EventKind::SkillLogged).await;
    let findings = memory.search(&secret).unwrap();
    running.cancel().await;
    // The value was only in locked memory before the guest got it, so all other matches are in the
    // guest.
    Row::found_in("control.guest-memory", &[MemoryRegion::Locked, MemoryRegion::Guest], &findings)
}

pub(crate) async fn client_buffer(host: &Host, memory: &mut ProcessMemory) -> Row {
    while_paused(host, memory, "control.client-buffer", ResponseMode::PauseInBuffer).await
}

pub(crate) async fn stack(host: &Host, memory: &mut ProcessMemory) -> Row {
    while_paused(host, memory, "control.host-stack", ResponseMode::PauseOnStack).await
}

/// Searches while the backend pauses during a task's call.
async fn while_paused(host: &Host, memory: &mut ProcessMemory, id: &str, mode: fn(PausePoint) -> ResponseMode) -> Row {
    let (pause, handle) = PausePoint::new();
    let secret = host.alpha(mode(pause));
    let running = host.start(&json!([{ "do": "get", "name": "alpha" }]), LONG);
    let row = tokio::task::block_in_place(|| {
        let addresses = handle.reached();
        Row::found_at(id, &addresses, &memory.search(&secret).unwrap())
    });
    drop(handle);
    running.task.await.unwrap();
    row
}

/// Checks that a freed block keeps its content without the wiping allocator, and loses it with that
/// allocator.
pub(crate) fn freed_heap(memory: &mut ProcessMemory) -> [Row; 3] {
    let retained = secret();
    let wiping = ALLOCATOR.stop_wiping();
    let addresses = free_block(&retained);
    let findings = memory.search(&retained).unwrap();
    if wiping {
        ALLOCATOR.wipe_again();
    }
    let control = Row::found_at("control.freed-heap", &addresses, &findings);
    let wiped = secret();
    free_block(&wiped);
    let findings = memory.search(&wiped).unwrap();
    let clean = Row::clean("freed-heap", "freed", "freed", &findings);
    // Memory that a search from within cannot read, reported once.
    let kernels: Vec<_> = findings.kernels.keys().map(String::as_str).collect();
    [control, clean, Row::not_examined("kernels-own-pages", &kernels.join(", "))]
}

/// A size at which most of the block survives the search's own allocations, and which is not
/// returned to the kernel.
const BLOCK: usize = 96 * 1024;

/// Frees a block filled with the secret, and returns its addresses.
fn free_block(secret: &Needle) -> Range<u64> {
    let mut block = vec![0; BLOCK];
    block.chunks_mut(secret.value().len()).for_each(|place| secret.value().write_to(place));
    let start = block.as_ptr().addr() as u64;
    drop(black_box(block));
    start..start + BLOCK as u64
}
