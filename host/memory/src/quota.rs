//! How much locked memory one holder may have.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An amount of locked memory that one holder of values may use at a time.
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

/// A value takes more locked memory than its holder has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quota of locked memory is used up")]
pub struct OverQuota;

/// Memory that is counted against a quota, until this is dropped.
pub(super) struct Charge {
    quota: Arc<Quota>,
    bytes: usize,
}

impl Quota {
    /// A quota of so many bytes.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Acquire)
    }

    pub(super) fn charge(self: &Arc<Self>, bytes: usize) -> Result<Charge, OverQuota> {
        let less = |left: usize| left.checked_sub(bytes);
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).map_err(|_| OverQuota)?;
        Ok(Charge { quota: self.clone(), bytes })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.quota.left.fetch_add(self.bytes, Ordering::AcqRel);
    }
}
