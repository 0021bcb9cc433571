//! Encodings of a value, computed on the fly.

use crate::masked::MaskedValue;

/// An encoding of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    /// The value itself.
    Raw,
    /// The bytes in reverse order.
    Reversed,
    /// Base64 (RFC 4648) after 0, 1 or 2 other bytes.
    Base64(usize),
    /// Base64 with the URL alphabet, after 0, 1 or 2 other bytes.
    Base64Url(usize),
    /// Hexadecimal with these digits.
    Hex(Digits),
    /// Percent-encoding of all but unreserved characters (RFC 3986), with these digits.
    Percent(Digits),
    /// A JSON string, with short escapes.
    Json,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// An HMAC key, xored with the pad: `0x36` inner, `0x5c` outer (RFC 2104).
    HmacPad(u8),
    /// The message schedule of 64-bit SHA-2 on a little-endian machine: words of eight bytes in
    /// reverse.
    LongWords,
    /// The message schedule of 32-bit SHA-2 on a little-endian machine: words of four bytes in
    /// reverse, after `before` other bytes, xored with a pad.
    Words {
        /// The bytes ahead of the value, 0 to 3.
        before: usize,
        /// 0, or an HMAC pad.
        pad: u8,
    },
}

const INNER: u8 = 0x36;
const OUTER: u8 = 0x5c;

/// The case of hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Digits {
    /// `a` to `f`.
    Lower,
    /// `A` to `F`.
    Upper,
}

impl Encoding {
    /// All encodings. A window that several encodings share counts for the first one.
    pub const ALL: [Self; 24] = [
        Self::Raw,
        Self::Reversed,
        Self::Json,
        Self::Percent(Digits::Upper),
        Self::Percent(Digits::Lower),
        Self::Hex(Digits::Lower),
        Self::Hex(Digits::Upper),
        Self::Base64(0),
        Self::Base64(1),
        Self::Base64(2),
        Self::Base64Url(0),
        Self::Base64Url(1),
        Self::Base64Url(2),
        Self::Utf16Le,
        Self::Utf16Be,
        Self::HmacPad(INNER),
        Self::HmacPad(OUTER),
        Self::Words { before: 0, pad: INNER },
        Self::Words { before: 0, pad: OUTER },
        Self::Words { before: 0, pad: 0 },
        Self::Words { before: 1, pad: 0 },
        Self::Words { before: 2, pad: 0 },
        Self::Words { before: 3, pad: 0 },
        Self::LongWords,
    ];

    /// Returns the name of the encoding.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Reversed => "reversed",
            Self::Base64(_) => "base64",
            Self::Base64Url(_) => "base64url",
            Self::Hex(_) => "hex",
            Self::Percent(_) => "percent",
            Self::Json => "json",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::HmacPad(_) => "hmac-pad",
            Self::Words { .. } => "sha-256-words",
            Self::LongWords => "sha-512-words",
        }
    }

    /// Returns the encoded value of an ASCII value, without bytes that depend on adjacent data.
    pub fn encode(self, value: &MaskedValue) -> Box<dyn Iterator<Item = u8> + '_> {
        let bytes = value.bytes();
        match self {
            Self::Raw => Box::new(bytes),
            Self::Reversed => Box::new(bytes.rev()),
            Self::Base64(before) => Box::new(base64(value, before, b"+/")),
            Self::Base64Url(before) => Box::new(base64(value, before, b"-_")),
            Self::Hex(digits) => Box::new(bytes.flat_map(move |byte| digits.of(byte))),
            Self::Percent(digits) => Box::new(bytes.flat_map(move |byte| percent(byte, digits))),
            Self::Json => Box::new(bytes.flat_map(json)),
            Self::Utf16Le => Box::new(bytes.flat_map(|byte| [byte, 0])),
            Self::Utf16Be => Box::new(bytes.flat_map(|byte| [0, byte])),
            Self::HmacPad(pad) => Box::new(bytes.map(move |byte| byte ^ pad)),
            Self::Words { before, pad } => Box::new(words(value, before, pad)),
            Self::LongWords => Box::new(long_words(value)),
        }
    }
}

impl Digits {
    fn of(self, byte: u8) -> [u8; 2] {
        [byte >> 4, byte & 15].map(|digit| match (digit, self) {
            (0..10, _) => b'0' + digit,
            (_, Self::Lower) => b'a' + digit - 10,
            (_, Self::Upper) => b'A' + digit - 10,
        })
    }
}

/// Returns the base64 characters that depend only on the value, after `before` other bytes.
fn base64<'a>(value: &'a MaskedValue, before: usize, last_two: &'static [u8; 2]) -> impl Iterator<Item = u8> + 'a {
    let first = (before * 8).div_ceil(6);
    let end = (before + value.len()) * 8 / 6;
    (first..end).map(move |character| {
        let bit = character * 6 - before * 8;
        let mut bytes = value.bytes().skip(bit / 8).map(u16::from);
        let two = bytes.next().unwrap_or_default() << 8 | bytes.next().unwrap_or_default();
        let six = (two >> (10 - bit % 8) & 63) as u8;
        match six {
            0..26 => b'A' + six,
            26..52 => b'a' + six - 26,
            52..62 => b'0' + six - 52,
            62 => last_two[0],
            _ => last_two[1],
        }
    })
}

/// Returns the words that contain only bytes of the value, after `before` other bytes.
fn words<'a>(value: &'a MaskedValue, before: usize, pad: u8) -> impl Iterator<Item = u8> + 'a {
    let first = (4 - before) % 4;
    let end = first + (value.len() - first) / 4 * 4;
    let at = move |place: usize| first + (place - first) / 4 * 4 + 3 - (place - first) % 4;
    (first..end).filter_map(move |place| value.bytes().nth(at(place))).map(move |byte| byte ^ pad)
}

fn long_words(value: &MaskedValue) -> impl Iterator<Item = u8> + '_ {
    let at = |place: usize| place / 8 * 8 + 7 - place % 8;
    (0..value.len() / 8 * 8).filter_map(move |place| value.bytes().nth(at(place)))
}

fn percent(byte: u8, digits: Digits) -> impl Iterator<Item = u8> {
    let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let [high, low] = digits.of(byte);
    let encoded = if unreserved { [byte, 0, 0] } else { [b'%', high, low] };
    encoded.into_iter().take(if unreserved { 1 } else { 3 })
}

fn json(byte: u8) -> impl Iterator<Item = u8> {
    let [high, low] = Digits::Lower.of(byte);
    let short = |letter| ([b'\\', letter, 0, 0, 0, 0], 2);
    let (encoded, len) = match byte {
        b'"' | b'\\' => short(byte),
        8 => short(b'b'),
        9 => short(b't'),
        10 => short(b'n'),
        12 => short(b'f'),
        13 => short(b'r'),
        0..32 => ([b'\\', b'u', b'0', b'0', high, low], 6),
        _ => ([byte, 0, 0, 0, 0, 0], 1),
    };
    encoded.into_iter().take(len)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    const VALUE: &str = "It's a \"Secret\"?~\\\n\u{1} to \u{7f}, >>>???";

    fn bytes(encoding: Encoding) -> Vec<u8> {
        encoding.encode(&MaskedValue::of(VALUE.as_bytes()).unwrap()).collect()
    }

    fn form(encoding: Encoding) -> String {
        String::from_utf8(bytes(encoding)).unwrap()
    }

    #[test]
    fn encodings_match_other_crates() {
        assert_eq!(form(Encoding::Raw), VALUE);
        assert_eq!(form(Encoding::Reversed), VALUE.chars().rev().collect::<String>());
        assert_eq!(form(Encoding::Hex(Digits::Lower)), hex::encode(VALUE));
        assert_eq!(form(Encoding::Hex(Digits::Upper)), hex::encode_upper(VALUE));
        assert_eq!(format!("\"{}\"", form(Encoding::Json)), serde_json::to_string(VALUE).unwrap());
        let utf16 = |bytes: fn(u16) -> [u8; 2]| VALUE.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
        assert_eq!(form(Encoding::Utf16Le).into_bytes(), utf16(u16::to_le_bytes));
        assert_eq!(form(Encoding::Utf16Be).into_bytes(), utf16(u16::to_be_bytes));
        let percent = "It%27s%20a%20%22Secret%22%3F~%5C%0A%01%20to%20%7F%2C%20%3E%3E%3E%3F%3F%3F";
        assert_eq!(form(Encoding::Percent(Digits::Upper)), percent);
        assert_eq!(form(Encoding::Percent(Digits::Lower)).to_ascii_uppercase(), percent.to_ascii_uppercase());
    }

    #[test]
    fn base64_is_found_at_any_offset() {
        for before in ["", "a", "ab", "abc", "Bearer "] {
            for after in ["", "z", "zy", "zyx"] {
                let text = format!("{before}{VALUE}{after}");
                let offset = before.len() % 3;
                assert!(STANDARD.encode(&text).contains(&form(Encoding::Base64(offset))), "{text}");
                assert!(URL_SAFE.encode(&text).contains(&form(Encoding::Base64Url(offset))), "{text}");
            }
        }
    }

    #[test]
    fn hmac_and_sha2_words_are_encoded() {
        let value = b"0123456789abcdefXYZ";
        let form = |encoding: Encoding| encoding.encode(&MaskedValue::of(value).unwrap()).collect::<Vec<_>>();
        assert_eq!(form(Encoding::HmacPad(OUTER)), value.map(|byte| byte ^ 0x5c));
        assert_eq!(form(Encoding::Words { before: 0, pad: 0 }), b"32107654ba98fedc");
        assert_eq!(form(Encoding::Words { before: 1, pad: 0 }), b"6543a987edcbZYXf");
        assert_eq!(form(Encoding::Words { before: 3, pad: 0 }), b"43218765cba9Xfed");
        assert_eq!(form(Encoding::LongWords), b"76543210fedcba98");
        assert_eq!(form(Encoding::Words { before: 0, pad: INNER }), b"32107654ba98fedc".map(|byte| byte ^ 0x36));
    }

    #[test]
    fn encodings_are_listed_once() {
        let mut forms: Vec<Vec<u8>> = Encoding::ALL.into_iter().map(bytes).collect();
        forms.sort();
        forms.dedup();
        assert_eq!(forms.len(), Encoding::ALL.len());
    }
}
