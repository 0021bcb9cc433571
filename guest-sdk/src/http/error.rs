//! Errors of HTTP requests.

use std::{fmt, io};

/// An error that prevented a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The URL, the method or a header is not valid.
    Invalid,
    /// The task may not send this request, or its secret cannot be used now.
    Denied,
    /// The server's address is prohibited.
    Address,
    /// The server is unreachable or did not respond in time.
    Unreachable,
    /// The server's TLS certificate is not valid.
    Certificate,
    /// The request or the response exceeds the host's size limit.
    TooLarge,
    /// The response is malformed, cut short, or in a content coding that the request did not
    /// accept.
    Protocol,
    /// The value or the body is not the expected JSON.
    Json,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "invalid URL, method or header",
            Self::Denied => "the task may not send this request, or its secret cannot be used now",
            Self::Address => "the server's address is prohibited",
            Self::Unreachable => "the server is unreachable or did not respond in time",
            Self::Certificate => "the server's TLS certificate is not valid",
            Self::TooLarge => "the request or the response exceeds the host's size limit",
            Self::Protocol => "the response is malformed or cut short",
            Self::Json => "the body is not the expected JSON",
        })
    }
}

impl std::error::Error for Error {}

/// Wraps the error for [`Read`](io::Read) and [`Write`](io::Write).
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}
