//! How much may still be unfolded.

use super::Error;

/// Bytes that are left of a limit. They are taken before memory is, and not given back.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Takes so many.
    pub(super) fn take(&mut self, bytes: u64) -> Result<usize, Error> {
        let bytes = usize::try_from(bytes).map_err(|_| Error::TooLarge)?;
        self.0 = self.0.checked_sub(bytes).ok_or(Error::TooLarge)?;
        Ok(bytes)
    }
}
