//! Secrets in requests: stand-ins that the host replaces by a secret as a request leaves.
//!
//! [`http`](crate::http) has them put where they belong; a client of another library's takes [`token`]'s text as it would take
//! the secret.

use crate::host::sealed as wit;
use crate::secrets::{Error, Secret};

/// Returns what stands for the secret: 49 letters and digits, always the same ones for one handle.
///
/// It belongs into one `authorization` header, as `Bearer TOKEN`, or as the password of `Basic`, or is the whole of the one header
/// or query parameter that declaration, grant and operator name under `placements`, in a request over https to where the secret may
/// be sent. Anywhere else it ends the task.
///
/// # Errors
///
/// [`Error::Expired`] or [`Error::Revoked`] when the value ended while the handle was held. A grant without
/// [`Operation::Seal`](crate::secrets::Operation::Seal) ends the task.
pub fn token(secret: &Secret) -> Result<String, Error> {
    wit::token(secret.handle()).map_err(Error::from)
}
