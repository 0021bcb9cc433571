//! The engine of a runtime, its pool, and its epoch clock.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use far_component::review::Shape;
use far_core::thread;
use wasmtime::{Config, Engine, EngineWeak, PoolingAllocationConfig, WasmBacktraceDetails};

/// Sizes of the engine's pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolSize {
    /// The maximum number of concurrent tasks.
    pub(crate) tasks: u32,
    /// The maximum size of a linear memory, in bytes.
    pub(crate) memory: usize,
}

/// The interval of epochs, at which a guest is interrupted.
pub(crate) const TICK: Duration = Duration::from_millis(5);
/// Bytes of a fiber's stack that are zeroed instead of returned to the kernel.
const STACK_KEPT: usize = 32 * 1024;
/// The maximum instances, memories and tables of a component, which a review checks too.
const CORE_INSTANCES: u32 = Shape::CORE_INSTANCES;
const MEMORIES: u32 = Shape::MEMORIES;
const TABLES: u32 = Shape::TABLES;
/// The maximum number of elements of all tables of a task, a pointer each.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;
/// The maximum size of a guest's call stack, in bytes.
pub(crate) const STACK_MAX: usize = 512 << 10;

pub(crate) fn engine(size: PoolSize) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    // Enough of each resource for all tasks, so that a task with a slot lacks none.
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
        // Returns memory to the kernel and zeroes stacks, so that a slot keeps no data of its task.
        .linear_memory_keep_resident(0)
        .table_keep_resident(0)
        .decommit_batch_size(1)
        .async_stack_keep_resident(STACK_KEPT);

    Engine::new(configured().allocation_strategy(pool))
}

/// Returns the settings that affect compiled code.
pub(crate) fn configured() -> Config {
    let mut config = Config::new();
    config
        .async_stack_zeroing(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_MAX)
        // Guests need no background tasks, which would slow down every call.
        .concurrency_support(false)
        .wasm_component_model(true)
        .wasm_backtrace_max_frames(None)
        // The environment, which the compiler process lacks, must not change the setting.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config
}

/// Starts the thread that increments the epoch while the engine is in use.
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
