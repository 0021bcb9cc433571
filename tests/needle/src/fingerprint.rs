//! Keyed fingerprints of windows: a cyclic polynomial, which rolls to the next window with two
//! table lookups.

#![expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]

use std::array;

/// The number of consecutive bytes of an encoding that count as a match.
pub const WINDOW: usize = 16;

/// The key: a random word for each byte value.
pub(crate) struct Key([u64; 256]);

impl Key {
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = vec![0; 256 * 8];
        getrandom::fill(&mut bytes)?;
        let (words, _) = bytes.as_chunks();
        Ok(Self(array::from_fn(|octet| u64::from_ne_bytes(words[octet]))))
    }

    /// Returns the fingerprint of a window.
    pub(crate) fn of(&self, window: impl Iterator<Item = u8>) -> u64 {
        window.fold(0, |print, byte| print.rotate_left(1) ^ self.0[usize::from(byte)])
    }

    /// Returns the fingerprint of the next window, without `first` and with `next`.
    pub(crate) fn roll(&self, print: u64, first: u8, next: u8) -> u64 {
        let first = self.0[usize::from(first)].rotate_left(WINDOW as u32);
        print.rotate_left(1) ^ first ^ self.0[usize::from(next)]
    }
}

/// A filter that rejects most fingerprints without a map lookup.
pub(crate) struct Filter(Box<[u64; 1024]>);

impl Filter {
    pub(crate) fn of(prints: impl Iterator<Item = u64>) -> Self {
        let mut bits = Box::new([0; 1024]);
        prints.for_each(|print| bits[word(print)] |= bit(print));
        Self(bits)
    }

    pub(crate) fn may_have(&self, print: u64) -> bool {
        self.0[word(print)] & bit(print) != 0
    }
}

fn word(print: u64) -> usize {
    (print >> 54) as usize
}

fn bit(print: u64) -> u64 {
    1 << (print >> 48 & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roll_matches_direct_fingerprint() {
        let key = Key::random().unwrap();
        let text = b"0123456789abcdef, and so on and so forth";
        let direct = |at: usize| key.of(text[at..at + WINDOW].iter().copied());
        let mut print = direct(0);
        for at in 1..=text.len() - WINDOW {
            print = key.roll(print, text[at - 1], text[at - 1 + WINDOW]);
            assert_eq!(print, direct(at));
        }
    }

    #[test]
    fn filter_has_few_false_positives() {
        let key = Key::random().unwrap();
        let print = |number: u64| key.of(number.to_ne_bytes().into_iter().chain([0; 8]));
        let filter = Filter::of((0..500).map(print));
        assert!((0..500).all(|number| filter.may_have(print(number))));
        assert!((500..10_000).filter(|number| filter.may_have(print(*number))).count() < 500);
    }
}
