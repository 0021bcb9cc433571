//! Bytes of an audit file that are not lines of its chain.

use sha2::{Digest, Sha256};

use crate::line::TORN_MARK;
use crate::verdict::TornWrite;

/// Adjacent bytes that are not lines of the chain: a torn write, or corruption.
#[derive(Clone, Debug)]
pub(super) struct Region {
    torn: TornWrite,
    lines: u64,
    sha256: Sha256,
    /// The last bytes of the last line, at most as many as [`TORN_MARK`] has.
    last: Vec<u8>,
    /// True if each line that ends has the mark of a torn write.
    marked: bool,
}

impl Region {
    /// Returns an empty region that begins at this line of the file.
    pub(super) fn new(line: u64) -> Self {
        Self { torn: TornWrite { line, bytes: 0 }, lines: 0, sha256: Sha256::new(), last: Vec::new(), marked: true }
    }

    /// Adds bytes: the beginning of a line if `begins`, else the continuation of the last line.
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

    /// Returns true if the region is a torn write: an incomplete line, or lines marked as torn.
    pub(super) fn is_torn(&self) -> bool {
        self.marked
    }

    /// Returns the bytes that end the last line, and adds them to the region.
    pub(super) fn end(&mut self) -> &'static [u8] {
        if self.last.ends_with(b"\n") {
            return b"";
        }
        self.add(false, TORN_MARK);
        TORN_MARK
    }

    /// Returns the first line and the size of the region.
    pub(super) fn torn(&self) -> TornWrite {
        self.torn
    }

    /// Returns the number of lines, incomplete ones included.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Returns the number of bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.torn.bytes
    }

    /// Returns the hash of the bytes.
    pub(super) fn sha256(&self) -> [u8; 32] {
        self.sha256.clone().finalize().into()
    }
}
