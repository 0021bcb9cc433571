//! The redactor of one stream.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::form::{PREFIX_LEN, SYMBOL_MAX, UNIT_MAX};
use super::patterns::{PartialMatch, PatternSet};
use super::reader::{CHUNK_LEN, SymbolBuffer};
use super::task::{Redaction, State};

/// The number of bytes that decide about a match at the first of them.
const LOOKAHEAD: usize = CHUNK_LEN * SYMBOL_MAX + UNIT_MAX;
/// The number of bytes that are processed at a time.
const BLOCK: usize = 4096;
/// The maximum number of positions with open matches. Only a long value that repeats a short
/// sequence exceeds it; then a last chunk may remain.
const MAX_STARTS: usize = 64;

/// Redacts one stream of bytes.
///
/// # Security
///
/// Output keeps its order. The last bytes are delayed until no value can begin in them. Their
/// buffer does not grow, and is overwritten on drop.
pub struct Redactor {
    redaction: Arc<Redaction>,
    held: Zeroizing<Vec<u8>>,
    /// The number of delayed bytes that belong to a match.
    hidden: usize,
    /// Open matches of long values, ordered by the positions where they started.
    open: Vec<OpenMatch>,
    /// The position where the first of them continues.
    next_due: usize,
    /// The number of positions where open matches started.
    starts: usize,
    /// A buffer for the continuations of one open match.
    continued: Vec<PartialMatch>,
    /// The id of the last start.
    start_id: u64,
    symbols: SymbolBuffer,
    /// Set for output of the task, whose matches count.
    counts_matches: bool,
}

/// A match that may continue, with the id of the position where it started.
#[derive(Clone, Copy)]
struct OpenMatch {
    start_id: u64,
    partial: PartialMatch,
}

/// A segment of redacted output. The lengths of [`Segment::Clear`] and [`Segment::Hidden`] add up
/// to the length of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Unchanged bytes.
    Clear(&'a [u8]),
    /// The marker of a match, before its hidden bytes.
    Marker(&'a str),
    /// The number of removed bytes.
    Hidden(usize),
}

impl Segment<'_> {
    /// Returns the visible bytes.
    pub fn shown(&self) -> &[u8] {
        match self {
            Self::Clear(bytes) => bytes,
            Self::Marker(marker) => marker.as_bytes(),
            Self::Hidden(_) => &[],
        }
    }
}

impl Redaction {
    /// Creates a redactor for an output stream of the task.
    pub fn redactor(self: &Arc<Self>) -> Redactor {
        Redactor::new(self.clone(), true)
    }

    /// Creates a redactor for input of the task, whose matches do not count.
    pub fn input_redactor(self: &Arc<Self>) -> Redactor {
        Redactor::new(self.clone(), false)
    }

    /// Redacts a whole string. Markers may be longer than the values, so the result is cut to
    /// `max_len` bytes, unless the task has no value.
    pub fn redact(self: &Arc<Self>, text: String, max_len: usize) -> String {
        if self.is_empty() {
            return text;
        }
        let text = Zeroizing::new(text);
        let mut output = Vec::new();
        let mut write =
            |segment: Segment<'_>| output.extend(segment.shown().iter().take(max_len.saturating_sub(output.len())));
        let mut redactor = self.redactor();
        redactor.write(text.as_bytes(), &mut write);
        redactor.finish(&mut write);
        // A value may begin or end within a character.
        String::from_utf8_lossy(&output).into_owned()
    }
}

impl Redactor {
    fn new(redaction: Arc<Redaction>, counts_matches: bool) -> Self {
        Self {
            redaction,
            held: Zeroizing::default(),
            hidden: 0,
            open: Vec::new(),
            next_due: usize::MAX,
            starts: 0,
            continued: Vec::new(),
            start_id: 0,
            symbols: Zeroizing::new([0; CHUNK_LEN]),
            counts_matches,
        }
    }

    /// Returns the state of the task.
    pub fn redaction(&self) -> &Arc<Redaction> {
        &self.redaction
    }

    /// Writes the next bytes of the stream. Calls `out` with the segments that are decided.
    pub fn write(&mut self, bytes: &[u8], mut out: impl FnMut(Segment<'_>)) {
        let redaction = self.redaction.clone();
        match &mut *redaction.state() {
            State::Empty => clear(bytes, &mut out),
            State::Active(patterns) => {
                if self.held.capacity() == 0 {
                    // Growing the buffer later would leave a copy in memory.
                    self.held.reserve_exact(BLOCK + LOOKAHEAD);
                }
                for block in bytes.chunks(BLOCK) {
                    self.held.extend_from_slice(block);
                    // A smaller delay without a possible match would show a guest where matches
                    // begin.
                    let decided = self.held.len().saturating_sub(LOOKAHEAD);
                    self.release(patterns, decided, &mut out);
                }
            }
            // The values are unknown after the end.
            State::Ended => hide(bytes.len(), &mut out),
        }
    }

    /// Ends the stream, and calls `out` with the delayed segments. Later writes start a new stream.
    pub fn finish(&mut self, mut out: impl FnMut(Segment<'_>)) {
        let redaction = self.redaction.clone();
        let held = self.held.len();
        match &mut *redaction.state() {
            State::Empty => {}
            State::Active(patterns) => self.release(patterns, held, &mut out),
            State::Ended => hide(held, &mut out),
        }
        self.held.clear();
        self.open.clear();
        (self.next_due, self.starts) = (usize::MAX, 0);
        self.hidden = 0;
    }

    /// Releases the first `count` delayed bytes, after searching for matches at each of them.
    fn release(&mut self, patterns: &mut PatternSet, count: usize, out: &mut impl FnMut(Segment<'_>)) {
        let (mut at, mut shown) = (0, 0);
        while let Some(next) = self.next(patterns, at, count) {
            at = next;
            self.continue_matches(patterns, at);
            let Some((first, end)) = self.start_matches(patterns, at) else {
                at += 1;
                continue;
            };
            if at >= self.hidden {
                self.emit(shown, at, out);
                shown = at;
            }
            if let Some(secret) = patterns.secret(&first).filter(|_| end > self.hidden) {
                secret.matches += u64::from(self.counts_matches);
                if at >= self.hidden {
                    out(Segment::Marker(&secret.marker));
                }
            }
            self.hidden = self.hidden.max(end);
            at += 1;
        }
        self.emit(shown, count, out);
        self.held.drain(..count);
        self.hidden = self.hidden.saturating_sub(count);
        self.next_due = usize::MAX;
        for OpenMatch { partial, .. } in &mut self.open {
            partial.reader.at = partial.reader.at.saturating_sub(count);
            self.next_due = partial.reader.at.min(self.next_due);
        }
    }

    /// Returns the next position where a match may start or continue.
    fn next(&self, patterns: &PatternSet, at: usize, count: usize) -> Option<usize> {
        let continues = self.next_due.min(count);
        let until = (continues + PREFIX_LEN - 1).min(self.held.len());
        let starts = self.held.get(at..until).and_then(|text| patterns.filter.find(text));
        Some(starts.map_or(continues, |starts| continues.min(at + starts))).filter(|next| *next < count)
    }

    /// Continues the open matches whose next chunk begins at `at`.
    fn continue_matches(&mut self, patterns: &PatternSet, at: usize) {
        if self.next_due != at {
            return;
        }
        let Self { held, hidden, open, next_due, starts, continued, symbols, .. } = self;
        *next_due = usize::MAX;
        let (mut index, mut is_spliced) = (0, false);
        while let Some(OpenMatch { start_id, partial }) = open.get(index).copied() {
            if partial.reader.at != at {
                *next_due = partial.reader.at.min(*next_due);
                index += 1;
                continue;
            }
            patterns.extend(partial, held, symbols, |partial| {
                *hidden = (*hidden).max(partial.reader.end(held));
                if patterns.has_next_chunk(&partial) {
                    continued.push(partial);
                }
            });
            *next_due = continued.iter().map(|partial| partial.reader.at).fold(*next_due, usize::min);
            match (continued.as_slice(), open.get_mut(index)) {
                // The common case, in which no other entry moves.
                ([partial], Some(open)) => open.partial = *partial,
                _ => {
                    is_spliced = true;
                    open.splice(
                        index..=index,
                        continued.iter().map(|partial| OpenMatch { start_id, partial: *partial }),
                    );
                }
            }
            index += continued.len();
            continued.clear();
        }
        if is_spliced {
            *starts = open.chunk_by(|one, other| one.start_id == other.start_id).count();
        }
    }

    /// Returns the longest match that starts at `at`, and its end.
    fn start_matches(&mut self, patterns: &PatternSet, at: usize) -> Option<(PartialMatch, usize)> {
        let Self { held, open, next_due, starts, start_id, symbols, .. } = self;
        let text = held.get(at..)?;
        let has_room = *starts < MAX_STARTS;
        *start_id += 1;
        let mut longest: Option<(PartialMatch, usize)> = None;
        patterns.match_starts(text, symbols, |mut partial| {
            let end = at + partial.reader.end(text);
            partial.reader.at += at;
            if longest.is_none_or(|(_, longest)| longest < end) {
                longest = Some((partial, end));
            }
            if has_room && patterns.has_next_chunk(&partial) {
                if open.last().is_none_or(|last| last.start_id != *start_id) {
                    *starts += 1;
                }
                *next_due = partial.reader.at.min(*next_due);
                open.push(OpenMatch { start_id: *start_id, partial });
            }
        });
        longest
    }

    /// Emits a range of the delayed bytes, the first of which may be hidden.
    fn emit(&self, from: usize, to: usize, out: &mut impl FnMut(Segment<'_>)) {
        let shown = self.hidden.clamp(from, to.max(from));
        hide(shown - from, out);
        clear(self.held.get(shown..to).unwrap_or_default(), out);
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

fn clear(bytes: &[u8], out: &mut impl FnMut(Segment<'_>)) {
    if !bytes.is_empty() {
        out(Segment::Clear(bytes));
    }
}

fn hide(count: usize, out: &mut impl FnMut(Segment<'_>)) {
    if count > 0 {
        out(Segment::Hidden(count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delayed_bytes_and_open_matches_are_bounded() {
        let value: Vec<_> = (0..20_000_u32).map(|number| ((number * number) >> 3) as u8).collect();
        let redaction = Redaction::new();
        redaction.learn(&"key".parse().unwrap(), &value).unwrap();
        let mut redactor = redaction.redactor();
        redactor.write(b"a", |_| {});
        let capacity = redactor.held.capacity();
        // The value without its last byte, repeated, so that a match always stays open.
        let text = value[..19_999].repeat(3);
        let mut lengths = [1, 100, 1000, 10_000].into_iter().cycle();
        let mut rest = &text[..];
        while !rest.is_empty() {
            let (next, more) = rest.split_at(lengths.next().unwrap().min(rest.len()));
            redactor.write(next, |_| {});
            rest = more;
            assert!(redactor.held.len() <= LOOKAHEAD && redactor.open.len() <= 4 * MAX_STARTS);
        }
        assert_eq!(redactor.held.capacity(), capacity);
    }

    #[test]
    fn periodic_value_opens_bounded_matches() {
        let redaction = Redaction::new();
        redaction.learn(&"key".parse().unwrap(), "ab".repeat(500).as_bytes()).unwrap();
        let mut redactor = redaction.redactor();
        let mut shown = Vec::new();
        for _ in 0..500 {
            redactor.write("ab".repeat(10).as_bytes(), |segment| shown.push(format!("{segment:?}")));
            // Four forms leave the value unchanged.
            assert!(redactor.open.len() <= 4 * MAX_STARTS);
        }
        redactor.finish(|segment| shown.push(format!("{segment:?}")));
        assert!(shown.iter().skip(1).all(|segment| segment.starts_with("Hidden")), "{shown:?}");
    }
}
