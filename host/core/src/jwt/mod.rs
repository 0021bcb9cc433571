//! JSON Web Tokens (RFC 7519) in compact form (RFC 7515), signed with a secret.
//!
//! The algorithms are those of ring and RustCrypto. This module assembles a token and restricts its
//! claims.
//!
//! # Invariants
//!
//! - The host sets the claims of a [`JwtRule`](far_capability::JwtRule), and rejects contradicting
//!   claims.
//! - No error reveals a part of a key or of a claim.

mod key;

pub use far_capability::{Claims, ClaimsError};
pub use key::{KeyError, SigningKey};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// A signed token.
pub struct Jwt {
    text: Zeroizing<String>,
    /// The offset of the signature.
    signature: usize,
}

impl Jwt {
    /// Signs `claims`.
    ///
    /// # Errors
    ///
    /// [`KeyError::SigningFailed`] if the algorithm failed for lack of random numbers.
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

    /// Returns the token.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Returns the signature, the only part that requires the key.
    pub fn signature(&self) -> &[u8] {
        self.text.as_bytes().get(self.signature..).unwrap_or_default()
    }
}

/// Appends bytes in base64url.
///
/// `encode_string` would leave a part of the encoding in an array on the stack, which is not
/// overwritten.
fn push_encoded(text: &mut String, bytes: &[u8]) -> Result<(), KeyError> {
    let length = base64::encoded_len(bytes.len(), false).ok_or(KeyError::SigningFailed)?;
    let mut encoded = Zeroizing::new(vec![0; length]);
    URL_SAFE_NO_PAD.encode_slice(bytes, &mut encoded).map_err(|_| KeyError::SigningFailed)?;
    text.push_str(str::from_utf8(&encoded).map_err(|_| KeyError::SigningFailed)?);
    Ok(())
}

#[cfg(test)]
mod tests;
