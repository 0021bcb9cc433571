//! Where tokens are issued.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

/// A URL over `https`; plain `http` is for loopback addresses alone. Without a user, a query and a fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// Why a text is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Not a URL with a host.
    #[error("an endpoint is a URL such as https://login.example.com/token")]
    NotUrl,
    /// A secret would be sent for all to read.
    #[error("an endpoint is over https; http is for 127.0.0.1 and [::1] alone")]
    Plain,
    /// User, query or fragment.
    #[error("an endpoint has a host, perhaps a port, a path, and nothing else")]
    More,
}

impl Endpoint {
    /// Parses one.
    ///
    /// # Errors
    ///
    /// [`EndpointError`]: which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(|_| EndpointError::NotUrl)?;
        let host = url.host_str().ok_or(EndpointError::NotUrl)?;
        // A name is whatever a resolver makes of it: 'localhost' too.
        let is_loopback = host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback) {
            return Err(EndpointError::Plain);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::More);
        }
        Ok(Self(url))
    }

    /// The endpoint itself.
    pub(super) fn url(&self) -> Url {
        self.0.clone()
    }

    /// What is below it, by segments that are encoded as they are put there.
    pub(super) fn below(&self, segments: &[&str]) -> Option<Url> {
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
    fn an_endpoint_is_over_https_and_has_a_path_at_most() {
        for text in ["https://api.github.com", "https://ghe.example/api/v3", "http://127.0.0.1:8080/x", "http://[::1]/"]
        {
            assert!(Endpoint::parse(text).is_ok(), "{text}");
        }
        for (text, error) in [
            ("", EndpointError::NotUrl),
            ("login.example.com", EndpointError::NotUrl),
            ("http://login.example.com", EndpointError::Plain),
            ("http://localhost/", EndpointError::Plain),
            ("http://0.0.0.0/", EndpointError::Plain),
            ("ftp://login.example.com", EndpointError::Plain),
            ("https://user@login.example.com", EndpointError::More),
            ("https://login.example.com/?a", EndpointError::More),
            ("https://login.example.com/#a", EndpointError::More),
        ] {
            assert_eq!(Endpoint::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn segments_are_put_below_and_stay_segments() {
        let below = |text: &str| Endpoint::parse(text).unwrap().below(&["a", "b/c?"]).unwrap().to_string();
        assert_eq!(below("https://a.example"), "https://a.example/a/b%2Fc%3F");
        assert_eq!(below("https://a.example/v3/"), "https://a.example/v3/a/b%2Fc%3F");
    }
}
