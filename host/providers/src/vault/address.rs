//! Where the server is.

use std::fmt;

use reqwest::Url;

/// The server's origin: `https://vault.internal:8200`. Plain `http` is for loopback addresses alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Not a URL with a host.
    #[error("an address is a URL such as https://vault.internal:8200")]
    NotUrl,
    /// Neither `https` nor `http`.
    #[error("an address begins with https://")]
    Scheme,
    /// A token would be sent for all to read.
    #[error("http is for 127.0.0.1 and [::1] alone: anywhere else, whoever is on the way reads the secrets")]
    Plain,
    /// User, path, query or fragment.
    #[error("an address has a host, and perhaps a port, and nothing else")]
    More,
}

impl Address {
    /// Parses an address.
    ///
    /// # Errors
    ///
    /// [`AddressError`]: which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::NotUrl)?;
        match url.scheme() {
            "https" | "http" => {}
            _ => return Err(AddressError::Scheme),
        }
        let host = url.host_str().ok_or(AddressError::NotUrl)?;
        // A name is whatever a resolver makes of it: 'localhost' too.
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        if url.scheme() == "http" && !ip.is_ok_and(|ip| ip.is_loopback()) {
            return Err(AddressError::Plain);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::More);
        }
        Ok(Self(url))
    }

    /// The address of a path of the API, whose segments are encoded already.
    pub(super) fn of(&self, path: &str) -> Option<Url> {
        let url = self.0.join(&format!("/v1/{path}")).ok()?;
        // What a URL's parser would have rewritten is another path than the one that was checked.
        let asked_for = path.split('?').next()?;
        (url.path().strip_prefix("/v1/") == Some(asked_for)).then_some(url)
    }

    /// The address as text, without a slash at its end.
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
    fn an_address_is_an_origin() {
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
            ("http://vault.internal:8200", AddressError::Plain),
            ("http://localhost:8200", AddressError::Plain),
            ("http://10.0.0.1", AddressError::Plain),
            ("http://127.0.0.1.example.com", AddressError::Plain),
            ("https://u:p@vault.internal", AddressError::More),
            ("https://vault.internal/ui", AddressError::More),
            ("https://vault.internal?x", AddressError::More),
            ("https://vault.internal#x", AddressError::More),
        ] {
            assert_eq!(Address::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_path_stays_what_it_was() {
        let address = Address::parse("https://vault.internal").unwrap();
        let url = address.of("kv/data/a%2Fb?version=2").unwrap();
        assert_eq!(url.as_str(), "https://vault.internal/v1/kv/data/a%2Fb?version=2");
        for path in ["kv/../sys/seal", "kv/%2e%2e/sys", "kv\\..\\sys", "kv/a b"] {
            assert_eq!(address.of(path), None, "{path}");
        }
    }
}
