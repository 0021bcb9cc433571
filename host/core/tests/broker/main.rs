//! Tests of the broker: a secret without a grant is never fetched, and the denial ends the task. A
//! value that cannot be recorded is not released, and an expired or revoked one is wiped.
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
mod in_flight;
mod leases;
mod lifetime;
mod listing;
mod placeholders;
mod race;
mod redaction;
mod refresh;
mod reissue;
mod repeats;
mod rotation;
mod scope;
mod sharing;
mod signing;
mod staleness;
mod uses;
mod versions;
