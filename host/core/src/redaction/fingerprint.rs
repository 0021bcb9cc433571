//! Keyed fingerprints of values.

use std::hash::Hasher;

use far_memory::SecretBytes;
use siphasher::sip::SipHasher24;

use super::error::LearnError;
use super::form::Alphabet;

/// The key of a task's fingerprints. Without it, a fingerprint does not confirm even a guessed
/// value.
pub(super) struct FingerprintKey(SecretBytes);

impl FingerprintKey {
    const LEN: usize = 16;

    /// Creates a random key.
    pub(super) fn new() -> Result<Self, LearnError> {
        let mut filled = Ok(());
        let key = SecretBytes::new(Self::LEN, |bytes| filled = getrandom::fill(bytes))?;
        filled.map_err(|_| LearnError::Random)?;
        Ok(Self(key))
    }

    /// Returns the fingerprint of `symbols`.
    pub(super) fn fingerprint(&self, alphabet: Alphabet, symbols: &[u8]) -> u64 {
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
    fn fingerprint_depends_on_key_alphabet_and_symbols() {
        let (one, other) = (FingerprintKey::new().unwrap(), FingerprintKey::new().unwrap());
        let fingerprint = one.fingerprint(Alphabet::Bytes, b"value");
        assert_eq!(fingerprint, one.fingerprint(Alphabet::Bytes, b"value"));
        assert_ne!(fingerprint, one.fingerprint(Alphabet::Sextets, b"value"));
        assert_ne!(fingerprint, one.fingerprint(Alphabet::Bytes, b"valuf"));
        assert_ne!(fingerprint, other.fingerprint(Alphabet::Bytes, b"value"));
    }
}
