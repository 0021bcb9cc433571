//! The only type that holds a secret's bytes.

use zeroize::Zeroizing;

/// The bytes of a secret, wiped when dropped.
///
/// There is one way in, which fills the memory in place, and one way out, [`SecretBytes::expose`]. The type has no
/// `Debug`, `Display`, `Clone`, `Serialize`, `Deref` or `PartialEq`:
///
/// ```compile_fail
/// # let bytes = far_core::memory::SecretBytes::copy_of(b"value").unwrap();
/// println!("{bytes:?}");
/// ```
///
/// # Security
///
/// The memory is overwritten on drop. It is ordinary memory: it is not locked against swapping, nor left out of core
/// dumps.
pub struct SecretBytes(Zeroizing<Box<[u8]>>);

/// A value is larger than [`SecretBytes::MAX_LEN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret's value has at most {} bytes", SecretBytes::MAX_LEN)]
pub struct TooLarge;

impl SecretBytes {
    /// The largest value, in bytes.
    pub const MAX_LEN: usize = 64 * 1024;

    /// Makes a value of `len` bytes, written in place by `fill`, which is given zeroes.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] if `len` is above [`SecretBytes::MAX_LEN`]; `fill` is not called then.
    pub fn new(len: usize, fill: impl FnOnce(&mut [u8])) -> Result<Self, TooLarge> {
        if len > Self::MAX_LEN {
            return Err(TooLarge);
        }
        let mut bytes = Zeroizing::new(vec![0; len].into_boxed_slice());
        fill(&mut bytes);
        Ok(Self(bytes))
    }

    /// Copies a value. Wiping what it was copied from is the caller's.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] if it has more than [`SecretBytes::MAX_LEN`] bytes.
    pub fn copy_of(value: &[u8]) -> Result<Self, TooLarge> {
        Self::new(value.len(), |bytes| bytes.copy_from_slice(value))
    }

    /// The bytes. Whoever calls this answers for where they go.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_exactly() {
        for value in [&b""[..], b"\0", b"value", &[0xff; SecretBytes::MAX_LEN]] {
            assert_eq!(SecretBytes::copy_of(value).unwrap().expose(), value);
        }
    }

    #[test]
    fn a_value_above_the_limit_is_refused_before_it_is_made() {
        let made = SecretBytes::new(SecretBytes::MAX_LEN + 1, |_| panic!("filled"));
        assert_eq!(made.err(), Some(TooLarge));
    }
}
