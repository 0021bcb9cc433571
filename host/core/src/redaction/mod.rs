//! Known-value redaction (ADR-0023 R14) of a task's output.
//!
//! - [`Redaction`]: the known values of one task, with match counts. Ends with the task.
//! - [`Redactor`]: one stream of bytes, in writes of any size. Each match becomes
//!   `[redacted:NAME]`.
//!
//! ```
//! use far_core::redaction::Redaction;
//!
//! let redaction = Redaction::new();
//! redaction.learn(&"api-key".parse()?, b"k3y-of-the-api")?;
//! let output = "key=k3y-of-the-api, in hex 6b33792d6f662d7468652d617069";
//! let text = redaction.redact(output.to_owned(), 1024);
//! assert_eq!(text, "key=[redacted:api-key], in hex [redacted:api-key]");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Detected forms
//!
//! A complete value of at least [`MIN_LEN`] bytes that are not all equal, split into writes in any
//! way, in one of these forms:
//!
//! - unencoded;
//! - hexadecimal, in upper, lower or mixed case;
//! - base64 and base64url, at any offset in the encoded bytes. Characters at the edges that encode
//!   neighboring bytes too stay; each of them holds at most four bits of the value;
//! - percent-encoded, for any subset of its bytes, with a space as `%20` or `+`;
//! - a JSON string, with any escapes for any characters.
//!
//! The first [`CHUNK_LEN`] bytes of a longer value are a match. The match extends over the
//! following chunks of 64 bytes as long as they are equal to the value's.
//!
//! # Limits
//!
//! Redaction does not detect values that are reversed, encrypted, compressed, encoded twice or in
//! another encoding. It does not detect base64 with line breaks, separators within a value, parts
//! of a value, or a value spread over streams. It protects against careless skills. The operator
//! who grants `reveal` decides which skills to trust with bytes.
//!
//! # Invariants
//!
//! - Only fingerprints stay in memory: SipHash-2-4 under the task's key, which is in locked memory.
//!   Redaction therefore still detects a value that was wiped during the task.
//! - A redactor delays a constant number of bytes, whatever the values and the output, and none
//!   before the task has a value.
//! - The work per byte is bounded for any output. A value of one repeated character is rejected,
//!   because output may begin it at every byte.

mod error;
mod filter;
mod fingerprint;
mod form;
mod patterns;
mod reader;
mod redactor;
mod task;
#[cfg(test)]
mod tests;

pub use self::error::{LearnError, MIN_LEN};
pub use self::reader::CHUNK_LEN;
pub use self::redactor::{Redactor, Segment};
pub use self::task::Redaction;
