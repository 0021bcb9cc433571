//! The only type that holds a secret's bytes, and what keeps them out of everything but this process's memory.
//!
//! - [`SecretBytes`]: a value, in pages that are locked, left out of core dumps and not inherited by children; wiped when
//!   dropped. There is a budget of such pages, and no other memory when it is used up.
//! - [`Quota`]: how much of that memory one holder may have.
//! - [`WipingAllocator`]: for a binary's other memory, which values pass through in libraries' buffers.
//! - [`harden_process`] and [`self_test`]: for the start of a binary.
//!
//! # Invariants
//!
//! - Locked memory that is not in use has zeroes only.
//! - A page that could not be locked, or left out of dumps, holds no value.
//!
//! # What it does not do
//!
//! It does not defend against the kernel, nor against root where pages are not `memfd_secret`'s; registers, and stacks of
//! functions that compute with a value, are not wiped. It needs Linux.

mod allocator;
mod bytes;
mod hardening;
mod pages;
mod quota;
mod runs;
mod slab;

pub use self::allocator::{NotWiping, WipingAllocator};
pub use self::bytes::{MemoryError, SecretBytes};
pub use self::hardening::{SelfTestError, Unhardened, harden_process, self_test};
pub use self::pages::Backing;
pub use self::quota::{OverQuota, Quota};
pub use self::slab::{Usage, backing, usage};
