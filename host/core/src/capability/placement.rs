//! Where in a request a secret may stand.

/// Where in a request a stand-in was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Placement {
    /// The one `authorization` header, whose whole value is `Bearer` and the stand-in, or `Basic` with the stand-in as the
    /// password: where every grant of `seal` lets it stand.
    Authorization,
    /// Anywhere else.
    Elsewhere,
}
