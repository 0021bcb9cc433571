//! Tokens and passwords that are another's in each run.

use crate::failure::{Failure, OrFailure};

/// 32 characters that need no escaping anywhere.
pub(crate) fn text() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).or_failure("have random bytes")?;
    Ok(hex::encode(bytes))
}
