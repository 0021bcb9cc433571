//! Encodings of values, and their decoding.
//!
//! A form decodes output unit by unit: an escape, a pair of digits, or a single byte. A unit
//! decodes to *symbols*, which are fingerprinted. A symbol is a byte, or six bits for base64, where
//! a value may begin within a character.

use std::ops::Range;

/// An encoding in which redaction searches for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Unencoded.
    Raw,
    /// Percent-encoded (RFC 3986), for any subset of the bytes.
    Percent,
    /// Percent-encoded with `+` for a space, as in HTML forms.
    Query,
    /// The inside of a JSON string (RFC 8259).
    Json,
    /// Hexadecimal.
    Hex,
    /// Base64 or base64url (RFC 4648).
    Base64,
}

/// The alphabet of symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Bytes.
    Bytes,
    /// Six bits each.
    Sextets,
}

/// A decoded unit.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    symbols: [u8; 4],
    count: usize,
    /// The encoded length in bytes.
    pub(super) width: usize,
}

/// The maximum encoded length of a unit: a surrogate pair in JSON.
pub(super) const UNIT_MAX: usize = 12;
/// The maximum encoded length of a symbol: an ASCII character in JSON.
pub(super) const SYMBOL_MAX: usize = 6;
/// The length of a prefix in the filter, in bytes.
pub(super) const PREFIX_LEN: usize = 4;

impl Form {
    pub(super) const ALL: [Self; 6] = [Self::Raw, Self::Percent, Self::Query, Self::Json, Self::Hex, Self::Base64];

    /// Decodes the first unit of `text`.
    pub(super) fn unit(self, text: &[u8]) -> Option<Unit> {
        match self {
            Self::Raw => text.first().map(|byte| Unit::of(*byte, 1)),
            Self::Percent => percent(text),
            Self::Query if text.first() == Some(&b'+') => Some(Unit::of(b' ', 1)),
            Self::Query => percent(text),
            Self::Json => json(text),
            Self::Hex => hex_pair(text).map(|byte| Unit::of(byte, 2)),
            Self::Base64 => text.first().and_then(|byte| sextet(*byte)).map(|bits| Unit::of(bits, 1)),
        }
    }

    /// Calls `each` with every encoding of the first bytes of `value`, and their number.
    fn spellings(self, value: &[u8], each: &mut dyn FnMut(&[u8], usize)) {
        let Some(&byte) = value.first() else { return };
        let [high, low] = digits(byte);
        if self == Self::Hex {
            return each(&[high, low], 1);
        }
        each(&[byte], 1);
        match self {
            Self::Percent => each(&[b'%', high, low], 1),
            Self::Query => {
                each(&[b'%', high, low], 1);
                if byte == b' ' {
                    each(b"+", 1);
                }
            }
            Self::Json => {
                if let Some(short) = short_escape(byte) {
                    each(&[b'\\', short], 1);
                }
                if let Some((first, length)) = first_character(value) {
                    let [[a, b], [c, d]] = first.to_be_bytes().map(digits);
                    each(&[b'\\', b'u', a, b, c, d], length);
                }
            }
            _ => {}
        }
    }
}

impl Unit {
    fn of(symbol: u8, width: usize) -> Self {
        Self { symbols: [symbol, 0, 0, 0], count: 1, width }
    }

    pub(super) fn symbols(&self) -> &[u8] {
        self.symbols.get(..self.count).unwrap_or_default()
    }
}

/// Calls `each` with the prefixes of all encodings of a value, except for other cases of letters
/// and the other base64 alphabet.
pub(super) fn prefixes(value: &[u8], mut each: impl FnMut([u8; PREFIX_LEN])) {
    for form in Form::ALL {
        if form == Form::Base64 {
            for sextets in ALIGNMENTS.map(|before| sextets(value, before)) {
                let mut prefix = [0; PREFIX_LEN];
                prefix.iter_mut().zip(sextets).for_each(|(to, bits)| *to = character(bits));
                each(prefix);
            }
        } else {
            spell(form, value, [0; PREFIX_LEN], 0, &mut each);
        }
    }
}

fn spell(form: Form, value: &[u8], prefix: [u8; PREFIX_LEN], written: usize, each: &mut dyn FnMut([u8; PREFIX_LEN])) {
    form.spellings(value, &mut |spelled, read| {
        let mut prefix = prefix;
        prefix.iter_mut().skip(written).zip(spelled).for_each(|(to, from)| *to = *from);
        match written + spelled.len() {
            PREFIX_LEN.. => each(prefix),
            written => spell(form, value.get(read..).unwrap_or_default(), prefix, written, each),
        }
    });
}

/// The offsets of a value in its first group of three bytes.
pub(super) const ALIGNMENTS: [usize; 3] = [0, 1, 2];

/// Returns the sextets that contain only bits of the value, if `before` bytes precede it in its
/// first group.
pub(super) fn sextets(value: &[u8], before: usize) -> impl ExactSizeIterator<Item = u8> {
    let characters: Range<usize> = (8 * before).div_ceil(6)..8 * (before + value.len()) / 6;
    characters.map(move |character| {
        let bit = 6 * character - 8 * before;
        let byte = |at: usize| u16::from(value.get(at).copied().unwrap_or_default());
        let pair = byte(bit / 8) << 8 | byte(bit / 8 + 1);
        (pair >> (10 - bit % 8) & 0x3f) as u8
    })
}

fn percent(text: &[u8]) -> Option<Unit> {
    if let [b'%', escape @ ..] = text
        && let Some(byte) = hex_pair(escape)
    {
        return Some(Unit::of(byte, 3));
    }
    text.first().map(|byte| Unit::of(*byte, 1))
}

fn json(text: &[u8]) -> Option<Unit> {
    match text {
        [b'\\', b'u', rest @ ..] => match (code_unit(rest)?, rest.get(4..)) {
            (high @ 0xd800..0xdc00, Some([b'\\', b'u', rest @ ..])) => character_unit([high, code_unit(rest)?], 12),
            (unit, _) => character_unit([unit], 6),
        },
        [b'\\', escape, ..] => match unescaped(*escape) {
            Some(byte) => Some(Unit::of(byte, 2)),
            None => Some(Unit::of(b'\\', 1)),
        },
        [byte, ..] => Some(Unit::of(*byte, 1)),
        [] => None,
    }
}

fn character_unit<const N: usize>(utf16: [u16; N], width: usize) -> Option<Unit> {
    let character = char::decode_utf16(utf16).next()?.ok()?;
    let mut symbols = [0; 4];
    let count = character.encode_utf8(&mut symbols).len();
    Some(Unit { symbols, count, width })
}

/// Returns the first UTF-16 unit of the first character, and the length of the character in bytes.
fn first_character(value: &[u8]) -> Option<(u16, usize)> {
    let beginning = value.get(..PREFIX_LEN).unwrap_or(value);
    let character = beginning.utf8_chunks().next()?.valid().chars().next()?;
    let first = character.encode_utf16(&mut [0; 2]).first().copied()?;
    Some((first, character.len_utf8()))
}

fn code_unit(text: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([hex_pair(text)?, hex_pair(text.get(2..)?)?]))
}

/// Decodes the first two hexadecimal digits.
pub(super) fn hex_pair(text: &[u8]) -> Option<u8> {
    let value = |digit: u8| HEX_DIGITS.get(usize::from(digit)).copied().filter(|value| *value != NO_SYMBOL);
    match text {
        [high, low, ..] => Some(value(*high)? << 4 | value(*low)?),
        _ => None,
    }
}

fn digits(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 0xf].map(|digit| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 })
}

/// JSON's two-character escapes.
const ESCAPES: [(u8, u8); 8] = [
    (b'"', b'"'),
    (b'\\', b'\\'),
    (b'/', b'/'),
    (b'b', 0x08),
    (b'f', 0x0c),
    (b'n', b'\n'),
    (b'r', b'\r'),
    (b't', b'\t'),
];

fn unescaped(escape: u8) -> Option<u8> {
    ESCAPES.iter().find(|(written, _)| *written == escape).map(|(_, byte)| *byte)
}

fn short_escape(byte: u8) -> Option<u8> {
    ESCAPES.iter().find(|(_, meant)| *meant == byte).map(|(written, _)| *written)
}

/// Decodes a character of either base64 alphabet.
pub(super) fn sextet(character: u8) -> Option<u8> {
    SEXTETS.get(usize::from(character)).copied().filter(|sextet| *sextet != NO_SYMBOL)
}

/// The table entry of a byte that is not a symbol.
const NO_SYMBOL: u8 = 0xff;
const HEX_DIGITS: [u8; 256] = table(&[(b'0', 10, 0), (b'a', 6, 10), (b'A', 6, 10)]);
const SEXTETS: [u8; 256] =
    table(&[(b'A', 26, 0), (b'a', 26, 26), (b'0', 10, 52), (b'+', 1, 62), (b'-', 1, 62), (b'/', 1, 63), (b'_', 1, 63)]);

/// Builds a table from ranges: the first byte, the number of bytes, and the first symbol.
const fn table(mut ranges: &[(u8, u8, u8)]) -> [u8; 256] {
    let mut table = [NO_SYMBOL; 256];
    while let Some(((first, count, symbol), others)) = ranges.split_first() {
        let (_, from) = table.split_at_mut(*first as usize);
        let (mut range, _) = from.split_at_mut(*count as usize);
        let mut next = *symbol;
        while let Some((to, rest)) = range.split_first_mut() {
            *to = next;
            next += 1;
            range = rest;
        }
        ranges = others;
    }
    table
}

fn character(sextet: u8) -> u8 {
    match sextet {
        0..26 => b'A' + sextet,
        26..52 => b'a' + sextet - 26,
        52..62 => b'0' + sextet - 52,
        62 => b'+',
        _ => b'/',
    }
}
