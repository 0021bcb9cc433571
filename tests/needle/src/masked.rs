//! Values that do not occur in memory in the clear.

use std::ops::Range;

/// A value under a random mask.
#[derive(Clone)]
pub struct MaskedValue {
    masked: Vec<u8>,
    mask: Vec<u8>,
}

/// Maps a random byte to printable ASCII, except for the space and the quote, which ends a quoted
/// value in a `.env` file.
fn letter(random: u8) -> u8 {
    match b'!' + random % 93 {
        b'\'' => b'~',
        letter => letter,
    }
}

impl MaskedValue {
    /// Creates a random value of `len` printable ASCII characters, which never existed in one
    /// piece.
    ///
    /// # Errors
    ///
    /// An error if the operating system's random number generator failed.
    pub fn random(len: usize) -> Result<Self, getrandom::Error> {
        let mut masked = vec![0; len];
        getrandom::fill(&mut masked)?;
        Self::mask(masked.into_iter().map(letter))
    }

    /// Masks a copy of a value. The caller wipes the original.
    ///
    /// # Errors
    ///
    /// An error if the operating system's random number generator failed.
    pub fn of(value: &[u8]) -> Result<Self, getrandom::Error> {
        Self::mask(value.iter().copied())
    }

    fn mask(value: impl ExactSizeIterator<Item = u8>) -> Result<Self, getrandom::Error> {
        let mut mask = vec![0; value.len()];
        getrandom::fill(&mut mask)?;
        let masked = value.zip(&mask).map(|(byte, mask)| byte ^ mask).collect();
        Ok(Self { masked, mask })
    }

    /// Returns a part of the value, under the same mask.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        let of = |bytes: &[u8]| bytes.get(range.clone()).unwrap_or_default().to_vec();
        Self { masked: of(&self.masked), mask: of(&self.mask) }
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        self.masked.len()
    }

    /// Returns true if the value is empty.
    pub fn is_empty(&self) -> bool {
        self.masked.is_empty()
    }

    /// Returns the bytes, one at a time.
    pub fn bytes(&self) -> impl DoubleEndedIterator<Item = u8> + Clone + '_ {
        self.masked.iter().zip(&self.mask).map(|(byte, mask)| byte ^ mask)
    }

    /// Writes the value in the clear, as much of it as fits.
    pub fn write_to(&self, target: &mut [u8]) {
        target.iter_mut().zip(self.bytes()).for_each(|(target, byte)| *target = byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_value_differs_and_unmasks() {
        let value = b"a value of some length, so that chance is out";
        let masked = MaskedValue::of(value).unwrap();
        let mut target = [0; 45];
        masked.write_to(&mut target);
        assert_eq!(&target, value);
        assert_ne!(masked.masked, value);
        assert_ne!(masked.mask, value);
        assert!(masked.part(2..7).bytes().eq(*b"value"));
        assert!(masked.part(40..50).is_empty(), "a range beyond the end is empty");
    }

    #[test]
    fn random_values_are_printable_and_differ() {
        let [one, other] = [(), ()].map(|()| MaskedValue::random(48).unwrap().bytes().collect::<Vec<_>>());
        assert_ne!(one, other);
        assert!(one.iter().chain(&other).all(|byte| byte.is_ascii_graphic() && *byte != b'\''));
    }
}
