//! Signatures by the host, with a secret that the skill never sees.

use crate::host::signing as wit;
use crate::secrets::{Error, Secret};

/// Returns the HMAC-SHA-256 (RFC 2104, FIPS 180-4) of the message under the secret.
///
/// Compare it with one that came from outside in constant time only.
///
/// # Errors
///
/// [`Error::Expired`] or [`Error::Revoked`] when the value ended while the handle was held, [`Error::Exhausted`] when
/// the grant's uses are used up, [`Error::TooLarge`] for a message of more than 1 MiB. A grant without
/// [`Operation::Sign`](crate::secrets::Operation::Sign) ends the task.
pub fn hmac_sha256(key: &Secret, message: &[u8]) -> Result<[u8; 32], Error> {
    let signature = wit::hmac_sha256(key.handle(), message)?;
    // Of another length it is no HMAC-SHA-256, and the host that gave it is not to be trusted with more.
    Ok(signature.try_into().unwrap_or_else(|_| std::process::abort()))
}
