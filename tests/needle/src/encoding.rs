//! The forms of a value, each computed as it is read.

use crate::masked::Masked;

/// How a value may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    /// As it is.
    Raw,
    /// From its end to its beginning.
    Reversed,
    /// RFC 4648, after so many bytes that are not the value's: 0, 1 or 2.
    Base64(usize),
    /// The alphabet for URLs, after so many bytes.
    Base64Url(usize),
    /// With these digits.
    Hex(Digits),
    /// RFC 3986, all but unreserved characters, with these digits.
    Percent(Digits),
    /// As in a JSON string, with the short escapes where there are.
    Json,
    /// UTF-16, the lower byte first.
    Utf16Le,
    /// UTF-16, the higher byte first.
    Utf16Be,
    /// As an HMAC's key, with this octet: `0x36` within, `0x5c` without (RFC 2104).
    HmacPad(u8),
    /// As SHA-2 with 64 bits has a message's beginning in its schedule there: words of eight bytes, from their last to their first.
    LongWords,
    /// As SHA-2 with 32 bits has it in its message schedule on a machine that is little-endian: words from their last byte
    /// to their first, after so many bytes of the message, and xored with an octet.
    Words {
        /// 0 to 3.
        before: usize,
        /// 0, or an HMAC's.
        pad: u8,
    },
}

const INNER: u8 = 0x36;
const OUTER: u8 = 0x5c;

/// The digits of sixteen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Digits {
    /// `a` to `f`.
    Lower,
    /// `A` to `F`.
    Upper,
}

impl Encoding {
    /// All of them. A window that several have in common counts as the first one's.
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

    /// Its name for people and for programs.
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

    /// The encoded value, without what depends on its neighbours; an ASCII value is assumed.
    pub fn of(self, value: &Masked) -> Box<dyn Iterator<Item = u8> + '_> {
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

/// The characters that all six bits of are the value's, when it stands after so many other bytes.
fn base64<'a>(value: &'a Masked, before: usize, last_two: &'static [u8; 2]) -> impl Iterator<Item = u8> + 'a {
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

/// The words that all four bytes of are the value's, when it stands after so many other bytes.
fn words<'a>(value: &'a Masked, before: usize, pad: u8) -> impl Iterator<Item = u8> + 'a {
    let first = (4 - before) % 4;
    let end = first + (value.len() - first) / 4 * 4;
    let at = move |place: usize| first + (place - first) / 4 * 4 + 3 - (place - first) % 4;
    (first..end).filter_map(move |place| value.bytes().nth(at(place))).map(move |byte| byte ^ pad)
}

fn long_words(value: &Masked) -> impl Iterator<Item = u8> + '_ {
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
        encoding.of(&Masked::of(VALUE.as_bytes()).unwrap()).collect()
    }

    fn form(encoding: Encoding) -> String {
        String::from_utf8(bytes(encoding)).unwrap()
    }

    #[test]
    fn forms_are_those_of_the_crates_that_write_them() {
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
    fn base64_is_found_wherever_the_value_stands_in_what_was_encoded() {
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
    fn the_forms_of_hmac_are_those_that_it_computes_with() {
        let value = b"0123456789abcdefXYZ";
        let form = |encoding: Encoding| encoding.of(&Masked::of(value).unwrap()).collect::<Vec<_>>();
        assert_eq!(form(Encoding::HmacPad(OUTER)), value.map(|byte| byte ^ 0x5c));
        assert_eq!(form(Encoding::Words { before: 0, pad: 0 }), b"32107654ba98fedc");
        assert_eq!(form(Encoding::Words { before: 1, pad: 0 }), b"6543a987edcbZYXf");
        assert_eq!(form(Encoding::Words { before: 3, pad: 0 }), b"43218765cba9Xfed");
        assert_eq!(form(Encoding::LongWords), b"76543210fedcba98");
        assert_eq!(form(Encoding::Words { before: 0, pad: INNER }), b"32107654ba98fedc".map(|byte| byte ^ 0x36));
    }

    #[test]
    fn every_encoding_is_listed_once() {
        let mut forms: Vec<Vec<u8>> = Encoding::ALL.into_iter().map(bytes).collect();
        forms.sort();
        forms.dedup();
        assert_eq!(forms.len(), Encoding::ALL.len());
    }
}
