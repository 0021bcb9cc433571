//! The signing key of Signature Version 4, valid for one day, region and service.

use hmac::digest::FixedOutput;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::request::Request;

/// A key derived from the secret access key, wiped on drop.
pub(crate) struct SigningKey(Zeroizing<[u8; 32]>);

impl SigningKey {
    pub(crate) fn derive(secret_access_key: &[u8], request: &Request) -> Self {
        Self::for_scope(secret_access_key, request.date(), &request.region, &request.service)
    }

    fn for_scope(secret_access_key: &[u8], date: &str, region: &str, service: &str) -> Self {
        // Allocates the final size at once: growing would leave an unwiped copy.
        let mut first = Zeroizing::new(Vec::with_capacity(4 + secret_access_key.len()));
        first.extend_from_slice(b"AWS4");
        first.extend_from_slice(secret_access_key);
        let mut key = hmac(&first, date);
        for part in [region, service, "aws4_request"] {
            key = hmac(key.as_slice(), part);
        }
        Self(key)
    }

    /// Signs a string and returns the signature in hexadecimal.
    pub(crate) fn sign(&self, string: &str) -> String {
        hex::encode(hmac(self.0.as_slice(), string).as_slice())
    }
}

fn hmac(key: &[u8], message: &str) -> Zeroizing<[u8; 32]> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    let mut output = Zeroizing::new([0; 32]);
    // Writes directly into the wiped buffer, without an unwiped copy.
    mac.chain_update(message).finalize_into((&mut *output).into());
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of "Deriving a signing key" in the AWS General Reference.
    #[test]
    fn derive_returns_documented_key() {
        let secret = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let key = SigningKey::for_scope(secret, "20150830", "us-east-1", "iam");
        let expected = "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9";
        assert_eq!(hex::encode(key.0.as_slice()), expected);
    }
}
