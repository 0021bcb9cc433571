//! Static analysis of components: the embedded declaration, and a review of the capabilities.
//!
//! - [`read`] finds the declaration in the custom section [`SECTION`]. Admission, inspection and
//!   comparison share this one parser. It refuses every ambiguous component: two sections, trailing
//!   bytes or a duplicate key.
//! - [`embed`] writes a declaration into a component from a toolchain that writes none.
//! - [`review`] reports the capabilities of a component to reviewers.
//!
//! [`Declaration`](far_capability::Declaration) defines the format of the document.
//!
//! # Invariants
//!
//! - Nothing is compiled or run: bytes in, values out.
//! - Apart from the engine, no other crate of the host parses or writes WebAssembly.

#![forbid(unsafe_code)]

mod embed;
mod error;
pub mod review;
mod section;

pub use embed::{EmbedError, EmbeddedDeclaration, embed};
pub use error::{ComponentError, MAX_DEPTH};
pub use section::{SECTION, read};
