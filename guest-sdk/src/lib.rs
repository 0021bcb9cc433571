//! The SDK for skills: WebAssembly components that use secrets which they cannot steal.
//!
//! A skill is one function from an input to an output, both ordinary serde types, and a declaration file that says
//! which secrets it uses and for what. This is a whole one:
//!
//! ```
//! #![forbid(unsafe_code)]
//!
//! use far_skill::{Schema, secrets, signing};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, Schema)]
//! struct Input {
//!     /// What to sign.
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
//! #[far_skill::skill]
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
#![doc = include_str!("../skill.json")]
//! ```
//!
//! The component carries the declaration with the JSON Schema of `Input`, which is made from the type.
//!
//! Build it as a `cdylib` with `cargo build --target wasm32-wasip2`. There is no environment, file or socket to fall
//! back on, and no error for what the task was not granted: asking for it ends the task.
//!
//! Off WebAssembly there is no host but the fake one of [`testing`], so that a skill is tested with `cargo test`. Outside
//! of its `run`, a call into [`secrets`], [`sealed`], [`http`], [`signing`], [`reveal`] or [`task`] panics.
//!
//! Which secrets a component can see is read from its imports. [`reveal`] is imported only by skills that call it.

#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod bindings;
mod error;
mod field;
mod host;
pub mod http;
pub mod reveal;
pub mod schema;
pub mod sealed;
pub mod secrets;
pub mod signing;
mod skill;
pub mod task;
pub mod testing;

pub use error::Error;
pub use schema::Schema;

/// Makes a function the skill, and its declaration a part of the component.
///
/// The function takes an input that implements [`Deserialize`](serde::Deserialize), and answers with a [`Result`] of an
/// output that implements [`Serialize`](serde::Serialize) and an [`Error`]. The declaration is read from `skill.json`
/// beside the skill's `Cargo.toml`, or from another file there; every build for WebAssembly embeds it, and a component
/// without one gets no secrets. Where it has no `input-schema`, the input's is added, by its [`Schema`]. Once in a crate.
///
/// ```
/// #[far_skill::skill(declaration = "skill.json")]
/// fn echo(input: String) -> Result<String, far_skill::Error> {
///     Ok(input)
/// }
/// # fn main() {}
/// ```
pub use far_skill_macros::skill;

/// Reads the skill's declaration for its tests, from `skill.json` or another file: a constant
/// [`Declaration`](testing::Declaration).
///
/// ```
/// use far_skill::testing::Declaration;
///
/// const DECLARATION: Declaration = far_skill::declaration!();
/// ```
pub use far_skill_macros::declaration;

/// Derives [`trait@Schema`].
pub use far_skill_macros::Schema;

#[doc(hidden)]
pub use skill::call;
