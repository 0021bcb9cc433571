//! Why there is no answer.

use std::{fmt, io};

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The URL, the method or a header is none.
    Invalid,
    /// The task may not send the request, or not there; or its secret cannot be used now.
    Denied,
    /// The server's address is not one that requests may go to.
    Address,
    /// Nothing answers there, or not in time.
    Unreachable,
    /// The server is not who it should be.
    Certificate,
    /// The request is larger than the host takes.
    TooLarge,
    /// What came back is no answer, larger than the host takes, or in a coding that was not asked for.
    Protocol,
    /// The value is no JSON.
    Json,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "the request's URL, method or headers are not valid",
            Self::Denied => "the task may not send the request, or its secret cannot be used now",
            Self::Address => "the server's address is not one that requests may go to",
            Self::Unreachable => "the server does not answer",
            Self::Certificate => "the server's certificate is not valid",
            Self::TooLarge => "the request is larger than the host takes",
            Self::Protocol => "what came back is no answer, or larger than the host takes",
            Self::Json => "the body is not the JSON that was expected",
        })
    }
}

impl std::error::Error for Error {}

/// For [`Read`](io::Read) and [`Write`](io::Write), which have no errors of their own.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}
