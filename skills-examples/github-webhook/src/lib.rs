//! Verifies that GitHub sent a webhook delivery.
//!
//! GitHub signs the body of each delivery with a shared secret. The skill never sees the secret:
//! the host computes the signature, and the skill compares.
//!
//! See <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.

#![forbid(unsafe_code)]

use far_skill::{Schema, secrets, signing};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

#[derive(Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The body of the delivery, exactly as it was received.
    payload: String,
    /// The header X-Hub-Signature-256: `sha256=` and 64 hexadecimal digits.
    signature: String,
}

#[derive(Serialize)]
struct Output {
    valid: bool,
}

#[far_skill::skill]
fn verify(input: Input) -> Result<Output, far_skill::Error> {
    let claimed: Signature = input.signature.parse()?;
    let secret = secrets::get("github-webhook-secret")?;
    let actual = Signature(signing::hmac_sha256(&secret, input.payload.as_bytes())?);
    Ok(Output { valid: claimed.matches(&actual) })
}

/// An HMAC-SHA-256, as the header `X-Hub-Signature-256` carries it.
struct Signature([u8; 32]);

impl Signature {
    /// Compares in constant time, so that timing does not reveal a valid signature byte by byte.
    fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::str::FromStr for Signature {
    type Err = MalformedSignature;

    fn from_str(header: &str) -> Result<Self, MalformedSignature> {
        let digits = header.strip_prefix("sha256=").ok_or(MalformedSignature::Algorithm)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| MalformedSignature::Digits)?;
        Ok(Self(bytes))
    }
}

/// A malformed signature header.
#[derive(Debug, PartialEq, thiserror::Error)]
enum MalformedSignature {
    #[error("the signature does not start with `sha256=`")]
    Algorithm,
    #[error("the signature is not 64 hexadecimal digits")]
    Digits,
}

impl From<MalformedSignature> for far_skill::Error {
    fn from(error: MalformedSignature) -> Self {
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use far_skill::testing::{Host, RunError, Use};

    use super::*;

    const NAME: &str = "github-webhook-secret";

    const HEADER: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    /// Returns a host with the secret of the example in GitHub's documentation.
    fn host() -> Host {
        Host::new(far_skill::declaration!()).secret(NAME, "It's a Secret to Everybody")
    }

    #[test]
    fn documented_delivery_is_valid() {
        let host = host();
        let delivery = format!(r#"{{ "payload": "Hello, World!", "signature": "{HEADER}" }}"#);
        assert_eq!(host.run_json(verify, &delivery).as_deref(), Ok(r#"{"valid":true}"#));
        assert_eq!(host.uses(), [Use::get(NAME), Use::sign(NAME)]);
    }

    #[test]
    fn changed_payload_is_invalid() {
        let input = Input { payload: "Hello, World?".to_owned(), signature: HEADER.to_owned() };
        assert!(!host().run(verify, input).unwrap().valid);
    }

    #[test]
    fn malformed_signature_does_not_use_secret() {
        let host = host();
        let input = Input { payload: "Hello, World!".to_owned(), signature: "sha1=00".to_owned() };
        let expected = RunError::Failure("the signature does not start with `sha256=`".to_owned());
        assert_eq!(host.run(verify, input).err(), Some(expected));
        assert_eq!(host.uses(), []);
    }

    #[test]
    fn malformed_header_is_parse_error() {
        let error = |header: &str| header.parse::<Signature>().err();
        assert_eq!(error(&HEADER.replace("sha256", "sha1")), Some(MalformedSignature::Algorithm));
        assert_eq!(error(&HEADER[..HEADER.len() - 1]), Some(MalformedSignature::Digits));
        assert_eq!(error(&format!("{HEADER}00")), Some(MalformedSignature::Digits));
        assert_eq!(error(&HEADER.replace('7', "g")), Some(MalformedSignature::Digits));
        assert_eq!(error(""), Some(MalformedSignature::Algorithm));
    }
}
