//! A secret's bytes.

use std::sync::Arc;

use crate::quota::{Charge, OverQuota, Quota};
use crate::slab::{OutOfLockedMemory, Slot, slab};

/// The bytes of a secret, in locked memory; wiped when dropped.
///
/// There is one way in, which fills the memory in place, and one way out, [`SecretBytes::expose`]. The type has no
/// `Debug`, `Display`, `Clone`, `Serialize`, `Deref` or `PartialEq`:
///
/// ```compile_fail
/// # let bytes = far_memory::SecretBytes::copy_of(b"value").unwrap();
/// println!("{bytes:?}");
/// ```
///
/// # Security
///
/// The pages are not written to swap or to a core dump, and a forked child does not have them: see
/// [`Backing`](crate::Backing). The memory is overwritten on drop, before anything else can have it.
pub struct SecretBytes {
    // Dropped in this order: what was charged comes back when the bytes are gone.
    slot: Slot<'static>,
    charge: Option<Charge>,
}

/// Why there is no memory for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// The value is larger than [`SecretBytes::MAX_LEN`].
    #[error("a secret's value has at most {} bytes", SecretBytes::MAX_LEN)]
    TooLarge,
    /// The process's locked memory is used up, or the kernel gives none.
    #[error("there is no locked memory left")]
    OutOfLockedMemory,
}

impl SecretBytes {
    /// The largest value, in bytes.
    pub const MAX_LEN: usize = 64 * 1024;

    /// Makes a value of `len` bytes, written in place by `fill`, which is given zeroes.
    ///
    /// # Errors
    ///
    /// [`MemoryError::TooLarge`] if `len` is above [`SecretBytes::MAX_LEN`], [`MemoryError::OutOfLockedMemory`] if that
    /// much is not free; `fill` is not called then.
    pub fn new(len: usize, fill: impl FnOnce(&mut [u8])) -> Result<Self, MemoryError> {
        if len > Self::MAX_LEN {
            return Err(MemoryError::TooLarge);
        }
        let mut slot = slab().allocate(len)?;
        fill(slot.bytes_mut());
        Ok(Self { slot, charge: None })
    }

    /// Copies a value. Wiping what it was copied from is the caller's.
    ///
    /// # Errors
    ///
    /// As [`SecretBytes::new`].
    pub fn copy_of(value: &[u8]) -> Result<Self, MemoryError> {
        Self::new(value.len(), |bytes| bytes.copy_from_slice(value))
    }

    /// The bytes. Whoever calls this answers for where they go.
    pub fn expose(&self) -> &[u8] {
        self.slot.bytes()
    }

    /// Counts the memory that the value takes against a quota, until the value is wiped. What it was counted against
    /// before gets it back.
    ///
    /// # Errors
    ///
    /// [`OverQuota`] if the quota has less left; the value is wiped then.
    pub fn charged_to(mut self, quota: &Arc<Quota>) -> Result<Self, OverQuota> {
        self.charge = Some(quota.charge(self.slot.footprint())?);
        Ok(self)
    }
}

impl From<OutOfLockedMemory> for MemoryError {
    fn from(_: OutOfLockedMemory) -> Self {
        Self::OutOfLockedMemory
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
        assert_eq!(made.err(), Some(MemoryError::TooLarge));
    }

    #[test]
    fn what_a_quota_has_left_comes_back_with_the_wiping() {
        let quota = Quota::new(128);
        let charged = |len| SecretBytes::new(len, |_| {}).unwrap().charged_to(&quota);
        let (one, other) = (charged(1).unwrap(), charged(64).unwrap());
        assert_eq!(quota.left(), 0, "a value takes whole granules");
        assert_eq!(charged(1).err(), Some(OverQuota));
        assert_eq!(quota.left(), 0);
        drop(one);
        let one = charged(1).unwrap();
        drop((one, other));
        assert_eq!(quota.left(), 128);
        assert!(charged(0).is_ok());
    }

    #[test]
    fn a_value_is_charged_once() {
        let (one, other) = (Quota::new(64), Quota::new(64));
        let value = SecretBytes::copy_of(b"value").unwrap().charged_to(&one).unwrap().charged_to(&other).unwrap();
        assert_eq!((one.left(), other.left()), (64, 0));
        assert_eq!(value.expose(), b"value");
    }
}
