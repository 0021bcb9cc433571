//! One stream, redacted as it flows.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::form::{OPENING, UNIT_MAX, WIDEST};
use super::known::{Followed, Known};
use super::reading::{PIECE, Symbols};
use super::task::{Redaction, State};

/// How many bytes must be known to say what begins at the first of them.
const REACH: usize = PIECE * WIDEST + UNIT_MAX;
/// How many bytes are taken in at a time.
const BLOCK: usize = 4096;
/// From how many places values may go on at a time. More overlap only where a long value is one short sequence, over and
/// over; of such a one, a last piece may stay.
const PLACES_MAX: usize = 64;

/// Redacts one stream of bytes.
///
/// # Security
///
/// What is fed comes out in order, but for the last bytes, which are held back until it is known that no value begins in
/// them. The buffer for them does not grow, and is overwritten when the redactor is dropped.
pub struct Redactor {
    redaction: Arc<Redaction>,
    held: Zeroizing<Vec<u8>>,
    /// How many of the held bytes are of a find.
    hidden: usize,
    /// Long values that were begun, and may go on, in the order of the places where they began.
    followed: Vec<Begun>,
    /// Where the first of those goes on.
    due: usize,
    /// How many places they began at.
    places: usize,
    /// Room for those that go on in a text.
    further: Vec<Followed>,
    /// The number of the last such place.
    place: u64,
    symbols: Symbols,
    /// Whether finds are the task's doing.
    counts: bool,
}

/// A long value, so much of which was found, and the number of the place where it began.
#[derive(Clone, Copy)]
struct Begun {
    place: u64,
    so_far: Followed,
}

/// What comes out of a redactor. The lengths of [`Piece::Clear`] and [`Piece::Hidden`] add up to what was fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes as they were fed.
    Clear(&'a [u8]),
    /// What stands in the place of a find, whose bytes are hidden from here on.
    Marker(&'a str),
    /// So many bytes of a find.
    Hidden(usize),
}

impl Piece<'_> {
    /// What of it is shown.
    pub fn shown(&self) -> &[u8] {
        match self {
            Self::Clear(bytes) => bytes,
            Self::Marker(marker) => marker.as_bytes(),
            Self::Hidden(_) => &[],
        }
    }
}

impl Redaction {
    /// A redactor for one of the task's streams.
    pub fn redactor(self: &Arc<Self>) -> Redactor {
        Redactor::new(self.clone(), true)
    }

    /// A redactor for what reaches the task: what is found there is not the task's doing, and does not count.
    pub fn redactor_of_input(self: &Arc<Self>) -> Redactor {
        Redactor::new(self.clone(), false)
    }

    /// A whole text, redacted. Markers may be longer than what they stand for: if there is anything to look for, so many
    /// bytes of the result are kept at most.
    pub fn text(self: &Arc<Self>, text: String, most: usize) -> String {
        if self.is_empty() {
            return text;
        }
        let text = Zeroizing::new(text);
        let mut kept = Vec::new();
        let mut keep = |piece: Piece<'_>| kept.extend(piece.shown().iter().take(most.saturating_sub(kept.len())));
        let mut redactor = self.redactor();
        redactor.write(text.as_bytes(), &mut keep);
        redactor.finish(&mut keep);
        // A value may begin and end within a character.
        String::from_utf8_lossy(&kept).into_owned()
    }
}

impl Redactor {
    fn new(redaction: Arc<Redaction>, counts: bool) -> Self {
        Self {
            redaction,
            held: Zeroizing::default(),
            hidden: 0,
            followed: Vec::new(),
            due: usize::MAX,
            places: 0,
            further: Vec::new(),
            place: 0,
            symbols: Zeroizing::new([0; PIECE]),
            counts,
        }
    }

    /// What it redacts of.
    pub fn redaction(&self) -> &Arc<Redaction> {
        &self.redaction
    }

    /// Takes the stream's next bytes, and hands out what is decided.
    pub fn write(&mut self, bytes: &[u8], mut out: impl FnMut(Piece<'_>)) {
        let redaction = self.redaction.clone();
        match &mut *redaction.state() {
            State::Empty => clear(bytes, &mut out),
            State::Known(known) => {
                if self.held.capacity() == 0 {
                    // All that is ever needed: to grow would leave a copy behind.
                    self.held.reserve_exact(BLOCK + REACH);
                }
                for block in bytes.chunks(BLOCK) {
                    self.held.extend_from_slice(block);
                    // Were it less where nothing can begin, a guest would see by how reads are cut what does.
                    let decided = self.held.len().saturating_sub(REACH);
                    self.decide(known, decided, &mut out);
                }
            }
            // What is a value, nobody knows any more.
            State::Ended => hide(bytes.len(), &mut out),
        }
    }

    /// Ends the stream, and hands out what was held back. What is written after that is another stream's.
    pub fn finish(&mut self, mut out: impl FnMut(Piece<'_>)) {
        let redaction = self.redaction.clone();
        let held = self.held.len();
        match &mut *redaction.state() {
            State::Empty => {}
            State::Known(known) => self.decide(known, held, &mut out),
            State::Ended => hide(held, &mut out),
        }
        self.held.clear();
        self.followed.clear();
        (self.due, self.places) = (usize::MAX, 0);
        self.hidden = 0;
    }

    /// Hands out the first so many of the held bytes, once it is known what begins at each.
    fn decide(&mut self, known: &mut Known, count: usize, out: &mut impl FnMut(Piece<'_>)) {
        let (mut at, mut shown) = (0, 0);
        while let Some(next) = self.next(known, at, count) {
            at = next;
            self.go_on(known, at);
            let Some((first, end)) = self.begin(known, at) else {
                at += 1;
                continue;
            };
            if at >= self.hidden {
                self.show(shown, at, out);
                shown = at;
            }
            if let Some(secret) = known.secret(&first).filter(|_| end > self.hidden) {
                secret.finds += u64::from(self.counts);
                if at >= self.hidden {
                    out(Piece::Marker(&secret.marker));
                }
            }
            self.hidden = self.hidden.max(end);
            at += 1;
        }
        self.show(shown, count, out);
        self.held.drain(..count);
        self.hidden = self.hidden.saturating_sub(count);
        self.due = usize::MAX;
        for Begun { so_far, .. } in &mut self.followed {
            so_far.reader.at = so_far.reader.at.saturating_sub(count);
            self.due = so_far.reader.at.min(self.due);
        }
    }

    /// The next place where a value may begin or go on.
    fn next(&self, known: &Known, at: usize, count: usize) -> Option<usize> {
        let goes_on = self.due.min(count);
        let until = (goes_on + OPENING - 1).min(self.held.len());
        let begins = self.held.get(at..until).and_then(|text| known.filter.first(text));
        Some(begins.map_or(goes_on, |begins| goes_on.min(at + begins))).filter(|next| *next < count)
    }

    /// Follows the long values of which a piece should begin here.
    fn go_on(&mut self, known: &Known, at: usize) {
        if self.due != at {
            return;
        }
        let Self { held, hidden, followed, due, places, further, symbols, .. } = self;
        *due = usize::MAX;
        let (mut index, mut others) = (0, false);
        while let Some(Begun { place, so_far }) = followed.get(index).copied() {
            if so_far.reader.at != at {
                *due = so_far.reader.at.min(*due);
                index += 1;
                continue;
            }
            known.follow(so_far, held, symbols, |so_far| {
                *hidden = (*hidden).max(so_far.reader.end(held));
                if known.goes_on(&so_far) {
                    further.push(so_far);
                }
            });
            *due = further.iter().map(|so_far| so_far.reader.at).fold(*due, usize::min);
            match (further.as_slice(), followed.get_mut(index)) {
                // As a rule: no other entry moves.
                ([so_far], Some(begun)) => begun.so_far = *so_far,
                _ => {
                    others = true;
                    followed.splice(index..=index, further.iter().map(|so_far| Begun { place, so_far: *so_far }));
                }
            }
            index += further.len();
            further.clear();
        }
        if others {
            *places = followed.chunk_by(|one, other| one.place == other.place).count();
        }
    }

    /// The longest find that begins here, and where it ends.
    fn begin(&mut self, known: &Known, at: usize) -> Option<(Followed, usize)> {
        let Self { held, followed, due, places, place, symbols, .. } = self;
        let text = held.get(at..)?;
        let has_room = *places < PLACES_MAX;
        *place += 1;
        let mut longest: Option<(Followed, usize)> = None;
        known.beginnings(text, symbols, |mut so_far| {
            let end = at + so_far.reader.end(text);
            so_far.reader.at += at;
            if longest.is_none_or(|(_, longest)| longest < end) {
                longest = Some((so_far, end));
            }
            if has_room && known.goes_on(&so_far) {
                if followed.last().is_none_or(|last| last.place != *place) {
                    *places += 1;
                }
                *due = so_far.reader.at.min(*due);
                followed.push(Begun { place: *place, so_far });
            }
        });
        longest
    }

    /// Hands out the held bytes in a range, at the beginning of which some may be hidden.
    fn show(&self, from: usize, to: usize, out: &mut impl FnMut(Piece<'_>)) {
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

fn clear(bytes: &[u8], out: &mut impl FnMut(Piece<'_>)) {
    if !bytes.is_empty() {
        out(Piece::Clear(bytes));
    }
}

fn hide(count: usize, out: &mut impl FnMut(Piece<'_>)) {
    if count > 0 {
        out(Piece::Hidden(count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_held_back_and_the_buffer_does_not_grow() {
        let value: Vec<_> = (0..20_000_u32).map(|number| ((number * number) >> 3) as u8).collect();
        let redaction = Redaction::new();
        redaction.learn(&"key".parse().unwrap(), &value).unwrap();
        let mut redactor = redaction.redactor();
        redactor.write(b"a", |_| {});
        let capacity = redactor.held.capacity();
        // The value but for its end, again and again: it is never known whether it will be the whole.
        let text = value[..19_999].repeat(3);
        let mut lengths = [1, 100, 1000, 10_000].into_iter().cycle();
        let mut rest = &text[..];
        while !rest.is_empty() {
            let (next, more) = rest.split_at(lengths.next().unwrap().min(rest.len()));
            redactor.write(next, |_| {});
            rest = more;
            assert!(redactor.held.len() <= REACH && redactor.followed.len() <= 4 * PLACES_MAX);
        }
        assert_eq!(redactor.held.capacity(), capacity);
    }

    #[test]
    fn periodic_value_does_not_have_every_place_followed() {
        let redaction = Redaction::new();
        redaction.learn(&"key".parse().unwrap(), "ab".repeat(500).as_bytes()).unwrap();
        let mut redactor = redaction.redactor();
        let mut shown = Vec::new();
        for _ in 0..500 {
            redactor.write("ab".repeat(10).as_bytes(), |piece| shown.push(format!("{piece:?}")));
            // As it is, and as three encodings that leave it so.
            assert!(redactor.followed.len() <= 4 * PLACES_MAX);
        }
        redactor.finish(|piece| shown.push(format!("{piece:?}")));
        assert!(shown.iter().skip(1).all(|piece| piece.starts_with("Hidden")), "{shown:?}");
    }
}
