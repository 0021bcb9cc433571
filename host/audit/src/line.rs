//! The lines of an audit file, chained by hash.

use std::io;

use far_core::clock;
use serde::{Deserialize, Serialize};

use crate::head::{Head, parse_hex};
use crate::key::{AuditKey, PublicKey};

/// The longest line, in bytes with its line feed. A record has a few hundred.
pub(super) const MAX_LINE: usize = 64 * 1024;
/// The most records between two checkpoints.
pub(super) const CHECKPOINT_EVERY: u32 = 1024;
/// The bytes that end a torn write.
pub(super) const TORN_MARK: &[u8] = b" <torn>\n";
/// The beginning of the line of a checkpoint.
pub(super) const CHECKPOINT_START: &[u8] = br#"{"v":1,"event":"audit.checkpoint","#;

/// A range of lines of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRange {
    /// The number of the first line.
    pub from: u64,
    /// The number of the last line.
    pub to: u64,
}

impl LineRange {
    /// Returns the number of lines.
    pub fn count(&self) -> u64 {
        self.to.saturating_sub(self.from).saturating_add(1)
    }
}

/// A parsed line of the chain.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) line: u64,
    pub(super) prev: [u8; 32],
    pub(super) kind: LineKind,
}

/// The kinds of lines.
#[derive(Debug)]
pub(super) enum LineKind {
    /// A record of the PAL.
    Record,
    /// `audit.opened`.
    Opening { key: PublicKey },
    /// `audit.checkpoint`: a signature of the head of the previous line and of the time `ts`.
    Checkpoint { key: PublicKey, head: Head, ts: String, signature: [u8; 64] },
    /// `audit.recovered`: the preceding bytes are a torn write.
    Recovery { bytes: u64, sha256: [u8; 32] },
    /// `audit.inherited`: the lines that an earlier process did not sign.
    Inheritance { from: u64, to: u64 },
}

impl Link {
    /// Parses a line, with or without its line feed. Returns none if the line is not valid.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let base: BaseFields<'_> = serde_json::from_slice(line).ok()?;
        if base.v != 1 {
            return None;
        }
        let kind = match base.event.strip_prefix("audit.") {
            // A record has a number. Under another event name, a checkpoint is thus not a record.
            None => base.seq.map(|_| LineKind::Record)?,
            Some("opened") => {
                LineKind::Opening { key: serde_json::from_slice::<OpeningFields<'_>>(line).ok()?.key.parse().ok()? }
            }
            Some("checkpoint") => {
                let CheckpointFields { ts, key, head, signature } = serde_json::from_slice(line).ok()?;
                let (key, head) = (key.parse().ok()?, head.parse().ok()?);
                LineKind::Checkpoint { key, head, ts: ts.to_owned(), signature: parse_hex(signature)? }
            }
            Some("recovered") => {
                let RecoveryFields { torn: TornFields { bytes, sha256 }, .. } = serde_json::from_slice(line).ok()?;
                LineKind::Recovery { bytes, sha256: parse_hex(sha256)? }
            }
            Some("inherited") => {
                let InheritanceFields { unsigned: UnsignedFields { from, to }, .. } =
                    serde_json::from_slice(line).ok()?;
                LineKind::Inheritance { from, to }
            }
            Some(_) => return None,
        };
        Some(Self { line: base.chain.line, prev: parse_hex(base.chain.prev)?, kind })
    }
}

// Strings are borrowed: parsing rejects an escape, which a sink does not write.
#[derive(Deserialize)]
struct BaseFields<'a> {
    v: u64,
    event: &'a str,
    seq: Option<u64>,
    #[serde(borrow)]
    chain: Chain<'a>,
}

#[derive(Deserialize, Serialize)]
struct Chain<'a> {
    line: u64,
    prev: &'a str,
}

#[derive(Deserialize, Serialize)]
struct OpeningFields<'a> {
    ts: &'a str,
    id: &'a str,
    key: &'a str,
}

#[derive(Deserialize, Serialize)]
struct CheckpointFields<'a> {
    ts: &'a str,
    key: &'a str,
    head: &'a str,
    signature: &'a str,
}

#[derive(Deserialize, Serialize)]
struct RecoveryFields<'a> {
    ts: &'a str,
    #[serde(borrow)]
    torn: TornFields<'a>,
}

#[derive(Deserialize, Serialize)]
struct TornFields<'a> {
    bytes: u64,
    sha256: &'a str,
}

#[derive(Deserialize, Serialize)]
struct InheritanceFields<'a> {
    ts: &'a str,
    unsigned: UnsignedFields,
}

#[derive(Deserialize, Serialize)]
struct UnsignedFields {
    from: u64,
    to: u64,
}

/// A writer of chained lines into a buffer.
#[derive(Debug)]
pub(super) struct ChainWriter<'a> {
    pub(super) buffer: &'a mut Vec<u8>,
    pub(super) head: Head,
    /// The number of records since the last checkpoint.
    pub(super) unsigned: u32,
}

impl ChainWriter<'_> {
    /// Adds a record, or another object with fields.
    pub(super) fn record(&mut self, record: &impl Serialize, key: &AuditKey) -> io::Result<()> {
        self.append(record)?;
        self.count(key)
    }

    /// Adds `audit.opened` and a checkpoint. In between, names the unsigned lines of an earlier
    /// process that the checkpoint signs.
    pub(super) fn opening(&mut self, id: [u8; 16], inherited: Option<LineRange>, key: &AuditKey) -> io::Result<()> {
        let (ts, id, public) = (now(), hex::encode(id), key.public().to_string());
        self.sink_line("audit.opened", &OpeningFields { ts: &ts, id: &id, key: &public })?;
        if let Some(LineRange { from, to }) = inherited {
            self.sink_line(
                "audit.inherited",
                &InheritanceFields { ts: &now(), unsigned: UnsignedFields { from, to } },
            )?;
        }
        self.checkpoint(key)
    }

    /// Adds `audit.recovered` for the preceding torn write.
    pub(super) fn recovery(&mut self, bytes: u64, sha256: [u8; 32]) -> io::Result<()> {
        let torn = TornFields { bytes, sha256: &hex::encode(sha256) };
        // Not counted: a checkpoint here would sign inherited lines ahead of `audit.inherited`.
        self.sink_line("audit.recovered", &RecoveryFields { ts: &now(), torn })
    }

    /// Adds a checkpoint.
    pub(super) fn checkpoint(&mut self, key: &AuditKey) -> io::Result<()> {
        let (ts, public, head) = (now(), key.public().to_string(), self.head.to_string());
        let signature = hex::encode(key.sign(&self.head, &ts));
        self.sink_line(
            "audit.checkpoint",
            &CheckpointFields { ts: &ts, key: &public, head: &head, signature: &signature },
        )?;
        self.unsigned = 0;
        Ok(())
    }

    fn count(&mut self, key: &AuditKey) -> io::Result<()> {
        self.unsigned += 1;
        if self.unsigned >= CHECKPOINT_EVERY { self.checkpoint(key) } else { Ok(()) }
    }

    fn sink_line(&mut self, event: &'static str, fields: &impl Serialize) -> io::Result<()> {
        #[derive(Serialize)]
        struct SinkLine<'a, F> {
            v: u8,
            event: &'static str,
            #[serde(flatten)]
            fields: &'a F,
        }
        self.append(&SinkLine { v: 1, event, fields })
    }

    fn append(&mut self, object: &impl Serialize) -> io::Result<()> {
        let start = self.buffer.len();
        let line = self.head.line.checked_add(1).ok_or(io::ErrorKind::InvalidData)?;
        serde_json::to_writer(&mut *self.buffer, object)?;
        // Reopens the object for its last field.
        if self.buffer.pop() != Some(b'}') {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.buffer.extend_from_slice(b",\"chain\":");
        serde_json::to_writer(&mut *self.buffer, &Chain { line, prev: &hex::encode(self.head.hash) })?;
        self.buffer.extend_from_slice(b"}\n");
        let written = self.buffer.get(start..).unwrap_or_default();
        if written.len() > MAX_LINE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.head = Head::of(line, written);
        Ok(())
    }
}

fn now() -> String {
    format!("{:.6}", clock::wall_time())
}

#[cfg(test)]
mod tests;
