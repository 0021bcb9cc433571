//! Adds to the chain, and finds back to it after a write that failed.

use std::io;

use far_core::pal::{Record, SinkError};

use crate::end::{End, Unusable};
use crate::head::Head;
use crate::key::AuditKey;
use crate::line::{Chained, LineRange};
use crate::store::Store;

/// Writes records to the end of an audit file.
pub(super) struct Appender<S> {
    store: S,
    key: AuditKey,
    synced: bool,
    /// Where everything that was accepted ends.
    head: Head,
    unsigned: u32,
    length: u64,
    state: State,
    buffer: Vec<u8>,
    /// The lines that were there and not signed when the file was opened.
    inherited: Option<LineRange>,
}

/// Whether the file is as it was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// A write failed: the last line may be torn.
    Unsure,
    /// What was accepted may not be on the disk, and the kernel does not say it twice.
    Lost(io::ErrorKind),
}

impl<S: Store> Appender<S> {
    /// Goes on with what is there, and signs it.
    pub(super) fn open(mut store: S, key: AuditKey, synced: bool, id: [u8; 16]) -> Result<Self, Unusable> {
        let end = End::find(&mut store, key.public())?;
        let (head, unsigned, length, inherited) = (end.head, end.unsigned, end.length, end.unsigned_lines);
        let buffer = Vec::new();
        let mut appender = Self { store, key, synced, head, unsigned, length, state: State::Whole, buffer, inherited };
        appender.write_after(end, |chained, key| chained.opened(id, inherited, key))?;
        Ok(appender)
    }

    /// The lines that an earlier process left unsigned, and that the first signature of this one
    /// covers.
    pub(super) fn inherited(&self) -> Option<LineRange> {
        self.inherited
    }

    /// Writes these records at once; all of them are accepted, or none.
    pub(super) fn write<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) -> Result<(), SinkError> {
        self.attempt(|chained, key| records.into_iter().try_for_each(|record| chained.record(record, key)))
    }

    /// Signs what is not signed yet, and answers with the head.
    pub(super) fn close(mut self) -> Result<Head, SinkError> {
        if self.unsigned > 0 || self.state != State::Whole {
            self.attempt(|chained, key| chained.checkpoint(key))?;
        }
        Ok(self.head)
    }

    fn attempt(&mut self, add: impl FnOnce(&mut Chained<'_>, &AuditKey) -> io::Result<()>) -> Result<(), SinkError> {
        let written = self.end().and_then(|end| self.write_after(end, add));
        written.map_err(|error| SinkError::Write(error.kind()))
    }

    /// Where to go on.
    fn end(&mut self) -> io::Result<End> {
        match self.state {
            State::Lost(kind) => Err(kind.into()),
            // Whoever else writes to the file, cuts it or removes it, gets no more records of ours after what they did.
            State::Whole if self.store.length()? != self.length => Err(io::ErrorKind::InvalidData.into()),
            State::Whole => Ok(End {
                head: self.head,
                unsigned: self.unsigned,
                unsigned_lines: None,
                length: self.length,
                torn: None,
            }),
            State::Unsure => {
                let end = End::find(&mut self.store, self.key.public()).map_err(|unusable| match unusable {
                    Unusable::Io(error) => error,
                    Unusable::Damaged | Unusable::OtherKey => io::ErrorKind::InvalidData.into(),
                })?;
                let kept = end.head == self.head || end.head.line > self.head.line;
                if kept { Ok(end) } else { Err(io::ErrorKind::InvalidData.into()) }
            }
        }
    }

    /// Writes what is added after this end, in one go.
    fn write_after(
        &mut self,
        end: End,
        add: impl FnOnce(&mut Chained<'_>, &AuditKey) -> io::Result<()>,
    ) -> io::Result<()> {
        self.buffer.clear();
        let mark = end.torn.map(|mut torn| {
            self.buffer.extend_from_slice(torn.end());
            (torn.bytes(), torn.sha256())
        });
        let mut chained = Chained { buffer: &mut self.buffer, head: end.head, unsigned: end.unsigned };
        if let Some((bytes, sha256)) = mark {
            chained.recovered(bytes, sha256)?;
        }
        add(&mut chained, &self.key)?;
        let (head, unsigned) = (chained.head, chained.unsigned);
        self.state = State::Unsure;
        self.store.append(&self.buffer)?;
        if self.synced {
            self.store.sync().inspect_err(|error| self.state = State::Lost(error.kind()))?;
        }
        let written = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        (self.head, self.unsigned, self.length) = (head, unsigned, end.length.saturating_add(written));
        self.state = State::Whole;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
