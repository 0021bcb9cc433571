//! Loads components of every shape with a compiler in a child process. Each load must stay within
//! its limits and take little memory of the host.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use far_core::pal::Pal;
use far_runtime::{Compiler, LoadLimits, Runtime};
use fastrand::Rng;
use serde_json::{Value, json};

use crate::shapes::Shape;

/// Limits of a load: a third of the host's defaults, to try more shapes.
const LIMITS: LoadLimits = LoadLimits { timeout: Duration::from_secs(20), memory: 1 << 30 };
/// Time of a load besides compiling: the start of a process and the transfer of its code.
const OVERHEAD: Duration = Duration::from_secs(10);
/// The most memory of the host, in KiB: several copies of the largest component and its code.
const HOST_MAX: u64 = 1 << 20;

/// Loads random shapes for some time. Returns the counts of results, and the slowest load.
pub fn run(time: Duration, seed: u64) -> Value {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let builder = Runtime::builder("fuzz".parse().unwrap(), Pal::builder().build());
    let builder = builder.compiler(Compiler::child("/proc/self/exe"));
    let runtime = tokio.block_on(async { builder.load_limits(LIMITS).build() }).unwrap();
    let (started, mut rng) = (Instant::now(), Rng::with_seed(seed));
    let mut ends: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (mut slowest, mut slowest_shape) = (Duration::ZERO, String::new());
    while started.elapsed() < time {
        let shape = Shape::random(&mut rng);
        let component = shape.generate();
        let loading = Instant::now();
        let end = match tokio.block_on(runtime.load(component)) {
            Ok(_) => "loaded",
            Err(error) => error.kind(),
        };
        let took = loading.elapsed();
        let description = || format!("{} of size {} and seed {}: {end}", shape.family.name, shape.size, shape.seed);
        assert!(took <= LIMITS.timeout + OVERHEAD, "{} after {took:?}", description());
        assert!(host_memory() <= HOST_MAX, "{} KiB of the host: {}", host_memory(), description());
        // A crash of the compiler stays in its own process.
        assert!(end != "host", "{}", description());
        *ends.entry(end).or_default() += 1;
        if took > slowest {
            (slowest, slowest_shape) = (took, description());
        }
    }
    json!({
        "seed": seed,
        "loads": ends.values().sum::<u64>(),
        "ends": ends,
        "slowest_ms": slowest.as_millis() as u64,
        "slowest": slowest_shape,
        "host_kib": host_memory(),
    })
}

/// Returns the peak memory of this process, in KiB.
fn host_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or_default()
}
