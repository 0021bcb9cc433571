//! The requested operation, validated ahead of the signature: a URL that a reader parses
//! differently would authorize another request.

use serde::Deserialize;

/// The longest expiry that AWS accepts: seven days.
const EXPIRY_MAX: u32 = 7 * 24 * 60 * 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Input {
    method: Method,
    host: String,
    path: String,
    region: String,
    service: String,
    access_key_id: String,
    datetime: String,
    expires_seconds: u32,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    Delete,
    Get,
    Head,
    Post,
    Put,
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// A validated request, which no reader can parse differently.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) host: String,
    /// Not percent-encoded.
    pub(crate) path: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) access_key_id: String,
    /// Format: `20130524T000000Z`.
    pub(crate) datetime: String,
    pub(crate) expires_seconds: u32,
}

impl Request {
    pub(crate) fn parse(input: Input) -> Result<Self, InvalidRequest> {
        let Input { method, host, path, region, service, access_key_id, datetime, expires_seconds } = input;
        let checks = [
            (is_host(&host), InvalidRequest::Host),
            (is_path(&path), InvalidRequest::Path),
            (is_scope_part(&region), InvalidRequest::Region),
            (is_scope_part(&service), InvalidRequest::Service),
            (is_access_key_id(&access_key_id), InvalidRequest::AccessKeyId),
            (is_datetime(&datetime), InvalidRequest::Datetime),
            ((1..=EXPIRY_MAX).contains(&expires_seconds), InvalidRequest::ExpiresSeconds),
        ];
        match checks.into_iter().find(|(holds, _)| !holds) {
            Some((_, invalid)) => Err(invalid),
            None => Ok(Self { method, host, path, region, service, access_key_id, datetime, expires_seconds }),
        }
    }

    /// Returns the day in the format `20130524`.
    pub(crate) fn date(&self) -> &str {
        self.datetime.split_once('T').map_or("", |(date, _)| date)
    }
}

/// An invalid field of the input.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum InvalidRequest {
    #[error("`host` is not a lower-case host name with an optional port")]
    Host,
    #[error("`path` does not start with `/`, or holds a control character or a segment `.` or `..`")]
    Path,
    #[error("`region` is not lower-case letters, digits and hyphens")]
    Region,
    #[error("`service` is not lower-case letters, digits and hyphens")]
    Service,
    #[error("`access-key-id` is not 16 to 128 letters, digits and underscores")]
    AccessKeyId,
    #[error("`datetime` is not a UTC time as in 20130524T000000Z")]
    Datetime,
    #[error("`expires-seconds` is not between 1 and {EXPIRY_MAX}")]
    ExpiresSeconds,
}

impl From<InvalidRequest> for far_skill::Error {
    fn from(error: InvalidRequest) -> Self {
        Self::new(error.to_string())
    }
}

fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "443"));
    let is_label = |label: &str| is_scope_part(label) && !label.starts_with('-') && !label.ends_with('-');
    name.len() <= 253 && name.split('.').all(is_label) && all_digits(port) && port.parse::<u16>().is_ok()
}

/// Returns false for a path with `.` or `..` segments, because clients remove these and request
/// another path than the signed one.
fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && !text.chars().any(char::is_control)
        && !text.split('/').any(|part| matches!(part, "." | ".."))
}

fn is_scope_part(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn is_access_key_id(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_datetime(text: &str) -> bool {
    let Some((date, time)) = text.strip_suffix('Z').and_then(|text| text.split_once('T')) else {
        return false;
    };
    let within = |text: &str, at: usize, range: std::ops::RangeInclusive<u8>| {
        text.get(at..at + 2).and_then(|digits| digits.parse().ok()).is_some_and(|number| range.contains(&number))
    };
    date.len() == 8
        && time.len() == 6
        && all_digits(date)
        && all_digits(time)
        && within(date, 4, 1..=12)
        && within(date, 6, 1..=31)
        && within(time, 0, 0..=23)
        && within(time, 2, 0..=59)
        && within(time, 4, 0..=59)
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns the example of "Authenticating requests: using query parameters" in the Amazon S3
    /// API Reference, with changes.
    pub(crate) fn input(changes: serde_json::Value) -> serde_json::Value {
        let mut input = serde_json::json!({
            "method": "GET",
            "host": "examplebucket.s3.amazonaws.com",
            "path": "/test.txt",
            "region": "us-east-1",
            "service": "s3",
            "access-key-id": "AKIAIOSFODNN7EXAMPLE",
            "datetime": "20130524T000000Z",
            "expires-seconds": 86400,
        });
        for (field, value) in changes.as_object().unwrap() {
            input[field] = value.clone();
        }
        input
    }

    /// Returns the same example, parsed.
    pub(crate) fn example(changes: serde_json::Value) -> Result<Request, InvalidRequest> {
        Request::parse(serde_json::from_value(input(changes)).unwrap())
    }

    #[test]
    fn ambiguous_request_is_rejected() {
        use InvalidRequest::*;

        let cases = [
            (Host, "host", &["", "a b", "a\nb", "a/b", "A.com", "a..b", "a:", "a:+1", "a:65536", "user@a", "-a"][..]),
            (Path, "path", &["", "a", "/a\nb", "/a\u{7f}", "/a/../b", "/./a", "/.."]),
            (Region, "region", &["", "us/east", "US-EAST-1"]),
            (Service, "service", &["", "s3\n"]),
            (AccessKeyId, "access-key-id", &["", "AKIA", "AKIAIOSFODNN7EXAMPL/"]),
            (Datetime, "datetime", &["", "20130524", "20131324T000000Z", "20130532T000000Z", "20130524T240000Z"]),
            (
                Datetime,
                "datetime",
                &["20130524t000000z", "2013-05-24T00:00:00Z", "+0130524T000000Z", "20130524T0000é0Z"],
            ),
        ];
        for (expected, field, values) in cases {
            for value in values {
                let seen = example(serde_json::json!({ field: value })).err();
                assert_eq!(seen.as_ref(), Some(&expected), "{field}: {value:?}");
            }
        }
    }

    #[test]
    fn expiry_is_one_second_to_seven_days() {
        for (seconds, ok) in [(0, false), (1, true), (604_800, true), (604_801, false)] {
            assert_eq!(example(serde_json::json!({ "expires-seconds": seconds })).is_ok(), ok, "{seconds}");
        }
    }

    #[test]
    fn host_accepts_port() {
        assert!(example(serde_json::json!({ "host": "localhost:9000" })).is_ok());
    }
}
