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
