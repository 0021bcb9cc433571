//! How requests end: tokens of events and metrics.

use serde::Serialize;

/// The progress of a request: whether any of it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum Sent {
    /// Nothing: there was no connection for it.
    No,
    /// There was a connection, and no answer.
    Unknown,
    /// The server answered.
    Yes,
}

impl Sent {
    /// The token in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Unknown => "unknown",
            Self::Yes => "yes",
        }
    }
}

impl From<Sent> for &'static str {
    fn from(sent: Sent) -> Self {
        sent.as_str()
    }
}

macro_rules! reasons {
    ($($(#[doc = $what:literal])+ $name:ident = $token:literal,)+) => {
        /// The reason why a request was not let out, or ended without its response.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum EgressReason {
            $($(#[doc = $what])+ $name,)+
        }

        impl EgressReason {
            /// Every reason that there is.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The reason's token in events.
            pub const fn token(self) -> &'static str {
                match self {
                    $(Self::$name => $token,)+
                }
            }
        }
    };
}

reasons! {
    /// The URL, or the method, is not one that can be decided on.
    Url = "url",
    /// No request has this method.
    Method = "method",
    /// The task has reached its limit on requests.
    Requests = "requests",
    /// The task has reached its limit on concurrent requests.
    AtOnce = "at-once",
    /// The body is larger than the task may send, or the skill did not write it to its end.
    RequestBody = "request-body",
    /// A placeholder that refers to no secret: a made-up one, or one of a task that ended.
    Placeholder = "placeholder",
    /// A secret that must be the only credential there is missing.
    OnlySealed = "only-sealed",
    /// The task may not send requests there.
    Destination = "destination",
    /// A secret that the request carries cannot be used now.
    Secret = "secret",
    /// A value cannot stand where its placeholder stood: it is not one line, or not text.
    Unfit = "unfit",
    /// The value for a client certificate is not one, or not with its key.
    ClientCertificate = "client-certificate",
    /// The address is not public, and the operator does not name it.
    Address = "address",
    /// The host's name could not be resolved.
    Dns = "dns",
    /// Nothing listens at the address.
    Refused = "refused",
    /// The server could not be connected to.
    Connect = "connect",
    /// Connecting took too long.
    ConnectTimeout = "connect-timeout",
    /// The server's certificate is not valid.
    Certificate = "certificate",
    /// TLS failed.
    Tls = "tls",
    /// The connection ended before the answer came.
    Connection = "connection",
    /// The answer was not HTTP.
    Protocol = "protocol",
    /// The answer was in a coding that hides its content.
    ContentCoding = "content-coding",
    /// The answer was transferred in a coding that hides its content.
    TransferCoding = "transfer-coding",
    /// The answer's body was larger than the task may receive.
    ResponseBody = "response-body",
    /// The connection ended within the answer.
    Incomplete = "incomplete",
    /// The host failed.
    Host = "host",
}
