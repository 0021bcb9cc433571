//! The imports of the world: the real host on WebAssembly, the fake host of `testing` elsewhere.
//!
//! Both implement the same functions over the same binding types, so that tests cover all code
//! above this module.

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
