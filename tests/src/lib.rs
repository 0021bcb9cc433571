//! Fixtures of the end-to-end tests: the built components and a host to run them on.

#![expect(
    clippy::disallowed_methods,
    reason = "tests call providers like the broker, and sessions like the interfaces"
)]
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a fixture that fails is a failed test")]

pub mod attacks;
pub mod child;
pub mod conformance;
pub mod egress_fixture;
pub mod github;
pub mod github_app;
pub mod guests;
pub mod host;
pub mod process_memory;
pub mod redaction_table;
pub mod server;
pub mod soak;
pub mod wall_clock;

pub use host::TestHost;
