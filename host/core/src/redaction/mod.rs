//! Known-value redaction (ADR-0023 R14): what leaves a task, without the values that the task was given.
//!
//! - [`Redaction`]: what one task was given, and how often it was found. Ends with the task.
//! - [`Redactor`]: one stream of bytes, fed in pieces of any size; each find becomes `[redacted:NAME]`.
//!
//! ```
//! use far_core::redaction::Redaction;
//!
//! let redaction = Redaction::new();
//! redaction.learn(&"api-key".parse()?, b"k3y-of-the-api")?;
//! let text = redaction.text("key=k3y-of-the-api, in hex 6b33792d6f662d7468652d617069".to_owned(), 1024);
//! assert_eq!(text, "key=[redacted:api-key], in hex [redacted:api-key]");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is found
//!
//! A value of at least [`SHORTEST`] bytes that are not all alike, whole, in each of these forms, however the stream is
//! cut into writes:
//!
//! - as it is;
//! - in hexadecimal, in either case or both;
//! - in base64 and base64url, wherever in the encoded bytes it begins, but for the characters at its edges that it shares
//!   with its neighbours: of such a character, at most four bits are the value's;
//! - percent-encoded, whichever bytes the encoder left as they are, a space as `+` too;
//! - in a JSON string, with any of JSON's escapes for any of its characters.
//!
//! Of a value longer than [`PIECE`] bytes, its beginning counts as the value: it is found by its first 64 bytes, and what
//! follows goes with it for as long as it is the value's, 64 bytes at a time.
//!
//! # What is not found
//!
//! Everything else that a skill can do to bytes: reversing, encrypting, compressing, other encodings, two of these on top
//! of each other, base64 broken into lines, anything put between the parts, a part of a value, a value spread over
//! streams. Redaction is for skills that are careless; what a hostile one may do with bytes is decided by who grants
//! `reveal`.
//!
//! # Invariants
//!
//! - No value is kept: only fingerprints, SipHash-2-4 under a key of the task's own in locked memory. So a value that was
//!   wiped in mid-task is still found.
//! - A redactor holds back a constant number of bytes, whatever it was taught and whatever it is fed, and none before the
//!   task was given a value.
//! - The work for each byte is bounded, whatever the text. A value of one repeated character is refused,
//!   since a text may begin it at every byte.

mod error;
mod filter;
mod form;
mod known;
mod print;
mod reading;
mod redactor;
mod task;
#[cfg(test)]
mod tests;

pub use self::error::{LearnError, SHORTEST};
pub use self::reading::PIECE;
pub use self::redactor::{Piece, Redactor};
pub use self::task::Redaction;
