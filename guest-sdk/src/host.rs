//! Whom the SDK calls: the host that runs the component, or off WebAssembly the fake one that a test runs the skill with.
//!
//! The two have the same functions over the same plain types of the bindings, so that all that is above them is tested.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod wasi;

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::tinkerbell::skill::{reveal, sealed, secrets, signing, task};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{http, reveal, sealed, secrets, signing, task};
#[cfg(target_arch = "wasm32")]
pub(crate) use wasi::http;
