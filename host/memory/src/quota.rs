//! Quotas of locked memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A limit on the locked memory that one owner of values uses at a time.
///
/// ```
/// use far_memory::{Quota, SecretBytes};
///
/// let quota = Quota::new(1024);
/// let value = SecretBytes::copy_of(b"value")?.charged_to(&quota)?;
/// assert!(quota.left() < 1024);
/// drop(value);
/// assert_eq!(quota.left(), 1024);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Quota {
    left: AtomicUsize,
}

/// An error that a value needs more locked memory than its owner's quota has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quota of locked memory is used up")]
pub struct QuotaExceeded;

/// Memory that is charged to a quota, and returned to it on drop.
pub(super) struct Charge {
    quota: Arc<Quota>,
    bytes: usize,
}

impl Quota {
    /// Creates a quota, in bytes.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    /// Returns the number of bytes that are left.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Acquire)
    }

    pub(super) fn charge(self: &Arc<Self>, bytes: usize) -> Result<Charge, QuotaExceeded> {
        let less = |left: usize| left.checked_sub(bytes);
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).map_err(|_| QuotaExceeded)?;
        Ok(Charge { quota: self.clone(), bytes })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.quota.left.fetch_add(self.bytes, Ordering::AcqRel);
    }
}
