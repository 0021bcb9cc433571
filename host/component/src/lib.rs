//! Components as bytes: the declaration that a skill's author embedded, and a review of what a component could do.
//!
//! - [`read`] finds the declaration, in the custom section [`SECTION`]. It is the one parser of that section: admission,
//!   inspection and comparison all read through it. A component that could be read in two ways — two sections, trailing
//!   bytes, a key twice — is refused.
//! - [`embed`] writes a declaration into a component that a toolchain made without one.
//! - [`review`] tells people what a component could do.
//!
//! The form of the document itself is [`Declaration`](far_capability::Declaration)'s.
//!
//! # Invariants
//!
//! - Nothing is compiled or run: bytes in, values out.
//! - No other crate of the host parses or writes WebAssembly, but the engine.

#![forbid(unsafe_code)]

mod embed;
mod error;
pub mod review;
mod section;

pub use embed::{EmbedError, Embedded, embed};
pub use error::{ComponentError, MAX_DEPTH};
pub use section::{SECTION, read};
