//! Directories and files that only their owner may use, or only their owner may write.
//!
//! - [`PrivateDir`]: a directory that is held open; its files are opened by name in it.
//! - [`TrustedFile`]: a regular file that a policy allows: [`Trust`]. [`open_regular`] opens one that anybody may have
//!   written.
//! - [`TrustError`]: the reason why one is refused, and the next step.
//!
//! # Security
//!
//! Each is opened first and checked then, through the descriptor: what was checked is what is used. A private one's
//! owner must be the effective user, and neither the group nor others may have any permission.
//!
//! The last part of a private path is never followed if it is a symbolic link, whatever stands behind it: `link`, `link/` and
//! `link/.` are refused alike. Links above it are followed: where a directory is, is the operator's choice, and whoever may
//! change a directory above can put another one there in any case.
//!
//! # What it does not do
//!
//! It does not look at the directories above, and it does not defend against the owner, or root.

#![forbid(unsafe_code)]

mod dir;
mod error;
mod file;
mod key;
mod trust;

pub use dir::PrivateDir;
pub use error::TrustError;
pub use file::{TrustedFile, open_regular};
pub use key::KeyForm;
pub use trust::Trust;
