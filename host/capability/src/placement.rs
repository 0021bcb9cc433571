//! Placements of secrets in requests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::header::is_stripped_header;

/// A part of a request that the host may set to a secret.
///
/// Written `authorization`, `header:NAME`, `query:NAME` or `client-certificate`:
///
/// ```
/// use far_capability::Placement;
///
/// let placement: Placement = "header:x-api-key".parse()?;
/// assert_eq!(placement, Placement::Header("x-api-key".to_owned()));
/// # Ok::<(), far_capability::PlacementError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Placement {
    /// The `authorization` header: `Bearer` and the secret, or `Basic` with the secret as the
    /// password. The default.
    Authorization,
    /// The single header with this name.
    Header(String),
    /// The single query parameter with this name, percent-encoded.
    Query(String),
    /// The TLS connection of the request: a certificate and its key, in PEM. The placeholder is in
    /// the header [`CLIENT_CERTIFICATE`](Self::CLIENT_CERTIFICATE), which the host removes.
    ClientCertificate,
}

/// An error of parsing a [`Placement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlacementError {
    /// The string has none of the forms.
    #[error("a placement is 'authorization', 'header:NAME', 'query:NAME' or 'client-certificate'")]
    Form,
    /// The header name is invalid, or the host sets or removes the header ([`is_stripped_header`]).
    #[error(
        "a placement's header has a name of a-z, 0-9 and '-', and is not 'authorization' or a header that the host sets or removes"
    )]
    Header,
    /// The parameter name is invalid.
    #[error("a placement's query parameter has a name of letters, digits, '-', '.', '_' and '~'")]
    Query,
}

/// Headers that are not placements, because they describe the body or have another placement.
const NOT_FOR_SECRETS: [&str; 4] = [Placement::CLIENT_CERTIFICATE, "authorization", "content-encoding", "content-type"];

impl Placement {
    /// The header for the placeholder of a client certificate.
    pub const CLIENT_CERTIFICATE: &str = "far-client-certificate";
}

impl FromStr for Placement {
    type Err = PlacementError;

    fn from_str(text: &str) -> Result<Self, PlacementError> {
        match text.split_once(':') {
            None if text == "authorization" => Ok(Self::Authorization),
            None if text == "client-certificate" => Ok(Self::ClientCertificate),
            Some(("header", name)) => {
                let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
                let is_free = !NOT_FOR_SECRETS.contains(&name) && !is_stripped_header(name);
                let fits = !name.is_empty() && name.bytes().all(is_name) && is_free;
                if fits { Ok(Self::Header(name.to_owned())) } else { Err(PlacementError::Header) }
            }
            Some(("query", name)) => {
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
                let fits = !name.is_empty() && name.bytes().all(is_name);
                if fits { Ok(Self::Query(name.to_owned())) } else { Err(PlacementError::Query) }
            }
            _ => Err(PlacementError::Form),
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authorization => f.write_str("authorization"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Query(name) => write!(f, "query:{name}"),
            Self::ClientCertificate => f.write_str("client-certificate"),
        }
    }
}

impl TryFrom<String> for Placement {
    type Error = PlacementError;

    fn try_from(text: String) -> Result<Self, PlacementError> {
        text.parse()
    }
}

impl From<Placement> for String {
    fn from(placement: Placement) -> Self {
        placement.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placement_round_trips_or_is_rejected() {
        for text in ["authorization", "client-certificate", "header:x-api-key", "query:key", "query:Api_Key.1"] {
            assert_eq!(text.parse::<Placement>().unwrap().to_string(), text);
        }
        for (text, error) in [
            ("", PlacementError::Form),
            ("Authorization", PlacementError::Form),
            ("body:x", PlacementError::Form),
            ("header:", PlacementError::Header),
            ("header:X-Api-Key", PlacementError::Header),
            ("header:host", PlacementError::Header),
            ("header:authorization", PlacementError::Header),
            ("header:x-original-url", PlacementError::Header),
            ("header:x-real-ip", PlacementError::Header),
            ("header:far-client-certificate", PlacementError::Header),
            ("header:a b", PlacementError::Header),
            ("query:", PlacementError::Query),
            ("query:a=b", PlacementError::Query),
            ("query:a%20b", PlacementError::Query),
        ] {
            assert_eq!(text.parse::<Placement>(), Err(error), "{text}");
        }
    }
}
