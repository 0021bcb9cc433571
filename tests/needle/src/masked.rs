//! A value that is not to be found in memory.

use std::ops::Range;

/// A value under a random mask.
#[derive(Clone)]
pub struct Masked {
    masked: Vec<u8>,
    mask: Vec<u8>,
}

/// What a random value is made of: all that ASCII prints but the space, and the quote that ends a quoted value in a `.env`.
fn letter(random: u8) -> u8 {
    match b'!' + random % 93 {
        b'\'' => b'~',
        letter => letter,
    }
}

impl Masked {
    /// A random value of so many printable ASCII characters, which was never anywhere in one piece.
    ///
    /// # Errors
    ///
    /// The operating system gave no random numbers.
    pub fn random(len: usize) -> Result<Self, getrandom::Error> {
        let mut masked = vec![0; len];
        getrandom::fill(&mut masked)?;
        Self::under(masked.into_iter().map(letter))
    }

    /// This value. Wiping what it was copied from is the caller's.
    ///
    /// # Errors
    ///
    /// The operating system gave no random numbers.
    pub fn of(value: &[u8]) -> Result<Self, getrandom::Error> {
        Self::under(value.iter().copied())
    }

    fn under(value: impl ExactSizeIterator<Item = u8>) -> Result<Self, getrandom::Error> {
        let mut mask = vec![0; value.len()];
        getrandom::fill(&mut mask)?;
        let masked = value.zip(&mask).map(|(byte, mask)| byte ^ mask).collect();
        Ok(Self { masked, mask })
    }

    /// A part of it, under the same mask.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        let of = |bytes: &[u8]| bytes.get(range.clone()).unwrap_or_default().to_vec();
        Self { masked: of(&self.masked), mask: of(&self.mask) }
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.masked.len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.masked.is_empty()
    }

    /// Its bytes, one at a time.
    pub fn bytes(&self) -> impl DoubleEndedIterator<Item = u8> + Clone + '_ {
        self.masked.iter().zip(&self.mask).map(|(byte, mask)| byte ^ mask)
    }

    /// Writes the value to where it may be; as much of it as there is room for.
    pub fn write_to(&self, place: &mut [u8]) {
        place.iter_mut().zip(self.bytes()).for_each(|(place, byte)| *place = byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_and_is_not_what_is_kept() {
        let value = b"a value of some length, so that chance is out";
        let masked = Masked::of(value).unwrap();
        let mut place = [0; 45];
        masked.write_to(&mut place);
        assert_eq!(&place, value);
        assert_ne!(masked.masked, value);
        assert_ne!(masked.mask, value);
        assert!(masked.part(2..7).bytes().eq(*b"value"));
        assert!(masked.part(40..50).is_empty(), "beyond its end");
    }

    #[test]
    fn random_values_are_printable_and_differ() {
        let [one, other] = [(), ()].map(|()| Masked::random(48).unwrap().bytes().collect::<Vec<_>>());
        assert_ne!(one, other);
        assert!(one.iter().chain(&other).all(|byte| byte.is_ascii_graphic() && *byte != b'\''));
    }
}
