//! Random tokens and passwords.

use crate::failure::{Failure, OrFailure};

/// Returns 32 characters that need no escaping.
pub(crate) fn text() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).or_failure("generate random bytes")?;
    Ok(hex::encode(bytes))
}
