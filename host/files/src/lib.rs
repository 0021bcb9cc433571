//! Owner-only directories and files, and files that only their owner may write.
//!
//! - [`PrivateDir`]: an owner-only directory, held open. Its files are opened by name, relative to
//!   it.
//! - [`TrustedFile`]: a regular file that passes a [`Trust`] policy. [`open_regular`] opens a file
//!   that any user may have written.
//! - [`TrustError`]: the reason to refuse a path, and the next step.
//!
//! # Security
//!
//! A path is opened first. The checks then use the descriptor, so that the checked file is the file
//! in use. The owner of a private file must be the effective user, and its mode must give no
//! permission to the group or to others.
//!
//! The last component of a private path must not be a symbolic link: `link`, `link/` and `link/.`
//! are all refused. Links in parent directories are followed. The operator chooses the parents, and
//! a user who may write a parent can replace the directory in any case.
//!
//! # Limitations
//!
//! The crate does not check parent directories, and does not protect against the owner or root.

#![forbid(unsafe_code)]

mod dir;
mod error;
mod file;
mod key;
mod trust;

pub use dir::PrivateDir;
pub use error::TrustError;
pub use file::{TrustedFile, open_regular};
pub use key::KeyEncoding;
pub use trust::Trust;
