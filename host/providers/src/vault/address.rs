//! The address of the server.

use std::fmt;

use reqwest::Url;

/// The server's origin: `https://vault.internal:8200`. Plain `http` is permitted only for loopback
/// addresses.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

/// An error in the address of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The string is not a URL with a host.
    #[error("not a URL such as https://vault.internal:8200")]
    NotUrl,
    /// The scheme is neither `https` nor `http`.
    #[error("the address does not begin with 'https://'")]
    Scheme,
    /// Plain `http` would expose the token.
    #[error("'http' is permitted only for 127.0.0.1 and [::1]: it would expose secrets on the network")]
    PlainHttp,
    /// The URL has a user, path, query or fragment.
    #[error("the address has more than a host and a port")]
    ExtraParts,
}

impl Address {
    /// Parses an address.
    ///
    /// # Errors
    ///
    /// [`AddressError`] names the rule that the string violates.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::NotUrl)?;
        match url.scheme() {
            "https" | "http" => {}
            _ => return Err(AddressError::Scheme),
        }
        let host = url.host_str().ok_or(AddressError::NotUrl)?;
        // The resolver decides the address of a name, even of `localhost`.
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        if url.scheme() == "http" && !ip.is_ok_and(|ip| ip.is_loopback()) {
            return Err(AddressError::PlainHttp);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::ExtraParts);
        }
        Ok(Self(url))
    }

    /// Returns the URL of an API path with encoded segments. Returns `None` if the URL parser would
    /// change the path.
    pub(super) fn url(&self, path: &str) -> Option<Url> {
        let url = self.0.join(&format!("/v1/{path}")).ok()?;
        // A rewritten path is not the path that was checked.
        let requested = path.split('?').next()?;
        (url.path().strip_prefix("/v1/") == Some(requested)).then_some(url)
    }

    /// Returns the address as a string without a trailing slash.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_origin() {
        for (text, expected) in [
            ("https://vault.internal:8200", "https://vault.internal:8200"),
            ("https://vault.internal:8200/", "https://vault.internal:8200"),
            ("http://127.0.0.1:8200", "http://127.0.0.1:8200"),
            ("http://[::1]:8200", "http://[::1]:8200"),
        ] {
            assert_eq!(Address::parse(text).unwrap().as_str(), expected);
        }
        for (text, expected) in [
            ("vault.internal:8200", AddressError::Scheme),
            ("/run/vault.sock", AddressError::NotUrl),
            ("unix:///run/vault.sock", AddressError::Scheme),
            ("http://vault.internal:8200", AddressError::PlainHttp),
            ("http://localhost:8200", AddressError::PlainHttp),
            ("http://10.0.0.1", AddressError::PlainHttp),
            ("http://127.0.0.1.example.com", AddressError::PlainHttp),
            ("https://u:p@vault.internal", AddressError::ExtraParts),
            ("https://vault.internal/ui", AddressError::ExtraParts),
            ("https://vault.internal?x", AddressError::ExtraParts),
            ("https://vault.internal#x", AddressError::ExtraParts),
        ] {
            assert_eq!(Address::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn url_parser_must_not_change_path() {
        let address = Address::parse("https://vault.internal").unwrap();
        let url = address.url("kv/data/a%2Fb?version=2").unwrap();
        assert_eq!(url.as_str(), "https://vault.internal/v1/kv/data/a%2Fb?version=2");
        for path in ["kv/../sys/seal", "kv/%2e%2e/sys", "kv\\..\\sys", "kv/a b"] {
            assert_eq!(address.url(path), None, "{path}");
        }
    }
}
