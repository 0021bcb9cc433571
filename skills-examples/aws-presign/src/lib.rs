//! Makes a URL that gives whoever holds it one AWS request for a limited time.
//!
//! Signature Version 4 does not sign with the secret access key but with a key derived from `AWS4` followed by it. The
//! host signs with secrets as they are, so that this skill has to see the bytes: it declares `reveal`, and wipes what it
//! derives.

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
    // Before the secret is asked for, so that a request that cannot be signed costs no reveal.
    let request = Request::parse(input)?;
    let secret = secrets::get("aws-secret-access-key")?;
    let key = SigningKey::derive(reveal::reveal(&secret)?.expose(), &request);
    Ok(Output { url: url::presigned(&request, &key) })
}

#[cfg(test)]
mod tests {
    use far_skill::testing::{Ended, Host, Use};
    use serde_json::json;

    use super::*;
    use crate::request::tests::input;

    const NAME: &str = "aws-secret-access-key";

    fn host() -> Host {
        Host::new(far_skill::declaration!()).secret(NAME, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    }

    #[test]
    fn a_url_costs_one_reveal_and_does_not_hold_the_key() {
        let host = host();
        let output = host.run_json(presign, &input(json!({})).to_string()).unwrap();
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(output.ends_with(&format!("&X-Amz-Signature={signature}\"}}")), "{output}");
        assert!(!output.contains("EXAMPLEKEY"), "{output}");
        assert_eq!(host.uses(), [Use::asked(NAME), Use::revealed(NAME)]);
    }

    #[test]
    fn a_request_that_cannot_be_signed_costs_none() {
        let host = host();
        let ended = host.run_json(presign, &input(json!({ "region": "" })).to_string());
        let expected = "`region` is not lower-case letters, digits and hyphens";
        assert_eq!(ended, Err(Ended::Failed(expected.to_owned())));
        assert_eq!(host.uses(), []);
    }
}
