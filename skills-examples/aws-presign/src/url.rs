//! The presigned URL: the canonical request of Signature Version 4, with its signature in the
//! query.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::key::SigningKey;
use crate::request::Request;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// All characters except the unreserved ones of RFC 3986.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same set without the path separator.
const PATH: &AsciiSet = &QUERY.remove(b'/');

pub(crate) fn presigned(request: &Request, key: &SigningKey) -> String {
    let path = encoded(&request.path, PATH);
    let query = query(request);
    let signature = key.sign(&string_to_sign(request, &path, &query));
    format!("https://{}{path}?{query}&X-Amz-Signature={signature}", request.host)
}

/// Returns the signed parameters, sorted by name.
fn query(request: &Request) -> String {
    let credential = format!("{}/{}", request.access_key_id, scope(request));
    let expires = request.expires_seconds.to_string();
    let parameters = [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", &request.datetime),
        ("X-Amz-Expires", &expires),
        ("X-Amz-SignedHeaders", "host"),
    ];
    parameters.map(|(name, value)| format!("{name}={}", encoded(value, QUERY))).join("&")
}

fn string_to_sign(request: &Request, path: &str, query: &str) -> String {
    let hash = hex::encode(Sha256::digest(canonical_request(request, path, query)));
    format!("{ALGORITHM}\n{}\n{}\n{hash}", request.datetime, scope(request))
}

fn canonical_request(request: &Request, path: &str, query: &str) -> String {
    // S3 uses the URL's path and signs no body. Every other service encodes the path once more and
    // hashes the body, which is empty here.
    let (path, payload) = match request.service.as_str() {
        "s3" => (path.to_owned(), "UNSIGNED-PAYLOAD".to_owned()),
        _ => (encoded(path, PATH), hex::encode(Sha256::digest(""))),
    };
    format!("{}\n{path}\n{query}\nhost:{}\n\nhost\n{payload}", request.method.as_str(), request.host)
}

fn scope(request: &Request) -> String {
    format!("{}/{}/{}/aws4_request", request.date(), request.region, request.service)
}

fn encoded(text: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(text, set).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::request::tests::example;

    #[test]
    fn presigned_returns_documented_url() {
        let request = example(json!({})).unwrap();
        let key = SigningKey::derive(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &request);
        let expected = "https://examplebucket.s3.amazonaws.com/test.txt\
            ?X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
            &X-Amz-Date=20130524T000000Z\
            &X-Amz-Expires=86400\
            &X-Amz-SignedHeaders=host\
            &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert_eq!(presigned(&request, &key), expected);
    }

    #[test]
    fn s3_path_is_encoded_once() {
        let request = example(json!({ "path": "/a b/ü+%2F?#~" })).unwrap();
        let url = presigned(&request, &SigningKey::derive(b"key", &request));
        let path = "/a%20b/%C3%BC%2B%252F%3F%23~";
        assert!(url.starts_with(&format!("https://examplebucket.s3.amazonaws.com{path}?")), "{url}");
        assert_eq!(canonical_request(&request, path, "").lines().nth(1), Some(path));
    }

    #[test]
    fn path_is_encoded_twice_for_other_services() {
        let request = example(json!({ "service": "execute-api" })).unwrap();
        assert_eq!(canonical_request(&request, "/a%20b", "").lines().nth(1), Some("/a%2520b"));
    }
}
