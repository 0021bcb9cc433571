//! The SDK for skills: WebAssembly components that use secrets which they cannot steal.
//!
//! A skill is one function from an input to an output, both ordinary serde types, and a declaration file that says
//! which secrets it uses and for what. This is a whole one:
//!
//! ```
//! #![forbid(unsafe_code)]
//!
//! use far_skill::{secrets, signing};
//! use serde::{Deserialize, Serialize};
//!
//! far_skill::skill!(run = stamp, declaration = "skill.json");
//!
//! #[derive(Deserialize)]
//! struct Input {
//!     message: String,
//! }
//!
//! #[derive(Serialize)]
//! struct Output {
//!     key_version: String,
//!     signature: Vec<u8>,
//! }
//!
//! /// Signs a message with a key that only the host sees.
//! fn stamp(input: Input) -> Result<Output, far_skill::Error> {
//!     let key = secrets::get("stamp-key")?;
//!     let signature = signing::hmac_sha256(&key, input.message.as_bytes())?;
//!     Ok(Output { key_version: key.version(), signature: signature.to_vec() })
//! }
//! # fn main() {}
//! ```
//!
//! and this is its `skill.json`:
//!
//! ```json
//! {
//!   "name": "stamp",
//!   "version": "0.1.0",
//!   "description": "Signs a message.",
//!   "input-schema": { "type": "object", "required": ["message"] },
//!   "secrets": [
//!     { "name": "stamp-key", "operations": ["sign"], "reason": "Receivers check who a message came from." }
//!   ]
//! }
//! ```
//!
//! Build it as a `cdylib` with `cargo build --target wasm32-wasip2`. There is no environment, file or socket to fall
//! back on, and no error for what the task was not granted: asking for it ends the task.
//!
//! Off WebAssembly there is no host: the crate compiles, so that a skill's own logic can be tested with `cargo test`,
//! and a call into [`secrets`], [`signing`], [`reveal`] or [`task`] panics.
//!
//! Which secrets a component can see is read from its imports. [`reveal`] is imported only by skills that call it.

#[doc(hidden)]
pub mod bindings;
mod error;
mod field;
pub mod reveal;
pub mod schema;
pub mod secrets;
pub mod signing;
mod skill;
pub mod task;

pub use error::Error;
pub use schema::Schema;

/// Derives [`trait@Schema`].
pub use far_skill_macros::Schema;

#[doc(hidden)]
pub use skill::call;
