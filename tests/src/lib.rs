//! What the end-to-end tests share: the built components, and a host to run them on.

#![expect(
    clippy::disallowed_methods,
    reason = "tests call providers as the broker does, and use sessions as the interfaces do"
)]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a fixture that cannot be made, or an answer that is not there, is a failed test"
)]

pub mod attacks;
pub mod child;
pub mod conformance;
pub mod github;
pub mod github_app;
pub mod guests;
pub mod host;
pub mod listed;
pub mod place;
pub mod process_memory;
pub mod server;
pub mod soak;
pub mod wall_clock;

pub use host::TestHost;
