//! Tests that need a separate process, because they count allocations or measure locked memory.
#![expect(clippy::disallowed_methods, reason = "tests use a session as the interfaces do")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod allocation;
mod locked_memory;
#[path = "../memory_provider/mod.rs"]
mod memory_provider;
#[path = "../../../capability/tests/shared/mod.rs"]
mod shared;
