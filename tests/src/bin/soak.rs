//! Runs a soak test and prints its result as JSON, for `cargo xtask verify soak`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use far_core::memory::WipingAllocator;
use far_tests::soak::{DurationPercentiles, soak};
use serde_json::json;

/// The allocator of `far`.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

/// The number of concurrent tasks.
const AT_ONCE: usize = 64;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(seconds) = std::env::args().nth(1).and_then(|seconds| seconds.parse().ok()) else {
        eprintln!("usage: soak SECONDS");
        return ExitCode::from(2);
    };
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let default_hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        default_hook(panic);
    }));
    let report = soak(Duration::from_secs(seconds), AT_ONCE).await;
    let percentiles = |percentiles: DurationPercentiles| json!({ "p50_us": percentiles.p50.as_micros(), "p99_us": percentiles.p99.as_micros() });
    let document = json!({
        "seconds": seconds,
        "at_once": AT_ONCE,
        "panics": PANICS.load(Ordering::Relaxed),
        "honest": report.honest,
        "failed": report.failed,
        "hostile": report.hostile,
        "escaped": report.escaped,
        "alone": percentiles(report.alone),
        "among": percentiles(report.among),
        "slower": report.slowdown(),
        "growth": report.growth(),
        "memory_mib": report.memory.iter().max().map(|bytes| bytes >> 20),
        "memory_by_minute_mib": report.minutes().iter().map(|bytes| bytes >> 20).collect::<Vec<_>>(),
    });
    println!("{document}");
    ExitCode::SUCCESS
}
