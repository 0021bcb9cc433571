//! The budget of inflated bytes.

use super::Error;

/// The remaining bytes of a limit. They are taken ahead of each allocation and never returned.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Takes bytes from the budget.
    pub(super) fn take(&mut self, bytes: u64) -> Result<usize, Error> {
        let bytes = usize::try_from(bytes).map_err(|_| Error::TooLarge)?;
        self.0 = self.0.checked_sub(bytes).ok_or(Error::TooLarge)?;
        Ok(bytes)
    }
}
