//! Placeholders for secrets in requests. The host replaces a placeholder with its secret as the
//! request leaves.
//!
//! [`http`](crate::http) inserts placeholders itself. For another HTTP client, pass [`token`]'s
//! result in place of the secret.

use crate::host::sealed as wit;
use crate::secrets::{Error, Secret};

/// Returns the placeholder of a secret: 49 letters and digits, always the same for one handle.
///
/// By default, the placeholder belongs in the one `authorization` header, as `Bearer TOKEN` or as
/// the password of `Basic`. With `placements`, it is the whole value of the header or query
/// parameter that the declaration, the grant and the operator name.
///
/// The request must use https and go to a destination of the secret. A placeholder anywhere else
/// ends the task.
///
/// # Errors
///
/// - [`Error::Expired`] or [`Error::Revoked`] if the value ended while the skill held the handle.
/// - [`Error::Exhausted`] if the task has 1,024 placeholders already.
///
/// A grant without [`Operation::Seal`](crate::secrets::Operation::Seal) ends the task.
pub fn token(secret: &Secret) -> Result<String, Error> {
    wit::token(secret.handle()).map_err(Error::from)
}
