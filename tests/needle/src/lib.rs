//! A secret value in every form that it could be left in, and the search for it.
//!
//! The searched memory may be that of the process that searches. So a [`Needle`] keeps its value under a random mask,
//! computes each encoding a byte at a time, and knows the windows that it looks for by fingerprints under a random key:
//! neither the value nor any window of it is written anywhere by what is here.
//!
//! A find is any [`WINDOW`] bytes in a row of any encoding. It does not find shorter parts, nor a value that was
//! compressed, encrypted or otherwise computed with.

#![forbid(unsafe_code)]

mod encoding;
mod fingerprint;
mod masked;
mod needle;

pub use self::encoding::Encoding;
pub use self::fingerprint::WINDOW;
pub use self::masked::Masked;
pub use self::needle::{Hit, Needle, NeedleError, Search};
