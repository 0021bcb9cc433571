//! Responses that a guest receives.

use bytes::Bytes;
use far_core::redaction::Redaction;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::placeholders;
use super::redaction::hidden;

pub(super) const TOKENS: &[&str] = &[
    "S3cr3t+v/lue",
    "s3cr3t-name",
    "5333637233742b762f6c7565",
    "UzNjcjN0K3YvbHVl",
    "S3cr3t%2Bv%2flue",
    "\n\n",
    "\n",
    ": ",
    "content-encoding: gzip",
    "transfer-encoding: chunked",
    "content-length: 5",
    "set-cookie: a=",
    "200",
    "\ntrailer ",
];

/// The task's secrets. One of them is a valid header name.
const VALUES: [&[u8]; 2] = [b"S3cr3t+v/lue", b"s3cr3t-name"];
const MARKER: &[u8] = b"[redacted:key]";
/// The largest body, in bytes.
const BODY_MAX: usize = 1500;

/// Checks a response: the size of the body's chunks, the status, a line for each header (or
/// `trailer NAME: VALUE`), an empty line, and the body.
pub fn responses(data: &[u8]) {
    let Some((&size, rest)) = data.split_first() else { return };
    let split = rest.windows(2).position(|window| window == b"\n\n").unwrap_or(rest.len());
    let (head, body) = (&rest[..split], &rest[(split + 2).min(rest.len())..]);
    let Some((status, headers, trailers)) = self::head(head) else { return };
    let redaction = Redaction::new();
    for value in VALUES {
        redaction.learn(&"key".parse().unwrap(), value).expect("the value is long enough");
    }
    let pieces = body.chunks(usize::from(size).max(1)).map(Bytes::copy_from_slice).collect();
    let mut response = Response::new(pieces);
    *response.status_mut() = status;
    *response.headers_mut() = headers.clone();
    let coded = [("content-encoding", "identity"), ("transfer-encoding", "chunked")].iter().any(|(name, plain)| {
        headers.get_all(*name).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(plain.as_bytes()))
    });
    let (seen, over) = placeholders::response(&redaction, response, trailers.clone(), BODY_MAX);
    let Some(seen) = seen else {
        return assert!(coded || over || body.len() > BODY_MAX, "a plain response is rejected");
    };
    assert!(!coded && body.len() <= BODY_MAX);
    let expected = hidden(&VALUES, body).of(body, MARKER);
    assert_eq!(seen.body, expected, "{}", String::from_utf8_lossy(body));
    assert_headers(&seen.headers, &headers);
    assert_headers(&seen.trailers, &trailers);
    assert_eq!(redaction.end(), [], "a server's response is not a leak of the task");
}

type Head = (StatusCode, HeaderMap, HeaderMap);

fn head(text: &[u8]) -> Option<Head> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let status = StatusCode::from_bytes(lines.next()?).ok()?;
    let (mut headers, mut trailers) = (HeaderMap::new(), HeaderMap::new());
    for line in lines {
        let (map, line) = match line.strip_prefix(b"trailer ") {
            Some(line) => (&mut trailers, line),
            None => (&mut headers, line),
        };
        let colon = line.windows(2).position(|window| window == b": ")?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        map.try_append(name, HeaderValue::from_bytes(&line[colon + 2..]).ok()?).ok()?;
    }
    Some((status, headers, trailers))
}

/// Asserts that no header contains a secret, and that other headers are unchanged.
fn assert_headers(seen: &HeaderMap, sent: &HeaderMap) {
    for (name, value) in seen {
        assert!(hidden(&VALUES, name.as_str().as_bytes()).is_clear(), "{name:?}");
        let matches =
            |sent: &HeaderValue| hidden(&VALUES, sent.as_bytes()).of(sent.as_bytes(), MARKER) == value.as_bytes();
        assert!(sent.get_all(name).iter().any(matches), "{name:?}: {value:?}");
    }
    let kept =
        sent.keys().filter(|name| *name != "content-length" && hidden(&VALUES, name.as_str().as_bytes()).is_clear());
    kept.for_each(|name| assert_eq!(seen.get_all(name).iter().count(), sent.get_all(name).iter().count(), "{name:?}"));
}
