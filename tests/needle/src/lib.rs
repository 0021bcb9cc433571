//! A search for a secret value in memory, in all of its encodings.
//!
//! The search may run in the process whose memory it searches. So a [`Needle`] keeps its value
//! under a random mask and computes each encoding one byte at a time. It knows its windows only by
//! fingerprints under a random key. The search writes neither the value nor any window of it to
//! memory.
//!
//! A match is any [`WINDOW`] consecutive bytes of any encoding. The search does not find shorter
//! parts, or a value that was compressed, encrypted or otherwise transformed.

#![forbid(unsafe_code)]

mod encoding;
mod fingerprint;
mod masked;
mod needle;

pub use self::encoding::Encoding;
pub use self::fingerprint::WINDOW;
pub use self::masked::MaskedValue;
pub use self::needle::{Hit, Needle, NeedleError, Search};
