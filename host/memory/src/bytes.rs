//! The bytes of a secret.

use std::sync::Arc;

use crate::quota::{Charge, Quota, QuotaExceeded};
use crate::slab::{OutOfLockedMemory, Slot, slab};

/// The bytes of a secret in locked memory, wiped on drop.
///
/// [`SecretBytes::new`] fills the memory in place, and [`SecretBytes::expose`] is the only access
/// to it. The type does not implement `Debug`, `Display`, `Clone`, `Serialize`, `Deref` or
/// `PartialEq`:
///
/// ```compile_fail
/// # let bytes = far_memory::SecretBytes::copy_of(b"value").unwrap();
/// println!("{bytes:?}");
/// ```
///
/// # Security
///
/// The pages are neither swapped nor dumped, and a forked child cannot read them: see
/// [`Backing`](crate::Backing). They are overwritten on drop, before they are reused.
pub struct SecretBytes {
    // Fields drop in this order: the charge is returned after the bytes are wiped.
    slot: Slot<'static>,
    charge: Option<Charge>,
}

/// Reasons why a value cannot be allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// The value is larger than [`SecretBytes::MAX_LEN`].
    #[error("a secret's value has at most {} bytes", SecretBytes::MAX_LEN)]
    TooLarge,
    /// The locked memory of the process is used up, or the kernel provides none.
    #[error("no locked memory left")]
    OutOfLockedMemory,
}

impl SecretBytes {
    /// The maximum length of a value, in bytes.
    pub const MAX_LEN: usize = 64 * 1024;

    /// Allocates `len` zero bytes and calls `fill` to write the value in place.
    ///
    /// # Errors
    ///
    /// [`MemoryError::TooLarge`] if `len` exceeds [`SecretBytes::MAX_LEN`], and
    /// [`MemoryError::OutOfLockedMemory`] if too little locked memory is free. `fill` is not called
    /// then.
    pub fn new(len: usize, fill: impl FnOnce(&mut [u8])) -> Result<Self, MemoryError> {
        if len > Self::MAX_LEN {
            return Err(MemoryError::TooLarge);
        }
        let mut slot = slab().allocate(len)?;
        fill(slot.bytes_mut());
        Ok(Self { slot, charge: None })
    }

    /// Copies a value. The caller wipes the original.
    ///
    /// # Errors
    ///
    /// Same as [`SecretBytes::new`].
    pub fn copy_of(value: &[u8]) -> Result<Self, MemoryError> {
        Self::new(value.len(), |bytes| bytes.copy_from_slice(value))
    }

    /// Returns the bytes. The caller is responsible for every copy of them.
    pub fn expose(&self) -> &[u8] {
        self.slot.bytes()
    }

    /// Charges the memory of the value to a quota until the value is wiped. A previous charge is
    /// returned.
    ///
    /// # Errors
    ///
    /// [`QuotaExceeded`] if too little of the quota is left; the value is wiped then.
    pub fn charged_to(mut self, quota: &Arc<Quota>) -> Result<Self, QuotaExceeded> {
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
    fn copied_value_is_unchanged() {
        for value in [&b""[..], b"\0", b"value", &[0xff; SecretBytes::MAX_LEN]] {
            assert_eq!(SecretBytes::copy_of(value).unwrap().expose(), value);
        }
    }

    #[test]
    fn oversized_value_is_refused_before_fill() {
        let result = SecretBytes::new(SecretBytes::MAX_LEN + 1, |_| panic!("filled"));
        assert_eq!(result.err(), Some(MemoryError::TooLarge));
    }

    #[test]
    fn dropped_value_returns_its_charge() {
        let quota = Quota::new(128);
        let charged = |len| SecretBytes::new(len, |_| {}).unwrap().charged_to(&quota);
        let (one, other) = (charged(1).unwrap(), charged(64).unwrap());
        assert_eq!(quota.left(), 0, "a value occupies whole granules");
        assert_eq!(charged(1).err(), Some(QuotaExceeded));
        assert_eq!(quota.left(), 0);
        drop(one);
        let one = charged(1).unwrap();
        drop((one, other));
        assert_eq!(quota.left(), 128);
        assert!(charged(0).is_ok());
    }

    #[test]
    fn value_has_one_charge() {
        let (one, other) = (Quota::new(64), Quota::new(64));
        let value = SecretBytes::copy_of(b"value").unwrap().charged_to(&one).unwrap().charged_to(&other).unwrap();
        assert_eq!((one.left(), other.left()), (64, 0));
        assert_eq!(value.expose(), b"value");
    }
}
