//! JSON Web Tokens (RFC 7519) in their compact form (RFC 7515), signed under a secret.
//!
//! The algorithms are ring's and RustCrypto's; what is here puts a token together, and says what its claims may be.
//!
//! # Invariants
//!
//! - What a [`JwtRule`](far_capability::JwtRule) fixes is set here, and a claim that says otherwise is refused.
//! - No error tells anything of a key or of a claim.

mod key;

pub use far_capability::{Claims, ClaimsError};
pub use key::{KeyError, SigningKey};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// A signed token.
pub struct Jwt {
    text: Zeroizing<String>,
    /// Where its signature begins.
    signature: usize,
}

impl Jwt {
    /// Signs claims.
    ///
    /// # Errors
    ///
    /// [`KeyError::Signing`] if the algorithm failed, for want of random numbers.
    pub fn sign(key: &SigningKey, key_id: Option<&str>, claims: &Claims) -> Result<Self, KeyError> {
        let mut header = serde_json::json!({ "alg": key.algorithm().as_str(), "typ": "JWT" });
        if let (Some(key_id), Some(header)) = (key_id, header.as_object_mut()) {
            header.insert("kid".to_owned(), key_id.into());
        }
        let mut text = Zeroizing::new(URL_SAFE_NO_PAD.encode(header.to_string()));
        text.push('.');
        push_encoded(&mut text, claims.to_json().as_bytes())?;
        let signed = key.sign(text.as_bytes())?;
        text.push('.');
        let signature = text.len();
        push_encoded(&mut text, &signed)?;
        Ok(Self { text, signature })
    }

    /// The whole token.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The part that nobody can make without the key; the others are what was signed, and many tokens begin alike.
    pub fn signature(&self) -> &[u8] {
        self.text.as_bytes().get(self.signature..).unwrap_or_default()
    }
}

/// Appends bytes in base64url.
///
/// Not by `encode_string`, which encodes into an array on the stack: it is not overwritten, and a
/// part of it may stay there.
fn push_encoded(text: &mut String, bytes: &[u8]) -> Result<(), KeyError> {
    let length = base64::encoded_len(bytes.len(), false).ok_or(KeyError::Signing)?;
    let mut encoded = Zeroizing::new(vec![0; length]);
    URL_SAFE_NO_PAD.encode_slice(bytes, &mut encoded).map_err(|_| KeyError::Signing)?;
    text.push_str(str::from_utf8(&encoded).map_err(|_| KeyError::Signing)?);
    Ok(())
}

#[cfg(test)]
mod tests;
