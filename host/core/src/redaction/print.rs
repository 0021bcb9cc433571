//! Fingerprints: what is kept of a value.

use std::hash::Hasher;

use far_memory::SecretBytes;
use siphasher::sip::SipHasher24;

use super::error::LearnError;
use super::form::Alphabet;

/// A key under which fingerprints are made. Without it, they say nothing of what they were made of, not even to who can
/// guess it.
pub(super) struct Key(SecretBytes);

impl Key {
    const LEN: usize = 16;

    /// A new random key.
    pub(super) fn new() -> Result<Self, LearnError> {
        let mut filled = Ok(());
        let key = SecretBytes::new(Self::LEN, |bytes| filled = getrandom::fill(bytes))?;
        filled.map_err(|_| LearnError::Random)?;
        Ok(Self(key))
    }

    /// The fingerprint of some symbols.
    pub(super) fn print(&self, alphabet: Alphabet, symbols: &[u8]) -> u64 {
        let (low, high) = self.0.expose().split_at(Self::LEN / 2);
        let half = |bytes: &[u8]| bytes.as_array().copied().map(u64::from_le_bytes).unwrap_or_default();
        let mut hasher = SipHasher24::new_with_keys(half(low), half(high));
        hasher.write(symbols);
        hasher.write(&[alphabet as u8]);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_its_key_its_alphabet_and_its_symbols() {
        let (one, other) = (Key::new().unwrap(), Key::new().unwrap());
        let print = one.print(Alphabet::Bytes, b"value");
        assert_eq!(print, one.print(Alphabet::Bytes, b"value"));
        assert_ne!(print, one.print(Alphabet::Sextets, b"value"));
        assert_ne!(print, one.print(Alphabet::Bytes, b"valuf"));
        assert_ne!(print, other.print(Alphabet::Bytes, b"value"));
    }
}
