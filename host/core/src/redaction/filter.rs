//! Where in a text a value may begin: a look at four bytes, which clean text passes fast.
//!
//! The filter is a set of openings, two bits each (a Bloom filter): it lets some places through where no value begins, and
//! never misses one where a value does.

use far_memory::SecretBytes;

use super::error::LearnError;
use super::form::{self, OPENING};

/// A filter for the values that it was taught.
///
/// # Security
///
/// Its hashes are fast, and so keep no secret: the whole filter is in locked memory, with their keys.
pub(super) struct Filter(SecretBytes);

/// A hash's key each: odd numbers.
type Keys = [u32; 2];
const KEYS: usize = size_of::<Keys>();
/// How many bits a hash has. With 64 values, one place in a hundred of random text is let through, or fewer.
const BITS: u32 = 15;
const BYTES: usize = 1 << (BITS - 3);

impl Filter {
    /// A filter that lets nothing through.
    pub(super) fn new() -> Result<Self, LearnError> {
        let mut filled = Ok(());
        let filter = SecretBytes::new(KEYS + BYTES, |bytes| {
            filled = getrandom::fill(bytes.split_at_mut(KEYS).0);
        })?;
        filled.map_err(|_| LearnError::Random)?;
        Ok(Self(filter))
    }

    /// The same filter, which lets the value through in every form as well.
    pub(super) fn with(&self, value: &[u8]) -> Result<Self, LearnError> {
        let known = self.0.expose();
        let keys = self.parts().0;
        let filter = SecretBytes::new(known.len(), |bytes| {
            bytes.copy_from_slice(known);
            let bits = bytes.split_at_mut(KEYS).1;
            form::openings(value, |opening| {
                let window = opening.into_iter().fold(0, shifted);
                for key in keys {
                    let (byte, bit) = place(window, key);
                    if let Some(byte) = bits.get_mut(byte) {
                        *byte |= bit;
                    }
                }
            });
        })?;
        Ok(Self(filter))
    }

    /// The first place in the text at which a value may begin.
    pub(super) fn first(&self, text: &[u8]) -> Option<usize> {
        let ([one, other], bits) = self.parts();
        let has = |window, key| {
            let (byte, bit) = place(window, key);
            bits.get(byte).is_some_and(|byte| byte & bit != 0)
        };
        let mut window = 0;
        for (at, byte) in text.iter().enumerate() {
            window = shifted(window, *byte);
            if has(window, one) && has(window, other) && at + 1 >= OPENING {
                return Some(at + 1 - OPENING);
            }
        }
        None
    }

    fn parts(&self) -> (Keys, &[u8]) {
        let (keys, bits) = self.0.expose().split_at(KEYS);
        let (one, other) = keys.split_at(KEYS / 2);
        let key = |bytes: &[u8]| bytes.as_array().copied().map(u32::from_ne_bytes).unwrap_or_default() | 1;
        ([key(one), key(other)], bits)
    }
}

/// The last four bytes, with one more. Letters have no case and base64 one alphabet here, so that a form has few openings.
fn shifted(window: u32, byte: u8) -> u32 {
    window << 8 | u32::from(FOLDED.get(usize::from(byte)).copied().unwrap_or_default())
}

/// Where a window's bit is.
fn place(window: u32, key: u32) -> (usize, u8) {
    let hash = window.wrapping_mul(key) >> (32 - BITS);
    ((hash >> 3) as usize, 1 << (hash & 7))
}

const FOLDED: [u8; 256] = {
    let mut folded = [0; 256];
    let mut rest: &mut [u8] = &mut folded;
    let mut byte = 0;
    while let Some((first, others)) = rest.split_first_mut() {
        *first = match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte.to_ascii_lowercase(),
        };
        byte = byte.wrapping_add(1);
        rest = others;
    }
    folded
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_opening_is_let_through_and_little_else() {
        let empty = Filter::new().unwrap();
        let filter = empty.with(b"\"Gr\xc3\xbc\xc3\x9fe /+?").unwrap();
        let mut openings = Vec::new();
        form::openings(b"\"Gr\xc3\xbc\xc3\x9fe /+?", |opening| openings.push(opening));
        assert!(openings.len() > 12, "{openings:?}");
        for opening in &openings {
            for text in [opening.to_vec(), opening.to_ascii_uppercase()] {
                assert_eq!(filter.first(&text), Some(0), "{}", String::from_utf8_lossy(&text));
                assert_eq!(empty.first(&text), None);
            }
        }
        let other =
            (0_u32..100_000).filter(|number| filter.first(&number.wrapping_mul(0x9e37_79b9).to_le_bytes()) == Some(0));
        assert!(other.count() < 1000);
    }

    #[test]
    fn a_place_is_where_an_opening_begins() {
        let filter = Filter::new().unwrap().with(b"value").unwrap();
        let text = b"....value";
        assert!((0..=4).filter_map(|from| Some(from + filter.first(&text[from..])?)).any(|at| at == 4));
        assert_eq!(filter.first(b"val"), None, "three bytes are no opening");
        assert_eq!(filter.first(b""), None);
    }
}
