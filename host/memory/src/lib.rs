//! Memory for secrets, which never leaves this process.
//!
//! - [`SecretBytes`]: a value in locked pages. They are excluded from core dumps, not inherited by
//!   child processes, and wiped on drop. A process has a fixed budget of them, and no fallback.
//! - [`Quota`]: a limit on the locked memory of one owner.
//! - [`WipingAllocator`]: a global allocator that wipes freed memory, such as the buffers of
//!   libraries that values pass through.
//! - [`harden_process`] and [`self_test`]: the first calls of a binary.
//!
//! # Invariants
//!
//! - Unused locked memory contains only zeros.
//! - A page that cannot be locked, or cannot be excluded from core dumps, holds no value.
//!
//! # Limitations
//!
//! The crate does not protect against the kernel. It protects against root only with
//! [`Backing::MemfdSecret`]. Registers and the stacks of functions that compute with a value are
//! not wiped. Linux only.

mod allocator;
mod bitmap;
mod bytes;
mod hardening;
mod pages;
mod quota;
mod slab;

pub use self::allocator::{WipeCheckError, WipingAllocator};
pub use self::bytes::{MemoryError, SecretBytes};
pub use self::hardening::{HardeningError, SelfTestError, harden_process, self_test};
pub use self::pages::Backing;
pub use self::quota::{Quota, QuotaExceeded};
pub use self::slab::{Usage, backing, usage};
