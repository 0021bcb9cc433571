//! The task log: the log lines, stdout and stderr of a skill. It is separate from the PAL, redacted
//! and limited, and part of the task's report.
//!
//! Log lines, stdout and stderr are one stream each. An entry keeps its position from the time of
//! the write. Its text is appended once the redactor releases the bytes, since a value may span
//! entries. The limit applies to the redacted text, so that truncation cannot split a value.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use far_core::pal::LogLevel;
use far_core::redaction::{Redaction, Redactor, Segment};
use parking_lot::Mutex;

/// The number of bytes that are redacted before a yield to other tasks. Such a chunk takes some
/// milliseconds if a value may begin at every byte.
pub(crate) const REDACTION_CHUNK: usize = 16 * 1024;

/// The source of an entry in the task log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogSource {
    /// `task.log` with this level.
    Log(LogLevel),
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A log line, or output between entries of other sources. Values of the task are redacted. The
/// text is untrusted: escape it for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The source of the entry.
    pub source: LogSource,
    /// The text, with invalid UTF-8 replaced.
    pub text: String,
}

/// The task log, shared by its writers.
#[derive(Clone, Debug)]
pub(crate) struct TaskLog(Arc<Mutex<LogState>>);

#[derive(Debug)]
struct LogState {
    buffer: LogBuffer,
    lines: Stream,
    stdout: Stream,
    stderr: Stream,
}

#[derive(Debug)]
struct LogBuffer {
    entries: Vec<(LogSource, Vec<u8>)>,
    capacity: usize,
    discarded: u64,
}

/// A stream and its bytes that the redactor holds back.
struct Stream {
    redactor: Redactor,
    /// The entries of pending bytes, with the number of bytes of each.
    pending: VecDeque<(usize, usize)>,
}

/// The fixed cost of an entry, in bytes, which limits the number of empty lines.
const ENTRY_COST: usize = 32;

impl TaskLog {
    /// Creates a log with this capacity, in bytes.
    pub(crate) fn new(capacity: usize, redaction: &Arc<Redaction>) -> Self {
        let stream = || Stream { redactor: redaction.redactor(), pending: VecDeque::new() };
        let buffer = LogBuffer { entries: Vec::new(), capacity, discarded: 0 };
        Self(Arc::new(Mutex::new(LogState { buffer, lines: stream(), stdout: stream(), stderr: stream() })))
    }

    /// Appends a line. Returns true if the log has an entry for it. Yields to other tasks after
    /// each chunk.
    pub(crate) async fn line(&self, level: LogLevel, text: &str) -> bool {
        let entry = self.0.lock().buffer.push_entry(LogSource::Log(level));
        let mut chunks = text.as_bytes().chunks(REDACTION_CHUNK).peekable();
        while let Some(chunk) = chunks.next() {
            {
                let LogState { buffer, lines, .. } = &mut *self.0.lock();
                lines.write(buffer, entry, chunk);
            }
            if chunks.peek().is_some() {
                tokio::task::yield_now().await;
            }
        }
        entry.is_some()
    }

    /// Appends to an output stream.
    pub(crate) fn output(&self, source: LogSource, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let LogState { buffer, stdout, stderr, .. } = &mut *self.0.lock();
        let stream = if source == LogSource::Stdout { stdout } else { stderr };
        let entry = match buffer.entries.last() {
            Some((last, _)) if *last == source => Some(buffer.entries.len() - 1),
            // A new entry needs capacity for text.
            _ if buffer.capacity <= ENTRY_COST => None,
            _ => buffer.push_entry(source),
        };
        stream.write(buffer, entry, bytes);
    }

    /// Finishes the streams. Returns the entries, and the number of discarded bytes.
    pub(crate) fn take(&self) -> (Vec<LogEntry>, u64) {
        let LogState { buffer, lines, stdout, stderr } = &mut *self.0.lock();
        [lines, stdout, stderr].into_iter().for_each(|stream| stream.finish(buffer));
        let entries = std::mem::take(&mut buffer.entries);
        let readable = |(source, text): (_, Vec<u8>)| LogEntry { source, text: String::from_utf8_lossy(&text).into() };
        (entries.into_iter().map(readable).collect(), buffer.discarded)
    }
}

impl LogBuffer {
    /// Adds an entry, if there is capacity.
    fn push_entry(&mut self, source: LogSource) -> Option<usize> {
        self.capacity = self.capacity.checked_sub(ENTRY_COST)?;
        self.entries.push((source, Vec::new()));
        Some(self.entries.len() - 1)
    }

    /// Appends to an entry as many bytes as fit, and discards the rest.
    fn append(&mut self, entry: usize, bytes: &[u8]) {
        let Some((_, text)) = self.entries.get_mut(entry) else { return };
        let (shown, rest) = bytes.split_at(self.capacity.min(bytes.len()));
        text.extend_from_slice(shown);
        self.capacity -= shown.len();
        if rest.is_empty() {
            return;
        }
        // Removes an incomplete character.
        let whole = match std::str::from_utf8(text) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => text.len(),
        };
        let cut = text.len() - whole;
        text.truncate(whole);
        self.discard(cut + rest.len());
        // Later bytes must not fill the capacity of the removed character.
        self.capacity = 0;
    }

    fn discard(&mut self, bytes: usize) {
        self.discarded = self.discarded.saturating_add(bytes as u64);
    }
}

impl Stream {
    /// Appends bytes of an entry. Without an entry or capacity, the bytes are discarded without
    /// redaction.
    fn write(&mut self, buffer: &mut LogBuffer, entry: Option<usize>, bytes: &[u8]) {
        let Some(entry) = entry.filter(|_| buffer.capacity > 0) else { return buffer.discard(bytes.len()) };
        match self.pending.back_mut() {
            Some((last, count)) if *last == entry => *count += bytes.len(),
            _ => self.pending.push_back((entry, bytes.len())),
        }
        let Self { redactor, pending } = self;
        redactor.write(bytes, |piece| distribute(pending, buffer, piece));
    }

    fn finish(&mut self, buffer: &mut LogBuffer) {
        let Self { redactor, pending } = self;
        redactor.finish(|piece| distribute(pending, buffer, piece));
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("pending", &self.pending).finish_non_exhaustive()
    }
}

/// Appends a piece of the redactor's output to the entries of its bytes.
fn distribute(pending: &mut VecDeque<(usize, usize)>, buffer: &mut LogBuffer, piece: Segment<'_>) {
    let (mut shown, mut hidden) = match piece {
        Segment::Clear(bytes) => (bytes, 0),
        Segment::Hidden(count) => (&[][..], count),
        Segment::Marker(marker) => {
            // A match belongs to the entry in which it begins.
            drop_finished(pending);
            if let Some((entry, _)) = pending.front() {
                buffer.append(*entry, marker.as_bytes());
            }
            return;
        }
    };
    while !shown.is_empty() || hidden > 0 {
        drop_finished(pending);
        let Some((entry, left)) = pending.front_mut() else { return };
        let (now, later) = shown.split_at(shown.len().min(*left));
        let hides = hidden.min(*left);
        buffer.append(*entry, now);
        *left -= now.len() + hides;
        (shown, hidden) = (later, hidden - hides);
    }
}

/// Removes entries without pending bytes.
fn drop_finished(pending: &mut VecDeque<(usize, usize)>) {
    while pending.front().is_some_and(|(_, left)| *left == 0) {
        pending.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Appends a line that is shorter than a chunk.
    fn line(log: &TaskLog, level: LogLevel, text: &str) -> bool {
        log.line(level, text).now_or_never().unwrap()
    }

    fn log(capacity: usize) -> TaskLog {
        TaskLog::new(capacity, &Redaction::new())
    }

    #[test]
    fn full_log_counts_discarded_bytes() {
        let log = log(ENTRY_COST + 4);
        assert!(line(&log, LogLevel::Info, "ab\u{e9}\u{e9}"));
        assert!(!line(&log, LogLevel::Info, "more"));
        let (entries, discarded) = log.take();
        assert_eq!(entries[0].text, "ab\u{e9}");
        assert_eq!(discarded, 2 + 4);
    }

    #[test]
    fn empty_lines_are_limited() {
        let log = log(10 * ENTRY_COST);
        assert_eq!((0..1000).filter(|_| line(&log, LogLevel::Info, "")).count(), 10);
    }

    #[test]
    fn consecutive_output_is_one_entry() {
        let log = log(1024);
        log.output(LogSource::Stdout, b"a");
        log.output(LogSource::Stdout, b"b\xff");
        log.output(LogSource::Stderr, b"c");
        let (entries, _) = log.take();
        let texts: Vec<_> = entries.iter().map(|entry| (entry.source, entry.text.as_str())).collect();
        assert_eq!(texts, [(LogSource::Stdout, "ab\u{fffd}"), (LogSource::Stderr, "c")]);
    }

    #[test]
    fn long_output_is_truncated() {
        let log = log(100);
        (0..1000).for_each(|_| log.output(LogSource::Stdout, &[b'x'; 1000]));
        let (entries, discarded) = log.take();
        assert_eq!(entries[0].text.len(), 100 - ENTRY_COST);
        assert_eq!(discarded, 1_000_000 - (100 - ENTRY_COST as u64));
    }

    fn log_redacting(capacity: usize, value: &[u8]) -> TaskLog {
        let redaction = Redaction::new();
        redaction.learn(&"key".parse().unwrap(), value).unwrap();
        TaskLog::new(capacity, &redaction)
    }

    fn texts(log: &TaskLog) -> (Vec<String>, u64) {
        let (entries, discarded) = log.take();
        (entries.into_iter().map(|entry| entry.text).collect(), discarded)
    }

    #[test]
    fn value_across_entries_is_redacted_once() {
        let log = log_redacting(1024, b"first-second-third");
        log.output(LogSource::Stdout, b"<first-");
        assert!(line(&log, LogLevel::Info, "first-"));
        log.output(LogSource::Stderr, b"first-second-");
        log.output(LogSource::Stdout, b"second-");
        assert!(line(&log, LogLevel::Warn, "second-"));
        log.output(LogSource::Stdout, b"third>");
        log.output(LogSource::Stderr, b"thirt");
        assert!(line(&log, LogLevel::Info, "third, and more"));
        let expected = ["<[redacted:key]", "[redacted:key]", "first-second-", "", "", ">", "thirt", ", and more"];
        assert_eq!(texts(&log), (expected.map(str::to_owned).to_vec(), 0));
    }

    #[test]
    fn pending_text_stays_in_its_entry() {
        let log = log_redacting(1024, b"a-value");
        for text in ["a", "b"] {
            log.output(LogSource::Stdout, text.as_bytes());
            log.output(LogSource::Stdout, text.as_bytes());
            assert!(line(&log, LogLevel::Info, text));
            assert!(line(&log, LogLevel::Info, ""));
        }
        assert_eq!(texts(&log), (["aa", "a", "", "bb", "b", ""].map(str::to_owned).to_vec(), 0));
    }

    #[test]
    fn limit_applies_to_redacted_text() {
        for capacity in 0..20 {
            let log = log_redacting(ENTRY_COST + capacity, b"a-value");
            log.output(LogSource::Stdout, b"<a-va");
            log.output(LogSource::Stdout, b"lue>");
            let whole = "<[redacted:key]>";
            let kept = capacity.min(whole.len());
            let discarded = if capacity == 0 { "<a-value>".len() } else { whole.len() - kept };
            let shown = if capacity == 0 { vec![] } else { vec![whole[..kept].to_owned()] };
            assert_eq!(texts(&log), (shown, discarded as u64), "capacity {capacity}");
        }
    }

    #[test]
    fn discarded_bytes_use_no_memory() {
        let log = log_redacting(100, b"a-value");
        for _ in 0..1000 {
            log.output(LogSource::Stdout, &[b'x'; 1000]);
            line(&log, LogLevel::Info, "more");
        }
        let written = log.0.lock();
        let stored: usize = written.buffer.entries.iter().map(|(_, text)| text.len()).sum();
        assert!(stored <= 100 && written.buffer.entries.len() <= 2);
        assert!(written.stdout.pending.len() + written.lines.pending.len() <= 2);
    }

    #[test]
    fn long_line_yields() {
        let log = log_redacting(4 * REDACTION_CHUNK, b"a-value");
        let text = format!("{}a-value", "x".repeat(2 * REDACTION_CHUNK - 3));
        let mut line = Box::pin(log.line(LogLevel::Info, &text));
        assert!((&mut line).now_or_never().is_none());
        assert!((&mut line).now_or_never().is_none());
        assert_eq!((&mut line).now_or_never(), Some(true));
        drop(line);
        let shown = format!("{}[redacted:key]", "x".repeat(2 * REDACTION_CHUNK - 3));
        assert_eq!(texts(&log), (vec![shown], 0));
    }
}
