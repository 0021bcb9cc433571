//! Bytes in an audit file that are none of its lines.

use sha2::{Digest, Sha256};

use crate::line::TORN_MARK;
use crate::verdict::Torn;

/// Bytes that are no whole line of an audit file.
#[derive(Clone, Debug)]
pub(super) struct Region {
    torn: Torn,
    lines: u64,
    sha256: Sha256,
    /// The last bytes of the last line.
    last: Vec<u8>,
    /// Whether every line that has an end has the mark of a torn one.
    marked: bool,
}

impl Region {
    /// Nothing yet, from this line of the file on.
    pub(super) fn new(at: u64) -> Self {
        Self { torn: Torn { at, bytes: 0 }, lines: 0, sha256: Sha256::new(), last: Vec::new(), marked: true }
    }

    /// Adds bytes, of a line that begins with them or began before.
    pub(super) fn add(&mut self, begins: bool, piece: &[u8]) {
        self.lines += u64::from(begins);
        self.torn.bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.sha256.update(piece);
        if begins {
            self.last.clear();
        }
        self.last.extend_from_slice(piece.get(piece.len().saturating_sub(TORN_MARK.len())..).unwrap_or_default());
        self.last.drain(..self.last.len().saturating_sub(TORN_MARK.len()));
        self.marked &= !self.last.ends_with(b"\n") || self.last == TORN_MARK;
    }

    /// Whether this is what a write leaves that ended early: a line without its end, or one that was marked as such.
    pub(super) fn is_torn(&self) -> bool {
        self.marked
    }

    /// What is to be written so that the last line ends, and the region with it.
    pub(super) fn end(&mut self) -> &'static [u8] {
        if self.last.ends_with(b"\n") {
            return b"";
        }
        self.add(false, TORN_MARK);
        TORN_MARK
    }

    /// Where it begins, and how many bytes it has.
    pub(super) fn torn(&self) -> Torn {
        self.torn
    }

    /// How many lines it has, whole or not.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// How many bytes there are.
    pub(super) fn bytes(&self) -> u64 {
        self.torn.bytes
    }

    /// Their hash.
    pub(super) fn sha256(&self) -> [u8; 32] {
        self.sha256.clone().finalize().into()
    }
}
