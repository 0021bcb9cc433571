//! The naive redactor: compares each value in each form at each position of the text.

/// The hidden bytes of a text, and the positions of markers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::targets) struct Shown {
    hidden: Vec<bool>,
    markers: Vec<usize>,
}

impl Shown {
    pub(super) fn clear(&mut self, count: usize) {
        self.hidden.resize(self.hidden.len() + count, false);
    }

    pub(super) fn hide(&mut self, count: usize) {
        self.hidden.resize(self.hidden.len() + count, true);
    }

    pub(super) fn mark(&mut self) {
        self.markers.push(self.hidden.len());
    }

    /// Returns the text with `marker` in place of each match.
    #[cfg(feature = "host")]
    pub(in crate::targets) fn of(&self, text: &[u8], marker: &[u8]) -> Vec<u8> {
        let mut shown = Vec::new();
        for (at, byte) in text.iter().enumerate() {
            if self.markers.contains(&at) {
                shown.extend_from_slice(marker);
            }
            if !self.hidden[at] {
                shown.push(*byte);
            }
        }
        shown
    }

    /// Returns true if nothing is hidden.
    #[cfg(feature = "host")]
    pub(in crate::targets) fn is_clear(&self) -> bool {
        self.markers.is_empty()
    }
}

/// Hides these values in a text.
pub(in crate::targets) fn hidden(values: &[&[u8]], text: &[u8]) -> Shown {
    let mut shown = Shown { hidden: vec![false; text.len()], markers: Vec::new() };
    let mut end = 0;
    for at in 0..text.len() {
        let longest = values.iter().filter_map(|value| longest(value, &text[at..])).max();
        let Some(length) = longest else { continue };
        if at >= end {
            shown.markers.push(at);
        }
        end = end.max(at + length);
        shown.hidden[at..end].fill(true);
    }
    shown
}

/// Returns the length of the longest form of a value at the start of a text.
fn longest(value: &[u8], text: &[u8]) -> Option<usize> {
    let readers = [raw, hex, percent, query, json];
    let read = readers.into_iter().filter_map(|reader| length(value, text, reader));
    let base64 = (0..3).filter_map(|before| base64(value, before, text));
    read.chain(base64).max()
}

/// A reader that returns the decoded bytes of a text's first unit, and the unit's length.
type Reader = fn(&[u8]) -> Option<(Vec<u8>, usize)>;

fn length(value: &[u8], text: &[u8], reader: Reader) -> Option<usize> {
    let (mut at, mut rest) = (0, value);
    while !rest.is_empty() {
        let (bytes, width) = reader(&text[at..])?;
        // A value may end within a character, which is then hidden as a whole.
        let common = bytes.len().min(rest.len());
        if bytes[..common] != rest[..common] {
            return None;
        }
        rest = &rest[common..];
        at += width;
    }
    Some(at)
}

fn raw(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    text.first().map(|byte| (vec![*byte], 1))
}

fn digits(text: &[u8], count: usize) -> Option<u32> {
    let digits = text.get(..count).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

fn hex(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    digits(text, 2).map(|byte| (vec![byte as u8], 2))
}

fn percent(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    match text.strip_prefix(b"%").and_then(|escape| digits(escape, 2)) {
        Some(byte) => Some((vec![byte as u8], 3)),
        None => raw(text),
    }
}

fn query(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    if text.starts_with(b"+") { Some((vec![b' '], 1)) } else { percent(text) }
}

fn json(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let unit = |at: usize| digits(text.get(at..)?.strip_prefix(b"\\u")?, 4).map(|unit| unit as u16);
    if text.starts_with(b"\\u") {
        let first = unit(0)?;
        let (units, width) = match (first, unit(6)) {
            (0xd800..0xdc00, Some(second)) => (vec![first, second], 12),
            _ => (vec![first], 6),
        };
        return String::from_utf16(&units).ok().map(|character| (character.into_bytes(), width));
    }
    let escapes = [
        (&b"\\\""[..], b'"'),
        (b"\\\\", b'\\'),
        (b"\\/", b'/'),
        (b"\\b", 8),
        (b"\\f", 12),
        (b"\\n", b'\n'),
        (b"\\r", b'\r'),
        (b"\\t", b'\t'),
    ];
    match escapes.into_iter().find(|(escape, _)| text.starts_with(escape)) {
        Some((_, byte)) => Some((vec![byte], 2)),
        None => raw(text),
    }
}

/// Returns the length of the base64 characters that depend only on the value, after `before` other
/// bytes.
fn base64(value: &[u8], before: usize, text: &[u8]) -> Option<usize> {
    let bits: Vec<bool> = value.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    let skipped = (6 - 8 * before % 6) % 6;
    let sextets = bits.get(skipped..)?.chunks_exact(6);
    let count = sextets.len();
    let value_of = |bits: &[bool]| bits.iter().fold(0, |sextet, bit| sextet << 1 | u8::from(*bit));
    let read = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let text = text.get(..count)?;
    sextets.zip(text).all(|(bits, byte)| read(*byte) == Some(value_of(bits))).then_some(count)
}
