//! The ends of requests, as tokens of events and metrics.

use serde::Serialize;

/// The state of sending a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum SendState {
    /// Nothing was sent, for want of a connection.
    No,
    /// There was a connection, but no response.
    Unknown,
    /// The server responded.
    Yes,
}

impl SendState {
    /// Returns the token in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Unknown => "unknown",
            Self::Yes => "yes",
        }
    }
}

impl From<SendState> for &'static str {
    fn from(sent: SendState) -> Self {
        sent.as_str()
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $token:literal,)+) => {
        /// The reason to deny a request, or for its failure.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum EgressReason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl EgressReason {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the reason's token in events.
            pub const fn token(self) -> &'static str {
                match self {
                    $(Self::$name => $token,)+
                }
            }
        }
    };
}

reasons! {
    /// The URL or the method is not in a normal form, so that no rule can be applied.
    Url = "url",
    /// The method is invalid.
    Method = "method",
    /// The task reached its limit on requests.
    Requests = "requests",
    /// The task reached its limit on concurrent requests.
    Concurrency = "at-once",
    /// The body exceeds the task's limit, or the skill did not finish it.
    RequestBody = "request-body",
    /// A placeholder is invented, or belongs to an ended task.
    Placeholder = "placeholder",
    /// The request lacks a secret that its destination requires as the only credential.
    MissingSecret = "only-sealed",
    /// The task may not send requests to the destination.
    Destination = "destination",
    /// A secret of the request is not usable.
    Secret = "secret",
    /// A value does not fit its placement: it is not text, or has several lines.
    InvalidValue = "unfit",
    /// The value is not a client certificate with its key.
    ClientCertificate = "client-certificate",
    /// The address is not public, and the operator does not list it.
    Address = "address",
    /// Name resolution failed.
    Dns = "dns",
    /// The server refused the connection.
    ConnectionRefused = "refused",
    /// The connection failed.
    Connect = "connect",
    /// The connection timed out.
    ConnectTimeout = "connect-timeout",
    /// The server's certificate is not valid.
    Certificate = "certificate",
    /// TLS failed.
    Tls = "tls",
    /// The connection closed before the response.
    Connection = "connection",
    /// The response is not valid HTTP.
    Protocol = "protocol",
    /// The response has a content coding, which redaction cannot read.
    ContentCoding = "content-coding",
    /// The response has a transfer coding, which redaction cannot read.
    TransferCoding = "transfer-coding",
    /// The response body exceeds the task's limit.
    ResponseBody = "response-body",
    /// The connection closed within the response body.
    IncompleteBody = "incomplete",
    /// The host failed.
    Host = "host",
}
