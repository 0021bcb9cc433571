//! The SDK for skills: WebAssembly components that use secrets without seeing them.
//!
//! A skill is one function from an input to an output, both ordinary serde types. A declaration
//! file lists the secrets that the skill uses, and for what. This is a complete skill:
//!
//! ```
//! #![forbid(unsafe_code)]
//!
//! use far_skill::{Schema, secrets, signing};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, Schema)]
//! struct Input {
//!     /// The message to sign.
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
//! The component embeds the declaration, together with the JSON Schema that [`trait@Schema`]
//! derives from `Input`.
//!
//! Build the crate as a `cdylib` with `cargo build --target wasm32-wasip2`. A skill has no
//! environment variables, files or sockets. There is no error for a missing permission: a call that
//! the task was not granted ends the task.
//!
//! # Testing
//!
//! On targets other than WebAssembly, the crate calls the fake host of [`testing`], so that `cargo
//! test` runs a skill natively. Without a run of that host, a call into [`secrets`], [`sealed`],
//! [`http`], [`signing`], [`reveal`] or [`task`] panics.
//!
//! # Imports
//!
//! A component's imports show whether it can see secrets. Only a skill that calls
//! [`reveal::reveal`] imports the interface `reveal`.

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

/// Exports a function as the skill and embeds the declaration in the component. Use it once in a
/// crate.
///
/// The function takes an input that implements [`Deserialize`](serde::Deserialize). It returns a
/// [`Result`] of an output that implements [`Serialize`](serde::Serialize) and an [`Error`].
///
/// The declaration is `skill.json` beside the skill's `Cargo.toml`, or another file in that
/// directory. Each build for WebAssembly embeds it; a component without a declaration gets no
/// secrets. If the declaration has no `input-schema`, the macro adds the [`trait@Schema`] of the
/// input.
///
/// ```
/// #[far_skill::skill(declaration = "skill.json")]
/// fn echo(input: String) -> Result<String, far_skill::Error> {
///     Ok(input)
/// }
/// # fn main() {}
/// ```
pub use far_skill_macros::skill;

/// Reads the skill's declaration for its tests, from `skill.json` or another file. Expands to a
/// constant [`Declaration`](testing::Declaration).
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
