//! Audit files: records that are kept, in a form that shows what was done to them.
//!
//! # The form
//!
//! Each line is one JSON object and ends with a line feed. A record's line has the record's fields and, as its last,
//! `"chain":{"line":N,"prev":HASH}`: the line's number, from 1, and the SHA-256 of the line before it, line feed included
//! (of none: zeros). `sed -n Np FILE | sha256sum` is what the next line must name. The sink's own lines are chained alike:
//!
//! - `audit.opened`: `id`, which no other opening has, and `key`, the public half of the folder's key;
//! - `audit.checkpoint`: `head`, the number and hash of the line before, as `N:HASH`, and `signature`, the key's Ed25519
//!   signature of `far audit head N:HASH at TS`, where `TS` is the line's `ts`. One follows each opening, at most 1024
//!   lines without one, and the last line before the file is closed;
//! - `audit.recovered`: what stands before it was written in part, by a crash or on a full disk: `torn`, with how many
//!   bytes, and their SHA-256. Such bytes are ended by ` <torn>` and a line feed, are no link of the chain, have no number
//!   in it, and stay;
//! - `audit.inherited`: `unsigned`, the numbers of the first and last line after the checkpoint
//!   before. A sink that finds such lines as it opens the file names them, after `audit.opened` and
//!   before it signs: an earlier process was killed, or somebody without the key wrote them.
//!
//! # Invariants
//!
//! - The file is only added to. Bytes that were written once are never taken away or overwritten.
//! - A record is accepted when the operating system has taken its whole line, or has it on the disk if asked to. Records
//!   that were not accepted may be there all the same, whole or in part.
//! - Only their owner may use folder, file and key ([`far_files`]), and the file has one sink at a time.
//! - What the sink finds is checked from the last checkpoint on before it adds to it.
//!
//! # What it does not do
//!
//! It does not keep the owner of the folder from writing the file anew: they have the key. That, and the end of the file
//! cut off, shows only against a [`Head`] that was kept elsewhere.

#![forbid(unsafe_code)]

mod appender;
mod end;
mod error;
mod folder;
mod head;
mod key;
mod line;
mod region;
#[cfg(test)]
mod samples;
mod sink;
mod store;
mod verdict;
mod verify;

pub use error::FileError;
pub use head::{Head, HeadError};
pub use key::{PublicKey, PublicKeyError};
pub use line::LineRange;
pub use sink::{FileOptions, FileSink};
pub use verdict::{Damage, Finding, Soundness, Tail, Torn, Verdict};
pub use verify::{Trust, verify};
