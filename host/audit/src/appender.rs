//! Appends records to the chain, and recovers after a failed write.

use std::io;

use far_core::pal::{Record, SinkError};

use crate::head::Head;
use crate::key::AuditKey;
use crate::line::{ChainWriter, LineRange};
use crate::resume::{ResumeError, ResumePoint};
use crate::store::Store;

/// Writes records to the end of an audit file.
pub(super) struct Appender<S> {
    store: S,
    key: AuditKey,
    synced: bool,
    /// The head of the accepted records.
    head: Head,
    /// The number of records since the last checkpoint.
    unsigned: u32,
    length: u64,
    state: WriteState,
    buffer: Vec<u8>,
    /// The lines that were unsigned when the file was opened.
    inherited: Option<LineRange>,
}

/// The state of the file after the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteState {
    Clean,
    /// A write failed: the last line may be torn.
    Uncertain,
    /// A sync failed: the disk may lack accepted records, and later syncs may not report it.
    SyncFailed(io::ErrorKind),
}

impl<S: Store> Appender<S> {
    /// Verifies the end of the file, and signs its unsigned lines.
    pub(super) fn open(mut store: S, key: AuditKey, synced: bool, id: [u8; 16]) -> Result<Self, ResumeError> {
        let end = ResumePoint::find(&mut store, key.public())?;
        let (head, unsigned, length, inherited) = (end.head, end.unsigned, end.length, end.unsigned_lines);
        let buffer = Vec::new();
        let mut appender =
            Self { store, key, synced, head, unsigned, length, state: WriteState::Clean, buffer, inherited };
        appender.write_after(end, |chain, key| chain.opening(id, inherited, key))?;
        Ok(appender)
    }

    /// Returns the lines of an earlier process that the first checkpoint of this process signs.
    pub(super) fn inherited(&self) -> Option<LineRange> {
        self.inherited
    }

    /// Writes records at once: accepts all of them or none.
    pub(super) fn write<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) -> Result<(), SinkError> {
        self.attempt(|chain, key| records.into_iter().try_for_each(|record| chain.record(record, key)))
    }

    /// Signs the unsigned lines, and returns the head.
    pub(super) fn close(mut self) -> Result<Head, SinkError> {
        if self.unsigned > 0 || self.state != WriteState::Clean {
            self.attempt(|chain, key| chain.checkpoint(key))?;
        }
        Ok(self.head)
    }

    fn attempt(
        &mut self,
        add: impl FnOnce(&mut ChainWriter<'_>, &AuditKey) -> io::Result<()>,
    ) -> Result<(), SinkError> {
        let written = self.end().and_then(|end| self.write_after(end, add));
        written.map_err(|error| SinkError::Write(error.kind()))
    }

    /// Returns the end of the file.
    fn end(&mut self) -> io::Result<ResumePoint> {
        match self.state {
            WriteState::SyncFailed(kind) => Err(kind.into()),
            // Another writer changed, truncated or removed the file: append nothing to it.
            WriteState::Clean if self.store.length()? != self.length => Err(io::ErrorKind::InvalidData.into()),
            WriteState::Clean => Ok(ResumePoint {
                head: self.head,
                unsigned: self.unsigned,
                unsigned_lines: None,
                length: self.length,
                torn: None,
            }),
            WriteState::Uncertain => {
                let end = ResumePoint::find(&mut self.store, self.key.public()).map_err(|error| match error {
                    ResumeError::Io(error) => error,
                    ResumeError::Corrupt | ResumeError::KeyMismatch => io::ErrorKind::InvalidData.into(),
                })?;
                let has_accepted = end.head == self.head || end.head.line > self.head.line;
                if has_accepted { Ok(end) } else { Err(io::ErrorKind::InvalidData.into()) }
            }
        }
    }

    /// Appends the lines of `add` in one write.
    fn write_after(
        &mut self,
        end: ResumePoint,
        add: impl FnOnce(&mut ChainWriter<'_>, &AuditKey) -> io::Result<()>,
    ) -> io::Result<()> {
        self.buffer.clear();
        let torn = end.torn.map(|mut torn| {
            self.buffer.extend_from_slice(torn.end());
            (torn.bytes(), torn.sha256())
        });
        let mut chain = ChainWriter { buffer: &mut self.buffer, head: end.head, unsigned: end.unsigned };
        if let Some((bytes, sha256)) = torn {
            chain.recovery(bytes, sha256)?;
        }
        add(&mut chain, &self.key)?;
        let (head, unsigned) = (chain.head, chain.unsigned);
        self.state = WriteState::Uncertain;
        self.store.append(&self.buffer)?;
        if self.synced {
            self.store.sync().inspect_err(|error| self.state = WriteState::SyncFailed(error.kind()))?;
        }
        let written = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        (self.head, self.unsigned, self.length) = (head, unsigned, end.length.saturating_add(written));
        self.state = WriteState::Clean;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
