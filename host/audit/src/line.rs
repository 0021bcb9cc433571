//! The lines of an audit file, and how each hangs on the one before.

use std::io;

use far_core::clock;
use serde::{Deserialize, Serialize};

use crate::head::{Head, digits};
use crate::key::{AuditKey, PublicKey};

/// The longest line that is written and read, in bytes with its end. A record has a few hundred; what is longer than
/// this is none.
pub(super) const MAX_LINE: usize = 64 * 1024;
/// How many lines may follow a checkpoint without another.
pub(super) const CHECKPOINT_EVERY: u32 = 1024;
/// What ends a line that was written in part, before the line that says so.
pub(super) const TORN_MARK: &[u8] = b" <torn>\n";
/// How the line of a checkpoint begins.
pub(super) const CHECKPOINT_START: &[u8] = br#"{"v":1,"event":"audit.checkpoint","#;

/// Lines of the chain, by their first and last number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRange {
    /// The number of the first line.
    pub from: u64,
    /// The number of the last line.
    pub to: u64,
}

impl LineRange {
    /// Returns how many lines there are.
    pub fn count(&self) -> u64 {
        self.to.saturating_sub(self.from).saturating_add(1)
    }
}

/// A line that was read: its place in the chain, and what it says of the file itself.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) line: u64,
    pub(super) prev: [u8; 32],
    pub(super) kind: Kind,
}

/// What a line is.
#[derive(Debug)]
pub(super) enum Kind {
    /// A record of the PAL.
    Record,
    /// The sink opened the file.
    Opened { key: PublicKey },
    /// The sink signed the head before this line, and the time that the line says.
    Checkpoint { key: PublicKey, head: Head, ts: String, signature: [u8; 64] },
    /// The sink found that these bytes, just before this line, had been written in part.
    Recovered { bytes: u64, sha256: [u8; 32] },
    /// The sink found these lines, by their first and last number, written by an earlier process
    /// and not signed.
    Inherited { from: u64, to: u64 },
}

impl Link {
    /// Reads a line, with or without its end; none if it is not one JSON object of this form.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let plain: Plain<'_> = serde_json::from_slice(line).ok()?;
        if plain.v != 1 {
            return None;
        }
        let kind = match plain.event.strip_prefix("audit.") {
            // What has no number is no record: a checkpoint does not become one by another name.
            None => plain.seq.map(|_| Kind::Record)?,
            Some("opened") => Kind::Opened { key: serde_json::from_slice::<Opened<'_>>(line).ok()?.key.parse().ok()? },
            Some("checkpoint") => {
                let Checkpoint { ts, key, head, signature } = serde_json::from_slice(line).ok()?;
                let (key, head) = (key.parse().ok()?, head.parse().ok()?);
                Kind::Checkpoint { key, head, ts: ts.to_owned(), signature: digits(signature)? }
            }
            Some("recovered") => {
                let Recovered { torn: Torn { bytes, sha256 }, .. } = serde_json::from_slice(line).ok()?;
                Kind::Recovered { bytes, sha256: digits(sha256)? }
            }
            Some("inherited") => {
                let Inherited { unsigned: Unsigned { from, to }, .. } = serde_json::from_slice(line).ok()?;
                Kind::Inherited { from, to }
            }
            Some(_) => return None,
        };
        Some(Self { line: plain.chain.line, prev: digits(plain.chain.prev)?, kind })
    }
}

// Texts are borrowed: one with an escape in it was not written by a sink.
#[derive(Deserialize)]
struct Plain<'a> {
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
struct Opened<'a> {
    ts: &'a str,
    id: &'a str,
    key: &'a str,
}

#[derive(Deserialize, Serialize)]
struct Checkpoint<'a> {
    ts: &'a str,
    key: &'a str,
    head: &'a str,
    signature: &'a str,
}

#[derive(Deserialize, Serialize)]
struct Recovered<'a> {
    ts: &'a str,
    #[serde(borrow)]
    torn: Torn<'a>,
}

#[derive(Deserialize, Serialize)]
struct Torn<'a> {
    bytes: u64,
    sha256: &'a str,
}

#[derive(Deserialize, Serialize)]
struct Inherited<'a> {
    ts: &'a str,
    unsigned: Unsigned,
}

#[derive(Deserialize, Serialize)]
struct Unsigned {
    from: u64,
    to: u64,
}

/// Adds lines to a buffer, each hung on the one before.
#[derive(Debug)]
pub(super) struct Chained<'a> {
    pub(super) buffer: &'a mut Vec<u8>,
    pub(super) head: Head,
    /// How many lines there are since the last checkpoint.
    pub(super) unsigned: u32,
}

impl Chained<'_> {
    /// Adds a record, or another object that has fields.
    pub(super) fn record(&mut self, record: &impl Serialize, key: &AuditKey) -> io::Result<()> {
        self.object(record)?;
        self.count(key)
    }

    /// Adds the line that says that the file was opened, and signs. The lines of an earlier process
    /// that the signature covers, although that process did not sign them, are named first.
    pub(super) fn opened(&mut self, id: [u8; 16], inherited: Option<LineRange>, key: &AuditKey) -> io::Result<()> {
        let (ts, id, public) = (now(), hex::encode(id), key.public().to_string());
        self.own("audit.opened", &Opened { ts: &ts, id: &id, key: &public })?;
        if let Some(LineRange { from, to }) = inherited {
            self.own("audit.inherited", &Inherited { ts: &now(), unsigned: Unsigned { from, to } })?;
        }
        self.checkpoint(key)
    }

    /// Adds the line that says how many bytes before it were written in part.
    pub(super) fn recovered(&mut self, bytes: u64, sha256: [u8; 32]) -> io::Result<()> {
        let torn = Torn { bytes, sha256: &hex::encode(sha256) };
        // Not counted: what opens the file signs right after it, as a checkpoint of its own might not.
        self.own("audit.recovered", &Recovered { ts: &now(), torn })
    }

    /// Signs the head.
    pub(super) fn checkpoint(&mut self, key: &AuditKey) -> io::Result<()> {
        let (ts, public, head) = (now(), key.public().to_string(), self.head.to_string());
        let signature = hex::encode(key.sign(&self.head, &ts));
        self.own("audit.checkpoint", &Checkpoint { ts: &ts, key: &public, head: &head, signature: &signature })?;
        self.unsigned = 0;
        Ok(())
    }

    fn count(&mut self, key: &AuditKey) -> io::Result<()> {
        self.unsigned += 1;
        if self.unsigned >= CHECKPOINT_EVERY { self.checkpoint(key) } else { Ok(()) }
    }

    fn own(&mut self, event: &'static str, fields: &impl Serialize) -> io::Result<()> {
        #[derive(Serialize)]
        struct Own<'a, F> {
            v: u8,
            event: &'static str,
            #[serde(flatten)]
            fields: &'a F,
        }
        self.object(&Own { v: 1, event, fields })
    }

    fn object(&mut self, object: &impl Serialize) -> io::Result<()> {
        let start = self.buffer.len();
        let line = self.head.line.checked_add(1).ok_or(io::ErrorKind::InvalidData)?;
        serde_json::to_writer(&mut *self.buffer, object)?;
        // The object stays open for its last field.
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
