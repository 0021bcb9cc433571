//! Endpoints of token issuers.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

/// An `https` URL without user, query and fragment. Plain `http` is permitted only for loopback
/// addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// An error in the URL of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The string is not a URL with a host.
    #[error("not a URL such as https://login.example.com/token")]
    NotUrl,
    /// Plain `http` would expose the secret.
    #[error("an endpoint uses https; http is permitted only for 127.0.0.1 and [::1]")]
    PlainHttp,
    /// The URL has a user, query or fragment.
    #[error("the endpoint has more than a host, a port and a path")]
    ExtraParts,
}

impl Endpoint {
    /// Parses an endpoint.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] names the rule that the string violates.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(|_| EndpointError::NotUrl)?;
        let host = url.host_str().ok_or(EndpointError::NotUrl)?;
        // The resolver decides the address of a name, even of `localhost`.
        let is_loopback = host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback) {
            return Err(EndpointError::PlainHttp);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::ExtraParts);
        }
        Ok(Self(url))
    }

    /// Returns the URL.
    pub(super) fn url(&self) -> Url {
        self.0.clone()
    }

    /// Appends path segments, percent-encoded.
    pub(super) fn join(&self, segments: &[&str]) -> Option<Url> {
        let mut url = self.0.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
        Some(url)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_is_https_url() {
        for text in ["https://api.github.com", "https://ghe.example/api/v3", "http://127.0.0.1:8080/x", "http://[::1]/"]
        {
            assert!(Endpoint::parse(text).is_ok(), "{text}");
        }
        for (text, error) in [
            ("", EndpointError::NotUrl),
            ("login.example.com", EndpointError::NotUrl),
            ("http://login.example.com", EndpointError::PlainHttp),
            ("http://localhost/", EndpointError::PlainHttp),
            ("http://0.0.0.0/", EndpointError::PlainHttp),
            ("ftp://login.example.com", EndpointError::PlainHttp),
            ("https://user@login.example.com", EndpointError::ExtraParts),
            ("https://login.example.com/?a", EndpointError::ExtraParts),
            ("https://login.example.com/#a", EndpointError::ExtraParts),
        ] {
            assert_eq!(Endpoint::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn appended_segments_are_encoded() {
        let joined = |text: &str| Endpoint::parse(text).unwrap().join(&["a", "b/c?"]).unwrap().to_string();
        assert_eq!(joined("https://a.example"), "https://a.example/a/b%2Fc%3F");
        assert_eq!(joined("https://a.example/v3/"), "https://a.example/v3/a/b%2Fc%3F");
    }
}
