//! A Bloom filter for the positions at which a value may begin.
//!
//! It looks at four bytes, and skips output without a value fast. The filter holds the prefixes of
//! all forms of the values, two bits each. It has false positives, but no false negatives.

use far_memory::SecretBytes;

use super::error::LearnError;
use super::form::{self, PREFIX_LEN};

/// A filter for the prefixes of values.
///
/// # Security
///
/// The hashes are fast and do not protect the values. The filter and its keys are in locked memory.
pub(super) struct Filter(SecretBytes);

/// The keys of the two hashes: odd numbers.
type Keys = [u32; 2];
const KEYS: usize = size_of::<Keys>();
/// The number of bits of a hash. With 64 values, at most 1 % of random positions are false
/// positives.
const BITS: u32 = 15;
const BYTES: usize = 1 << (BITS - 3);

impl Filter {
    /// Creates an empty filter.
    pub(super) fn new() -> Result<Self, LearnError> {
        let mut filled = Ok(());
        let filter = SecretBytes::new(KEYS + BYTES, |bytes| {
            filled = getrandom::fill(bytes.split_at_mut(KEYS).0);
        })?;
        filled.map_err(|_| LearnError::Random)?;
        Ok(Self(filter))
    }

    /// Returns this filter with the prefixes of all forms of `value`.
    pub(super) fn with_value(&self, value: &[u8]) -> Result<Self, LearnError> {
        let known = self.0.expose();
        let keys = self.parts().0;
        let filter = SecretBytes::new(known.len(), |bytes| {
            bytes.copy_from_slice(known);
            let bits = bytes.split_at_mut(KEYS).1;
            form::prefixes(value, |prefix| {
                let window = prefix.into_iter().fold(0, shifted);
                for key in keys {
                    let (byte, bit) = bit_of(window, key);
                    if let Some(byte) = bits.get_mut(byte) {
                        *byte |= bit;
                    }
                }
            });
        })?;
        Ok(Self(filter))
    }

    /// Returns the first position in `text` at which a value may begin.
    pub(super) fn find(&self, text: &[u8]) -> Option<usize> {
        let ([one, other], bits) = self.parts();
        let has = |window, key| {
            let (byte, bit) = bit_of(window, key);
            bits.get(byte).is_some_and(|byte| byte & bit != 0)
        };
        let mut window = 0;
        for (at, byte) in text.iter().enumerate() {
            window = shifted(window, *byte);
            if has(window, one) && has(window, other) && at + 1 >= PREFIX_LEN {
                return Some(at + 1 - PREFIX_LEN);
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

/// Shifts a byte into a window of four bytes. It folds case and the base64 alphabets, so that a
/// form has few prefixes.
fn shifted(window: u32, byte: u8) -> u32 {
    window << 8 | u32::from(FOLDED.get(usize::from(byte)).copied().unwrap_or_default())
}

/// Returns the byte index and the bit mask of a window.
fn bit_of(window: u32, key: u32) -> (usize, u8) {
    let hash = window.wrapping_mul(key) >> (32 - BITS);
    ((hash >> 3) as usize, 1 << (hash & 7))
}

const FOLDED: [u8; 256] = {
    let mut folded = [0; 256];
    let mut rest: &mut [u8] = &mut folded;
    let mut byte = 0;
    while let Some((first, tail)) = rest.split_first_mut() {
        *first = match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte.to_ascii_lowercase(),
        };
        byte = byte.wrapping_add(1);
        rest = tail;
    }
    folded
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_matches_every_prefix_and_little_else() {
        let empty = Filter::new().unwrap();
        let filter = empty.with_value(b"\"Gr\xc3\xbc\xc3\x9fe /+?").unwrap();
        let mut prefixes = Vec::new();
        form::prefixes(b"\"Gr\xc3\xbc\xc3\x9fe /+?", |prefix| prefixes.push(prefix));
        assert!(prefixes.len() > 12, "{prefixes:?}");
        for prefix in &prefixes {
            for text in [prefix.to_vec(), prefix.to_ascii_uppercase()] {
                assert_eq!(filter.find(&text), Some(0), "{}", String::from_utf8_lossy(&text));
                assert_eq!(empty.find(&text), None);
            }
        }
        let other =
            (0_u32..100_000).filter(|number| filter.find(&number.wrapping_mul(0x9e37_79b9).to_le_bytes()) == Some(0));
        assert!(other.count() < 1000);
    }

    #[test]
    fn position_is_start_of_prefix() {
        let filter = Filter::new().unwrap().with_value(b"value").unwrap();
        let text = b"....value";
        assert!((0..=4).filter_map(|from| Some(from + filter.find(&text[from..])?)).any(|at| at == 4));
        assert_eq!(filter.find(b"val"), None, "three bytes are too short");
        assert_eq!(filter.find(b""), None);
    }
}
