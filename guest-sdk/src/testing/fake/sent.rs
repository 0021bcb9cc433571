//! What a skill sent.

/// A request, as it left. Where a secret was put, `[sealed:NAME]` stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The URL, otherwise as the skill wrote it.
    pub url: String,
    /// The headers, in their order, without those that the host takes out of a request: such as `accept-encoding`, `range` and
    /// `x-http-method-override`. What it adds of its own is not among them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}
