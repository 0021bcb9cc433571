//! Fingerprints of windows, under a key: a cyclic polynomial, which rolls from one window to the next in two look-ups.

#![expect(clippy::indexing_slicing, reason = "an octet is an index of a table of 256")]

use std::array;

/// How many bytes in a row of an encoding are a find.
pub const WINDOW: usize = 16;

/// The key: a random word for each octet.
pub(crate) struct Key([u64; 256]);

impl Key {
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = vec![0; 256 * 8];
        getrandom::fill(&mut bytes)?;
        let (words, _) = bytes.as_chunks();
        Ok(Self(array::from_fn(|octet| u64::from_ne_bytes(words[octet]))))
    }

    /// The fingerprint of a window.
    pub(crate) fn of(&self, window: impl Iterator<Item = u8>) -> u64 {
        window.fold(0, |print, byte| print.rotate_left(1) ^ self.0[usize::from(byte)])
    }

    /// The fingerprint of the window that lacks the first byte of the one before, and has one more.
    pub(crate) fn roll(&self, print: u64, first: u8, next: u8) -> u64 {
        let first = self.0[usize::from(first)].rotate_left(WINDOW as u32);
        print.rotate_left(1) ^ first ^ self.0[usize::from(next)]
    }
}

/// Which fingerprints are worth a closer look: few of all are, and this tells most others apart at once.
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
    fn what_rolls_is_what_is_computed_anew() {
        let key = Key::random().unwrap();
        let text = b"0123456789abcdef, and so on and so forth";
        let anew = |at: usize| key.of(text[at..at + WINDOW].iter().copied());
        let mut print = anew(0);
        for at in 1..=text.len() - WINDOW {
            print = key.roll(print, text[at - 1], text[at - 1 + WINDOW]);
            assert_eq!(print, anew(at));
        }
    }

    #[test]
    fn a_filter_has_what_it_was_made_of_and_little_else() {
        let key = Key::random().unwrap();
        let print = |number: u64| key.of(number.to_ne_bytes().into_iter().chain([0; 8]));
        let filter = Filter::of((0..500).map(print));
        assert!((0..500).all(|number| filter.may_have(print(number))));
        assert!((500..10_000).filter(|number| filter.may_have(print(*number))).count() < 500);
    }
}
