//! What skills that speak git share: its protocol over HTTPS, its packs and the objects in them.
//!
//! A server is not believed. What a pack says of itself is compared with what it has, each object's id is computed from the object,
//! and nothing that is read costs more memory than [`Limits`](pack::Limits) and [`Bounds`](tree::Bounds) say, however it was made.
//! Nothing is written anywhere: names are data.
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
