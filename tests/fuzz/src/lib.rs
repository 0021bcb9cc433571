//! Fuzz targets: functions that panic if a property is violated.
//!
//! One list, [`TARGETS`], has three users: `cargo xtask fuzz`, which runs on stable Rust; the
//! libFuzzer binaries in `fuzz/`, which `cargo fuzz` builds; and a test that runs the committed
//! corpus. [`shapes`] generates components for the target `component_shapes`.

#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a violated property is a panic, as in a test"
)]

mod canary;
pub mod driver;
#[cfg(feature = "host")]
pub mod loading;
pub mod mutate;
pub mod shapes;
pub mod targets;

pub use self::targets::{TARGETS, Target};
