//! The one way from a task to a value holds: what was not granted is not asked for, not given and ends the task; what
//! cannot be recorded is not given; what has ended is gone.
#![expect(clippy::disallowed_methods, reason = "tests use a session as the interfaces do")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up fails")]

#[path = "../memory_provider/mod.rs"]
mod memory_provider;
#[path = "../../../capability/tests/shared/mod.rs"]
mod shared;

mod admission;
mod audit;
mod backend;
mod canary;
mod exchanges;
mod fixture;
mod flights;
mod leases;
mod lifetime;
mod listing;
mod race;
mod redaction;
mod refresh;
mod repeats;
mod replaced;
mod rotation;
mod scope;
mod sealed;
mod sharing;
mod signing;
mod staleness;
mod uses;
mod versions;
