//! Tamper-evident audit files: hash chains of records with signed checkpoints.
//!
//! # Format
//!
//! Each line is one JSON object and ends with a line feed. The line of a record has the fields of
//! the record, and `"chain":{"line":N,"prev":HASH}` as its last field. `N` is the number of the
//! line, from 1. `HASH` is the SHA-256 of the previous line with its line feed; zeros on line 1.
//! `sed -n Np FILE | sha256sum` prints the hash that line N + 1 must have. The sink chains its own
//! lines in the same way:
//!
//! - `audit.opened`: `id`, unique to this opening, and `key`, the public key of the folder.
//! - `audit.checkpoint`: `head`, the number and hash of the previous line as `N:HASH`, and
//!   `signature`. The signature is the key's Ed25519 signature of `far audit head N:HASH at TS`,
//!   where `TS` is the line's `ts`. A checkpoint follows each opening, at most 1024 lines without
//!   one, and the last record before the file is closed.
//! - `audit.recovered`: the preceding bytes are a torn write, left by a crash or a full disk.
//!   `torn` has their number and their SHA-256. The sink ends them with ` <torn>` and a line feed.
//!   Torn bytes stay in the file, but are not part of the chain and have no number.
//! - `audit.inherited`: `unsigned`, the numbers of the first and last line after the previous
//!   checkpoint. A sink that finds such lines on opening names them after `audit.opened`, before
//!   it signs. Either an earlier process was killed, or a writer without the key appended them.
//!
//! # Invariants
//!
//! - The file is append-only. No written byte is removed or overwritten.
//! - A record is accepted once the operating system has its whole line, or, with
//!   [`FileOptions::synced`], once the line is on the disk. A rejected record may still be in the
//!   file, whole or in part.
//! - Folder, file and key are owner-only ([`far_files`]), and a file has one sink at a time.
//! - Before it appends, the sink verifies the existing lines from the last checkpoint on.
//!
//! # Limitations
//!
//! The owner of the folder has the key, and can rewrite the file. Only a [`Head`] that was saved
//! elsewhere reveals a rewritten or truncated file.

#![forbid(unsafe_code)]

mod appender;
mod error;
mod folder;
mod head;
mod key;
mod line;
mod region;
mod resume;
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
pub use verdict::{Defect, Finding, Integrity, TailStatus, TornWrite, Verdict};
pub use verify::{TrustAnchors, verify};
