//! What the end-to-end tests share: the built components, and a host to run them on.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

pub mod guests;
pub mod host;

pub use host::TestHost;
