//! Signatures by the host, with a secret that the skill never sees.
//!
//! A key signs either messages or tokens, according to `signing` in `skill.json`. A key for both
//! would let a signed message pass as a token.

use std::fmt;

use serde::Serialize;

use crate::host::signing as wit;
use crate::secrets::{self, Error, Secret};

/// Returns the HMAC-SHA-256 (RFC 2104, FIPS 180-4) of the message under the secret.
///
/// Compare it with an untrusted value in constant time only.
///
/// # Errors
///
/// - [`Error::Expired`] or [`Error::Revoked`] if the value ended while the skill held the handle.
/// - [`Error::Exhausted`] if the grant's uses are exhausted.
/// - [`Error::TooLarge`] if the message exceeds 1 MiB.
///
/// A grant without [`Operation::Sign`](crate::secrets::Operation::Sign) ends the task, and so does
/// a key that signs tokens.
pub fn hmac_sha256(key: &Secret, message: &[u8]) -> Result<[u8; 32], Error> {
    let signature = wit::hmac_sha256(key.handle(), message)?;
    // A result of another length is not an HMAC-SHA-256: the host is broken.
    Ok(signature.try_into().unwrap_or_else(|_| std::process::abort()))
}

/// Returns a JSON Web Token (RFC 7519) of the claims, signed with the secret. The token is itself a
/// secret, which the skill never sees either.
///
/// ```no_run
/// use far_skill::{http, secrets, signing};
/// use serde_json::json;
///
/// # fn installations() -> Result<(), far_skill::Error> {
/// let key = secrets::get("github-app-key")?;
/// let token = signing::sign_jwt(&key, &json!({}))?;
/// let request = http::Request::get("https://api.github.com/app/installations");
/// let response = request.bearer(&token)?.send()?;
/// # Ok(())
/// # }
/// ```
///
/// The claims must serialize as a JSON object. The host sets `iat` and `exp`, and each of `iss`,
/// `sub` and `aud` that the declaration, the grant or the operator's configuration specifies. The
/// skill sets all other claims. To shorten the token's lifetime, set `exp` in whole seconds since
/// 1970. The skill cannot choose the algorithm.
///
/// The token's handle has the name of its key. [`sealed`](crate::sealed) and [`http`](crate::http)
/// send the token to the destinations of the key's grant. [`reveal`](crate::reveal) copies it if
/// the grant allows that. Neither accepts the key itself. The token ends with its own lifetime or
/// with the task: see [`Secret::expires_in`].
///
/// # Errors
///
/// [`JwtError::Claims`] if the claims cannot be serialized, or [`JwtError::Key`] with:
///
/// - [`Error::Expired`] or [`Error::Revoked`] if the key ended while the skill held the handle.
/// - [`Error::Exhausted`] if the grant's uses are exhausted or the task already has 128 tokens.
/// - [`Error::TooLarge`] if the claims exceed 16 KiB.
/// - [`Error::Unavailable`] if the secret is not a valid key for the algorithm.
///
/// These end the task: a grant without [`Operation::Sign`](crate::secrets::Operation::Sign), a key
/// that signs messages, claims that are not an object with unique keys, and claims that contradict
/// the host's.
pub fn sign_jwt(key: &Secret, claims: &(impl Serialize + ?Sized)) -> Result<Secret, JwtError> {
    let claims = serde_json::to_string(claims).map_err(|_| JwtError::Claims)?;
    let token = wit::sign_jwt(key.handle(), &claims).map_err(Error::from)?;
    Ok(Secret::from_handle(token))
}

/// An error of [`sign_jwt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtError {
    /// The claims cannot be serialized as JSON.
    Claims,
    /// The key cannot be used now.
    Key(secrets::Error),
}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The serializer's message may quote the value.
            Self::Claims => f.write_str("the claims cannot be serialized as JSON"),
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
