//! Requests that a skill sent.

/// A request as it left the host. The text `[sealed:NAME]` replaces each secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentRequest {
    /// The method.
    pub method: String,
    /// The URL, otherwise unchanged.
    pub url: String,
    /// The headers, in order. Excludes headers that the host strips (such as `accept-encoding`,
    /// `range` and `x-http-method-override`) or adds.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}
