//! The engine: one per runtime, its slots, and the clock that interrupts guests.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use far_component::review::Shape;
use far_core::thread;
use wasmtime::{Config, Engine, EngineWeak, PoolingAllocationConfig, WasmBacktraceDetails};

/// Sizes of the engine's pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolSize {
    /// How many tasks run at once.
    pub(crate) tasks: u32,
    /// The largest linear memory that any task may have, in bytes.
    pub(crate) memory: usize,
}

/// How often a guest is interrupted to see whether its time is over.
pub(crate) const TICK: Duration = Duration::from_millis(5);
/// Bytes of the host's own side of a fiber's stack that are cleared rather than returned to the kernel.
const STACK_KEPT: usize = 32 * 1024;
/// The parts of one component, which a review counts by the same limits.
const CORE_INSTANCES: u32 = Shape::CORE_INSTANCES;
const MEMORIES: u32 = Shape::MEMORIES;
const TABLES: u32 = Shape::TABLES;
/// Elements of all tables of a task together, at the most: a pointer each.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;
/// The stack for a guest's calls, in bytes.
pub(crate) const STACK_MAX: usize = 512 << 10;

pub(crate) fn engine(size: PoolSize) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    // As many of everything as all tasks can have at once: what has a slot never lacks a part of it.
    pool.total_component_instances(size.tasks)
        .total_stacks(size.tasks)
        .total_core_instances(size.tasks.saturating_mul(CORE_INSTANCES))
        .total_memories(size.tasks.saturating_mul(MEMORIES))
        .total_tables(size.tasks.saturating_mul(TABLES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(size.memory)
        // Nothing of a task stays in its slot: memory goes back to the kernel at once, stacks are cleared.
        .linear_memory_keep_resident(0)
        .table_keep_resident(0)
        .decommit_batch_size(1)
        .async_stack_keep_resident(STACK_KEPT);

    Engine::new(configured().allocation_strategy(pool))
}

/// The settings that compiled code depends on.
pub(crate) fn configured() -> Config {
    let mut config = Config::new();
    config
        .async_stack_zeroing(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_MAX)
        // No guest of ours needs background tasks, and every call is dearer with them.
        .concurrency_support(false)
        .wasm_component_model(true)
        .wasm_backtrace_max_frames(None)
        // Not by the environment, which the compiling process does not have.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config
}

/// Starts the thread that ticks for as long as the engine is in use.
pub(crate) fn start_clock(engine: &Engine) -> io::Result<()> {
    let engine: EngineWeak = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            sleep(TICK);
        }
    };
    thread::spawn("far-clock", tick).map(drop)
}
