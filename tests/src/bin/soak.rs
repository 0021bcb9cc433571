//! Runs honest and hostile tasks at once for some seconds, and prints what came of it as JSON: for `cargo xtask verify soak`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use far_core::memory::WipingAllocator;
use far_tests::soak::{Times, soak};
use serde_json::json;

/// As `far` has it.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

/// How many tasks run at once.
const AT_ONCE: usize = 64;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(seconds) = std::env::args().nth(1).and_then(|seconds| seconds.parse().ok()) else {
        eprintln!("usage: soak SECONDS");
        return ExitCode::from(2);
    };
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        tell(panic);
    }));
    let soaked = soak(Duration::from_secs(seconds), AT_ONCE).await;
    let times = |times: Times| json!({ "p50_us": times.p50.as_micros(), "p99_us": times.p99.as_micros() });
    let document = json!({
        "seconds": seconds,
        "at_once": AT_ONCE,
        "panics": PANICS.load(Ordering::Relaxed),
        "honest": soaked.honest,
        "failed": soaked.failed,
        "hostile": soaked.hostile,
        "escaped": soaked.escaped,
        "alone": times(soaked.alone),
        "among": times(soaked.among),
        "slower": soaked.slower(),
        "growth": soaked.growth(),
        "memory_mib": soaked.memory.iter().max().map(|bytes| bytes >> 20),
        "memory_by_minute_mib": soaked.minutes().iter().map(|bytes| bytes >> 20).collect::<Vec<_>>(),
    });
    println!("{document}");
    ExitCode::SUCCESS
}
