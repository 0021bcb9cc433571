//! A git client for skills: the protocol over HTTPS, packs and objects.
//!
//! The client does not trust the server. It verifies a pack's digest and counts, and computes the
//! id of each object. [`Limits`](pack::Limits) and [`Bounds`](tree::Bounds) limit the memory,
//! whatever the server sends. Nothing is written to disk, so names are only data.
//!
//! See <https://git-scm.com/docs/protocol-v2>, <https://git-scm.com/docs/gitprotocol-pack> and
//! <https://git-scm.com/docs/gitformat-pack>.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![deny(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub mod edit;
pub mod id;
pub mod kind;
pub mod object;
pub mod pack;
pub mod packet;
pub mod reference;
pub mod remote;
pub mod tree;

pub use id::ObjectId;
pub use kind::{Kind, Object};
pub use pack::Pack;
pub use reference::{Name, Reference};
pub use remote::{Remote, Repository};

#[cfg(test)]
mod testing;
