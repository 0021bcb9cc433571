//! Signatures by the host, with a secret that the skill never sees.
//!
//! A key is for messages or for tokens, as `skill.json` says under `signing`, and never for both: what one of them signs could be
//! taken for the other.

use std::fmt;

use serde::Serialize;

use crate::host::signing as wit;
use crate::secrets::{self, Error, Secret};

/// Returns the HMAC-SHA-256 (RFC 2104, FIPS 180-4) of the message under the secret.
///
/// Compare it with one that came from outside in constant time only.
///
/// # Errors
///
/// [`Error::Expired`] or [`Error::Revoked`] when the value ended while the handle was held, [`Error::Exhausted`] when
/// the grant's uses are used up, [`Error::TooLarge`] for a message of more than 1 MiB. A grant without
/// [`Operation::Sign`](crate::secrets::Operation::Sign) ends the task, and so does a key that signs tokens.
pub fn hmac_sha256(key: &Secret, message: &[u8]) -> Result<[u8; 32], Error> {
    let signature = wit::hmac_sha256(key.handle(), message)?;
    // Of another length it is no HMAC-SHA-256, and the host that gave it is not to be trusted with more.
    Ok(signature.try_into().unwrap_or_else(|_| std::process::abort()))
}

/// Returns a JSON Web Token (RFC 7519) of the claims, signed under the secret: itself a secret, which the skill never sees either.
///
/// ```no_run
/// use far_skill::{http, secrets, signing};
/// use serde_json::json;
///
/// # fn installations() -> Result<(), far_skill::Error> {
/// let key = secrets::get("github-app-key")?;
/// let token = signing::sign_jwt(&key, &json!({}))?;
/// let response = http::Request::get("https://api.github.com/app/installations").bearer(&token)?.send()?;
/// # Ok(())
/// # }
/// ```
///
/// The claims are what serializes as a JSON object. The host sets `iat` and `exp`, and what declaration, grant and the
/// operator's configuration say of `iss`, `sub` and `aud`; the skill says the rest, and by `exp`, in whole seconds since 1970, asks
/// for less time than the token could have. The algorithm is not the skill's to choose.
///
/// The token's handle is named like its key. It goes where the key's grant says, by [`sealed`](crate::sealed) and
/// [`http`](crate::http), and is shown by [`reveal`](crate::reveal) where that is granted; the key itself can be neither. It ends
/// with its own time or the task's: see [`Secret::expires_in`].
///
/// # Errors
///
/// [`JwtError::Claims`] if the claims cannot be written as JSON. [`JwtError::Key`] with [`Error::Expired`] or [`Error::Revoked`]
/// when the key ended while the handle was held, [`Error::Exhausted`] when the grant's uses are used up or the task has had 128
/// tokens, [`Error::TooLarge`] for claims of more than 16 KiB, [`Error::Unavailable`] when the secret is no key of the algorithm.
///
/// A grant without [`Operation::Sign`](crate::secrets::Operation::Sign) ends the task, and so do a key that signs messages, claims
/// that are no object with each key once, and claims that say otherwise than the host would.
pub fn sign_jwt(key: &Secret, claims: &(impl Serialize + ?Sized)) -> Result<Secret, JwtError> {
    let claims = serde_json::to_string(claims).map_err(|_| JwtError::Claims)?;
    let token = wit::sign_jwt(key.handle(), &claims).map_err(Error::from)?;
    Ok(Secret::of_handle(token))
}

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtError {
    /// The claims cannot be written as JSON.
    Claims,
    /// The key cannot be used now.
    Key(secrets::Error),
}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The serialiser's message may quote what it could not write.
            Self::Claims => f.write_str("the claims cannot be written as JSON"),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for JwtError {}

impl From<secrets::Error> for JwtError {
    fn from(error: secrets::Error) -> Self {
        Self::Key(error)
    }
}
