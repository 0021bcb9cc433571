//! What a skill writes for people: log lines, stdout and stderr. Apart from the PAL, redacted, capped, and gone with the
//! report.
//!
//! Stdout, stderr and the log's lines, one after the other, are a stream each. An entry has its place from when it is
//! written, and gets its text when the stream's redactor says what of it is shown: a value may go on in a later entry.
//! The cap is on what is shown, so that no cut is within a value.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use far_core::pal::LogLevel;
use far_core::redaction::{Piece, Redaction, Redactor};
use parking_lot::Mutex;

/// The number of bytes that are redacted before a yield to other tasks. A text of this length takes
/// some milliseconds if a value may begin at every byte.
pub(crate) const STRETCH: usize = 16 * 1024;

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

/// One line, or one stretch of an output stream, without values that the task was given. Guest's text: escape it wherever
/// it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Where it came from.
    pub source: LogSource,
    /// What was written, with what is no UTF-8 replaced.
    pub text: String,
}

/// The task log of one task, shared by all that write into it.
#[derive(Clone, Debug)]
pub(crate) struct TaskLog(Arc<Mutex<Written>>);

#[derive(Debug)]
struct Written {
    kept: Kept,
    lines: Stream,
    stdout: Stream,
    stderr: Stream,
}

#[derive(Debug)]
struct Kept {
    entries: Vec<(LogSource, Vec<u8>)>,
    room: usize,
    discarded: u64,
}

/// What is written to one stream, and what of it is not decided yet.
struct Stream {
    redactor: Redactor,
    /// The entries that undecided bytes are of, each with their number.
    undecided: VecDeque<(usize, usize)>,
}

/// What an entry costs besides its text, so that empty lines have an end too.
const ENTRY_COST: usize = 32;

impl TaskLog {
    /// A log with so much room, of a task that was given what the redaction knows.
    pub(crate) fn new(room: usize, redaction: &Arc<Redaction>) -> Self {
        let stream = || Stream { redactor: redaction.redactor(), undecided: VecDeque::new() };
        let kept = Kept { entries: Vec::new(), room, discarded: 0 };
        Self(Arc::new(Mutex::new(Written { kept, lines: stream(), stdout: stream(), stderr: stream() })))
    }

    /// Adds a line. Returns whether the line has a place in the log. Yields to other tasks after
    /// each stretch of it.
    pub(crate) async fn line(&self, level: LogLevel, text: &str) -> bool {
        let entry = self.0.lock().kept.enter(LogSource::Log(level));
        let mut stretches = text.as_bytes().chunks(STRETCH).peekable();
        while let Some(stretch) = stretches.next() {
            {
                let Written { kept, lines, .. } = &mut *self.0.lock();
                lines.write(kept, entry, stretch);
            }
            if stretches.peek().is_some() {
                tokio::task::yield_now().await;
            }
        }
        entry.is_some()
    }

    /// Adds to an output stream.
    pub(crate) fn output(&self, source: LogSource, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let Written { kept, stdout, stderr, .. } = &mut *self.0.lock();
        let stream = if source == LogSource::Stdout { stdout } else { stderr };
        let entry = match kept.entries.last() {
            Some((last, _)) if *last == source => Some(kept.entries.len() - 1),
            // A stretch has a place where some of it has.
            _ if kept.room <= ENTRY_COST => None,
            _ => kept.enter(source),
        };
        stream.write(kept, entry, bytes);
    }

    /// Ends the streams, and takes all entries, and the number of bytes that did not fit.
    pub(crate) fn take(&self) -> (Vec<LogEntry>, u64) {
        let Written { kept, lines, stdout, stderr } = &mut *self.0.lock();
        [lines, stdout, stderr].into_iter().for_each(|stream| stream.finish(kept));
        let entries = std::mem::take(&mut kept.entries);
        let readable = |(source, text): (_, Vec<u8>)| LogEntry { source, text: String::from_utf8_lossy(&text).into() };
        (entries.into_iter().map(readable).collect(), kept.discarded)
    }
}

impl Kept {
    /// A new entry, if there is room for one.
    fn enter(&mut self, source: LogSource) -> Option<usize> {
        self.room = self.room.checked_sub(ENTRY_COST)?;
        self.entries.push((source, Vec::new()));
        Some(self.entries.len() - 1)
    }

    /// Adds to an entry what there is room for, and counts the rest.
    fn show(&mut self, entry: usize, bytes: &[u8]) {
        let Some((_, text)) = self.entries.get_mut(entry) else { return };
        let (shown, rest) = bytes.split_at(self.room.min(bytes.len()));
        text.extend_from_slice(shown);
        self.room -= shown.len();
        if rest.is_empty() {
            return;
        }
        // A character that was cut is none.
        let whole = match std::str::from_utf8(text) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => text.len(),
        };
        let cut = text.len() - whole;
        text.truncate(whole);
        self.discard(cut + rest.len());
        // What comes later is not shown in the place of what was cut.
        self.room = 0;
    }

    fn discard(&mut self, bytes: usize) {
        self.discarded = self.discarded.saturating_add(bytes as u64);
    }
}

impl Stream {
    /// Adds bytes that are an entry's. Without one there is no room, nor will there be for what the stream brings later:
    /// they need not be looked at.
    fn write(&mut self, kept: &mut Kept, entry: Option<usize>, bytes: &[u8]) {
        let Some(entry) = entry.filter(|_| kept.room > 0) else { return kept.discard(bytes.len()) };
        match self.undecided.back_mut() {
            Some((last, count)) if *last == entry => *count += bytes.len(),
            _ => self.undecided.push_back((entry, bytes.len())),
        }
        let Self { redactor, undecided } = self;
        redactor.write(bytes, |piece| decide(undecided, kept, piece));
    }

    fn finish(&mut self, kept: &mut Kept) {
        let Self { redactor, undecided } = self;
        redactor.finish(|piece| decide(undecided, kept, piece));
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("undecided", &self.undecided).finish_non_exhaustive()
    }
}

/// Gives each entry what is shown of its bytes.
fn decide(undecided: &mut VecDeque<(usize, usize)>, kept: &mut Kept, piece: Piece<'_>) {
    let (mut shown, mut hidden) = match piece {
        Piece::Clear(bytes) => (bytes, 0),
        Piece::Hidden(count) => (&[][..], count),
        Piece::Marker(marker) => {
            // A find is the entry's in which it begins.
            skip_ended(undecided);
            if let Some((entry, _)) = undecided.front() {
                kept.show(*entry, marker.as_bytes());
            }
            return;
        }
    };
    while !shown.is_empty() || hidden > 0 {
        skip_ended(undecided);
        let Some((entry, left)) = undecided.front_mut() else { return };
        let (now, later) = shown.split_at(shown.len().min(*left));
        let hides = hidden.min(*left);
        kept.show(*entry, now);
        *left -= now.len() + hides;
        (shown, hidden) = (later, hidden - hides);
    }
}

/// Leaves entries behind of which all is decided.
fn skip_ended(undecided: &mut VecDeque<(usize, usize)>) {
    while undecided.front().is_some_and(|(_, left)| *left == 0) {
        undecided.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Adds a line that is too short to be waited for.
    fn line(log: &TaskLog, level: LogLevel, text: &str) -> bool {
        log.line(level, text).now_or_never().unwrap()
    }

    fn log(room: usize) -> TaskLog {
        TaskLog::new(room, &Redaction::new())
    }

    #[test]
    fn a_log_keeps_what_fits_and_counts_the_rest() {
        let log = log(ENTRY_COST + 4);
        assert!(line(&log, LogLevel::Info, "ab\u{e9}\u{e9}"));
        assert!(!line(&log, LogLevel::Info, "more"));
        let (entries, discarded) = log.take();
        assert_eq!(entries[0].text, "ab\u{e9}");
        assert_eq!(discarded, 2 + 4);
    }

    #[test]
    fn empty_lines_end_too() {
        let log = log(10 * ENTRY_COST);
        assert_eq!((0..1000).filter(|_| line(&log, LogLevel::Info, "")).count(), 10);
    }

    #[test]
    fn a_stream_is_one_entry_until_another_comes_between() {
        let log = log(1024);
        log.output(LogSource::Stdout, b"a");
        log.output(LogSource::Stdout, b"b\xff");
        log.output(LogSource::Stderr, b"c");
        let (entries, _) = log.take();
        let texts: Vec<_> = entries.iter().map(|entry| (entry.source, entry.text.as_str())).collect();
        assert_eq!(texts, [(LogSource::Stdout, "ab\u{fffd}"), (LogSource::Stderr, "c")]);
    }

    #[test]
    fn a_flood_is_cut_at_the_cap() {
        let log = log(100);
        (0..1000).for_each(|_| log.output(LogSource::Stdout, &[b'x'; 1000]));
        let (entries, discarded) = log.take();
        assert_eq!(entries[0].text.len(), 100 - ENTRY_COST);
        assert_eq!(discarded, 1_000_000 - (100 - ENTRY_COST as u64));
    }

    fn knowing(room: usize, value: &[u8]) -> TaskLog {
        let redaction = Redaction::new();
        redaction.learn(&"key".parse().unwrap(), value).unwrap();
        TaskLog::new(room, &redaction)
    }

    fn texts(log: &TaskLog) -> (Vec<String>, u64) {
        let (entries, discarded) = log.take();
        (entries.into_iter().map(|entry| entry.text).collect(), discarded)
    }

    #[test]
    fn a_value_is_found_over_the_entries_of_its_stream_and_the_first_has_the_marker() {
        let log = knowing(1024, b"first-second-third");
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
    fn entries_stay_what_they_are_while_text_is_held_back() {
        let log = knowing(1024, b"a-value");
        for text in ["a", "b"] {
            log.output(LogSource::Stdout, text.as_bytes());
            log.output(LogSource::Stdout, text.as_bytes());
            assert!(line(&log, LogLevel::Info, text));
            assert!(line(&log, LogLevel::Info, ""));
        }
        assert_eq!(texts(&log), (["aa", "a", "", "bb", "b", ""].map(str::to_owned).to_vec(), 0));
    }

    #[test]
    fn a_cut_is_in_what_is_shown_and_what_is_not_is_counted() {
        for room in 0..20 {
            let log = knowing(ENTRY_COST + room, b"a-value");
            log.output(LogSource::Stdout, b"<a-va");
            log.output(LogSource::Stdout, b"lue>");
            let whole = "<[redacted:key]>";
            let kept = room.min(whole.len());
            let discarded = if room == 0 { "<a-value>".len() } else { whole.len() - kept };
            let shown = if room == 0 { vec![] } else { vec![whole[..kept].to_owned()] };
            assert_eq!(texts(&log), (shown, discarded as u64), "room for {room}");
        }
    }

    #[test]
    fn what_is_beyond_the_cap_is_not_kept_in_any_way() {
        let log = knowing(100, b"a-value");
        for _ in 0..1000 {
            log.output(LogSource::Stdout, &[b'x'; 1000]);
            line(&log, LogLevel::Info, "more");
        }
        let written = log.0.lock();
        let kept: usize = written.kept.entries.iter().map(|(_, text)| text.len()).sum();
        assert!(kept <= 100 && written.kept.entries.len() <= 2);
        assert!(written.stdout.undecided.len() + written.lines.undecided.len() <= 2);
    }

    #[test]
    fn long_line_lets_others_run() {
        let log = knowing(4 * STRETCH, b"a-value");
        let text = format!("{}a-value", "x".repeat(2 * STRETCH - 3));
        let mut line = Box::pin(log.line(LogLevel::Info, &text));
        assert!((&mut line).now_or_never().is_none());
        assert!((&mut line).now_or_never().is_none());
        assert_eq!((&mut line).now_or_never(), Some(true));
        drop(line);
        let shown = format!("{}[redacted:key]", "x".repeat(2 * STRETCH - 3));
        assert_eq!(texts(&log), (vec![shown], 0));
    }
}
