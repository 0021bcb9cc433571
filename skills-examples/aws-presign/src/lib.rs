//! Creates a presigned URL: anyone with the URL can send one AWS request for a limited time.
//!
//! Signature Version 4 signs with a key derived from `AWS4` and the secret access key. The host
//! signs only with the secret itself, so this skill needs the bytes: it declares `reveal`, and
//! wipes everything derived from them.

#![forbid(unsafe_code)]

mod key;
mod request;
mod url;

use far_skill::{reveal, secrets};
use serde::Serialize;

use crate::key::SigningKey;
use crate::request::{Input, Request};

#[derive(Serialize)]
struct Output {
    url: String,
}

#[far_skill::skill]
fn presign(input: Input) -> Result<Output, far_skill::Error> {
    // Parses the request ahead of getting the secret, so that an invalid request reveals nothing.
    let request = Request::parse(input)?;
    let secret = secrets::get("aws-secret-access-key")?;
    let key = SigningKey::derive(reveal::reveal(&secret)?.expose(), &request);
    Ok(Output { url: url::presigned(&request, &key) })
}

#[cfg(test)]
mod tests {
    use far_skill::testing::{Host, RunError, Use};
    use serde_json::json;

    use super::*;
    use crate::request::tests::input;

    const NAME: &str = "aws-secret-access-key";

    fn host() -> Host {
        Host::new(far_skill::declaration!()).secret(NAME, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    }

    #[test]
    fn url_needs_one_reveal_and_omits_key() {
        let host = host();
        let output = host.run_json(presign, &input(json!({})).to_string()).unwrap();
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(output.ends_with(&format!("&X-Amz-Signature={signature}\"}}")), "{output}");
        assert!(!output.contains("EXAMPLEKEY"), "{output}");
        assert_eq!(host.uses(), [Use::get(NAME), Use::reveal(NAME)]);
    }

    #[test]
    fn invalid_request_reveals_nothing() {
        let host = host();
        let result = host.run_json(presign, &input(json!({ "region": "" })).to_string());
        let expected = "`region` is not lower-case letters, digits and hyphens";
        assert_eq!(result, Err(RunError::Failure(expected.to_owned())));
        assert_eq!(host.uses(), []);
    }
}
