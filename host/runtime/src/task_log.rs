//! What a skill writes for people: log lines, stdout and stderr. Apart from the PAL, capped, and gone with the report.

use std::sync::Arc;

use far_core::pal::LogLevel;
use parking_lot::Mutex;

/// Where an entry of the task log came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogSource {
    /// `task.log`, with this level.
    Log(LogLevel),
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line, or one stretch of an output stream. Guest's text: escape it wherever it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Where it came from.
    pub source: LogSource,
    /// What was written, with what is no UTF-8 replaced.
    pub text: String,
}

/// The task log of one task, shared by all that write into it.
#[derive(Clone, Debug)]
pub(crate) struct TaskLog(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    entries: Vec<(LogSource, Vec<u8>)>,
    room: usize,
    discarded: u64,
}

/// What an entry costs besides its text, so that empty lines have an end too.
const ENTRY_COST: usize = 32;

impl TaskLog {
    pub(crate) fn new(room: usize) -> Self {
        Self(Arc::new(Mutex::new(Kept { entries: Vec::new(), room, discarded: 0 })))
    }

    /// Adds a line; says whether any of it was kept.
    pub(crate) fn line(&self, level: LogLevel, text: &str) -> bool {
        let mut kept = self.0.lock();
        if kept.room < ENTRY_COST {
            kept.discard(text.len());
            return false;
        }
        kept.room -= ENTRY_COST;
        let fits = text.floor_char_boundary(kept.room);
        let (text, rest) = text.split_at(fits);
        kept.room -= fits;
        kept.discard(rest.len());
        kept.entries.push((LogSource::Log(level), text.as_bytes().to_vec()));
        true
    }

    /// Adds to an output stream.
    pub(crate) fn output(&self, source: LogSource, bytes: &[u8]) {
        let mut kept = self.0.lock();
        let continues = kept.entries.last().is_some_and(|(last, _)| *last == source);
        let cost = if continues { 0 } else { ENTRY_COST };
        let fits = kept.room.saturating_sub(cost).min(bytes.len());
        let (bytes, rest) = bytes.split_at(fits);
        kept.discard(rest.len());
        if bytes.is_empty() {
            return;
        }
        kept.room -= cost + fits;
        match kept.entries.last_mut() {
            Some((last, text)) if *last == source => text.extend_from_slice(bytes),
            _ => kept.entries.push((source, bytes.to_vec())),
        }
    }

    /// Takes all entries, and the number of bytes that did not fit.
    pub(crate) fn take(&self) -> (Vec<LogEntry>, u64) {
        let mut kept = self.0.lock();
        let entries = std::mem::take(&mut kept.entries);
        let readable = |(source, text): (_, Vec<u8>)| LogEntry { source, text: String::from_utf8_lossy(&text).into() };
        (entries.into_iter().map(readable).collect(), kept.discarded)
    }
}

impl Kept {
    fn discard(&mut self, bytes: usize) {
        self.discarded = self.discarded.saturating_add(bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_what_fits_and_counts_the_rest() {
        let log = TaskLog::new(ENTRY_COST + 4);
        assert!(log.line(LogLevel::Info, "ab\u{e9}\u{e9}"));
        assert!(!log.line(LogLevel::Info, "more"));
        let (entries, discarded) = log.take();
        assert_eq!(entries[0].text, "ab\u{e9}");
        assert_eq!(discarded, 2 + 4);
    }

    #[test]
    fn empty_lines_end_too() {
        let log = TaskLog::new(10 * ENTRY_COST);
        assert_eq!((0..1000).filter(|_| log.line(LogLevel::Info, "")).count(), 10);
    }

    #[test]
    fn a_stream_is_one_entry_until_another_comes_between() {
        let log = TaskLog::new(1024);
        log.output(LogSource::Stdout, b"a");
        log.output(LogSource::Stdout, b"b\xff");
        log.output(LogSource::Stderr, b"c");
        let (entries, _) = log.take();
        let texts: Vec<_> = entries.iter().map(|entry| (entry.source, entry.text.as_str())).collect();
        assert_eq!(texts, [(LogSource::Stdout, "ab\u{fffd}"), (LogSource::Stderr, "c")]);
    }

    #[test]
    fn a_flood_is_cut_at_the_cap() {
        let log = TaskLog::new(100);
        (0..1000).for_each(|_| log.output(LogSource::Stdout, &[b'x'; 1000]));
        let (entries, discarded) = log.take();
        assert_eq!(entries[0].text.len(), 100 - ENTRY_COST);
        assert_eq!(discarded, 1_000_000 - (100 - ENTRY_COST as u64));
    }
}
