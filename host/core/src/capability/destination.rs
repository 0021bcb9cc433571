//! Where a secret may be sent: scheme, host, port, methods and path prefix.
//!
//! Decided on serialised URLs: a text that a URL parser would change is refused, so that what a person read is what is
//! compared.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::guard::Guard;

/// A pattern over requests, written `[METHOD[,METHOD]… ]SCHEME://HOST[:PORT][/PATH]`.
///
/// - `SCHEME` is `https` or `http`.
/// - `HOST` is exact, or `*.` and a domain below a public suffix; `*` stands for exactly one label.
/// - `PORT` is the scheme's own when left out.
/// - `PATH` is a prefix in whole segments; every path when left out.
/// - `METHOD` is in upper case; every method when left out.
///
/// ```
/// use far_core::capability::{Destination, Target};
///
/// let destination: Destination = "GET,POST https://api.github.com/repos".parse()?;
/// assert!(destination.covers(&Target::new("GET", "https://api.github.com/repos/a/b")?));
/// assert!(!destination.covers(&Target::new("GET", "https://api.github.com/reposit")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destination {
    methods: Vec<String>,
    https: bool,
    host: HostPattern,
    port: u16,
    path: String,
    text: String,
}

#[derive(Clone, PartialEq, Eq)]
enum HostPattern {
    Exact(String),
    OneLabelBelow(String),
}

/// Why a text is not a [`Destination`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// Not a URL at all.
    #[error("a destination is a URL such as https://api.example.com/v1")]
    Url,
    /// A scheme other than `https` and `http`.
    #[error("a destination's scheme is https or http")]
    Scheme,
    /// User, password, query or fragment.
    #[error("a destination has no user, password, query or fragment")]
    Part,
    /// Serialising the URL changes it: upper case, default port, dot segments, characters to be encoded.
    #[error("a destination is written in its serialised form: lower-case host, no default port, no dot segments")]
    NotSerialised,
    /// A `*` that is not the whole first label of a domain.
    #[error("a destination's host has at most one '*', as its whole first label")]
    Wildcard,
    /// `*.` over a public suffix such as `com` or `github.io`.
    #[error("a destination's wildcard stands below a domain of one owner, not below a public suffix")]
    PublicSuffix,
    /// A method that is not upper-case letters.
    #[error("a destination's methods are upper-case letters, separated by ','")]
    Method,
}

impl Destination {
    /// Whether a request goes where the pattern says.
    pub fn covers(&self, target: &Target) -> bool {
        self.https == target.https
            && self.port == target.port
            && self.host.covers(&target.host)
            && (self.methods.is_empty() || self.methods.contains(&target.method))
            && path_within(&self.path, &target.path)
    }

    /// Whether every request that goes where this pattern says goes where one of `allowed` says.
    ///
    /// Patterns are compared by what they cover, not by how they are written; several may cover its methods together.
    /// Never true without being so; false also for what only several wildcards or paths would cover together.
    pub fn is_within(&self, allowed: &[Self]) -> bool {
        let around = |other: &&Self| {
            self.https == other.https
                && self.port == other.port
                && other.host.includes(&self.host)
                && path_within(&other.path, &self.path)
        };
        let mut around = allowed.iter().filter(around);
        if self.methods.is_empty() {
            return around.any(|other| other.methods.is_empty());
        }
        let around: Vec<_> = around.collect();
        let is_allowed = |method| around.iter().any(|other| other.methods.is_empty() || other.methods.contains(method));
        self.methods.iter().all(is_allowed)
    }

    /// Whether the host has a `*`.
    pub fn has_wildcard(&self) -> bool {
        matches!(self.host, HostPattern::OneLabelBelow(_))
    }

    /// Whether it covers every method.
    pub fn is_any_method(&self) -> bool {
        self.methods.is_empty()
    }

    /// Whether it covers every path.
    pub fn is_any_path(&self) -> bool {
        self.path == "/"
    }

    /// Whether the pattern's scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Scheme, host and port of the pattern.
    pub fn origin(&self) -> String {
        let (_, address) = self.text.split_once(' ').unwrap_or(("", &self.text));
        let host = address.find("://").map_or(0, |at| at + "://".len());
        let end = address.get(host..).and_then(|rest| rest.find('/')).map_or(address.len(), |at| host + at);
        address.get(..end).unwrap_or(address).to_owned()
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl HostPattern {
    fn parse(host: &str) -> Result<Self, DestinationError> {
        let Some(domain) = host.strip_prefix("*.") else {
            return if host.contains('*') { Err(DestinationError::Wildcard) } else { Ok(Self::Exact(host.to_owned())) };
        };
        if domain.contains('*') {
            return Err(DestinationError::Wildcard);
        }
        // A registrable domain is a public suffix and one label; without one, the wildcard would span owners.
        if psl::domain_str(domain).is_none() {
            return Err(DestinationError::PublicSuffix);
        }
        Ok(Self::OneLabelBelow(domain.to_owned()))
    }

    /// Whether it covers every host that `other` covers.
    fn includes(&self, other: &Self) -> bool {
        match other {
            Self::Exact(host) => self.covers(host),
            Self::OneLabelBelow(_) => self == other,
        }
    }

    fn covers(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::OneLabelBelow(domain) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == domain)
            }
        }
    }
}

/// Whether `path` is `prefix` or below it, in whole segments.
fn path_within(prefix: &str, path: &str) -> bool {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_method(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let (methods, address) = match text.split_once(' ') {
            Some((methods, address)) => (methods.split(',').map(str::to_owned).collect(), address),
            None => (Vec::new(), text),
        };
        if !methods.iter().all(|method| is_method(method)) {
            return Err(DestinationError::Method);
        }
        let url = Url::parse(address).map_err(|_| DestinationError::Url)?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(DestinationError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(DestinationError::Part);
        }
        if !is_serialised(&url, address) {
            return Err(DestinationError::NotSerialised);
        }
        let host = HostPattern::parse(url.host_str().ok_or(DestinationError::Url)?)?;
        let port = url.port_or_known_default().ok_or(DestinationError::Url)?;
        Ok(Self { methods, https, host, port, path: url.path().to_owned(), text: text.to_owned() })
    }
}

/// Whether the parser left the text as it was; the path `/` may be left out.
fn is_serialised(url: &Url, text: &str) -> bool {
    url.as_str() == text || url.as_str().strip_suffix('/') == Some(text)
}

impl TryFrom<String> for Destination {
    type Error = DestinationError;

    fn try_from(text: String) -> Result<Self, DestinationError> {
        text.parse()
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.text
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where one request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    method: String,
    https: bool,
    host: String,
    port: u16,
    path: String,
}

/// Whether a server that decodes a path more than once, or takes `\` for `/`, or leaves out what follows a `;`, would see dot
/// segments in it, which lead out of a prefix.
fn leads_up(path: &str) -> bool {
    let mut path = path.as_bytes().to_vec();
    loop {
        let is_dots = |segment: &[u8]| {
            let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
            matches!(name, b"." | b"..")
        };
        if path.split(|byte| matches!(byte, b'/' | b'\\')).any(is_dots) {
            return true;
        }
        // Each turn makes it shorter.
        let decoded: Vec<u8> = percent_encoding::percent_decode(&path).collect();
        if decoded == path {
            return false;
        }
        path = decoded;
    }
}

/// A request's method or URL cannot be decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a request has an upper-case method and a serialised http or https URL without user, password or hidden dot segments"
)]
pub struct TargetError;

impl Target {
    /// The target of a request with this method and this final, serialised URL.
    ///
    /// # Errors
    ///
    /// [`TargetError`] if the method is not upper-case letters, the URL has another scheme or a user, or serialising it
    /// changes it.
    pub fn new(method: &str, url: &str) -> Result<Self, TargetError> {
        let parsed = Url::parse(url).map_err(|_| TargetError)?;
        let https = match parsed.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(TargetError),
        };
        let anonymous = parsed.username().is_empty() && parsed.password().is_none();
        let plain = !leads_up(parsed.path()) || !Guard::PlainPath.stands();
        if !is_method(method) || !anonymous || !plain || !is_serialised(&parsed, url) {
            return Err(TargetError);
        }
        let host = match parsed.host() {
            Some(Host::Domain(domain)) => domain.to_owned(),
            Some(address) => address.to_string(),
            None => return Err(TargetError),
        };
        let port = parsed.port_or_known_default().ok_or(TargetError)?;
        Ok(Self { method: method.to_owned(), https, host, port, path: parsed.path().to_owned() })
    }

    /// The host that is asked: a name, or an address.
    pub fn host(&self) -> &str {
        &self.host
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn covers(destination: &str, method: &str, url: &str) -> bool {
        destination.parse::<Destination>().unwrap().covers(&Target::new(method, url).unwrap())
    }

    #[test]
    fn a_destination_covers_its_own_host_port_and_scheme() {
        assert!(covers("https://api.github.com", "GET", "https://api.github.com/user?x=1"));
        for url in [
            "http://api.github.com/",
            "https://api.github.com:8443/",
            "https://api.github.com.evil.example/",
            "https://evil.example/api.github.com",
            "https://github.com/",
            "https://x.api.github.com/",
        ] {
            assert!(!covers("https://api.github.com", "GET", url), "{url}");
        }
    }

    #[test]
    fn a_path_prefix_ends_at_a_segment() {
        for url in ["https://a.example/v1", "https://a.example/v1/x", "https://a.example/v1/"] {
            assert!(covers("https://a.example/v1", "GET", url), "{url}");
        }
        for url in ["https://a.example/", "https://a.example/v10", "https://a.example/v", "https://a.example/x/v1"] {
            assert!(!covers("https://a.example/v1", "GET", url), "{url}");
        }
    }

    #[test]
    fn a_path_in_which_some_servers_see_dot_segments_is_no_target() {
        for path in [
            "v1/..%2fadmin",
            "v1/..%2F..%2fadmin",
            "v1/..%5cadmin",
            "v1/..;/admin",
            "v1/%2e%2e;x/admin",
            "v1/..%252fadmin",
            "v1/%252e%252e/admin",
            "v1/..%3b/admin",
            "v1/.%2fx",
            "v1%2f..",
        ] {
            assert_eq!(Target::new("GET", &format!("https://a.example/{path}")), Err(TargetError), "{path}");
        }
        for path in ["group%2Fname", "a..b/c", "...", "v1/a;b=..", "v1/%20", ".well-known/x", "100%25"] {
            assert!(Target::new("GET", &format!("https://a.example/{path}")).is_ok(), "{path}");
        }
    }

    #[test]
    fn methods_are_those_named() {
        assert!(covers("GET,HEAD https://a.example", "HEAD", "https://a.example/"));
        assert!(!covers("GET,HEAD https://a.example", "POST", "https://a.example/"));
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        assert!(covers("https://*.example.com", "GET", "https://eu.example.com/"));
        for url in ["https://example.com/", "https://a.b.example.com/", "https://xexample.com/"] {
            assert!(!covers("https://*.example.com", "GET", url), "{url}");
        }
    }

    #[test]
    fn a_destination_is_within_what_covers_it() {
        let within = |destination: &str, allowed: &[&str]| {
            let allowed: Vec<Destination> = allowed.iter().map(|text| text.parse().unwrap()).collect();
            destination.parse::<Destination>().unwrap().is_within(&allowed)
        };
        for (destination, allowed) in [
            ("https://a.example", &["https://a.example"][..]),
            ("https://a.example/v1/x", &["https://b.example", "https://a.example/v1"]),
            ("GET https://a.example", &["https://a.example"]),
            ("GET,POST https://a.example", &["POST https://a.example", "GET https://a.example/"]),
            ("https://eu.example.com", &["https://*.example.com"]),
            ("https://*.example.com/v1", &["https://*.example.com"]),
        ] {
            assert!(within(destination, allowed), "{destination} within {allowed:?}");
        }
        for (destination, allowed) in [
            ("https://a.example", &[][..]),
            ("https://a.example", &["http://a.example"]),
            ("https://a.example", &["https://a.example:8443"]),
            ("https://a.example/v10", &["https://a.example/v1"]),
            ("https://a.example", &["https://a.example/v1"]),
            ("https://a.example", &["GET https://a.example", "POST https://a.example"]),
            ("GET,PUT https://a.example", &["GET https://a.example", "PUT https://b.example"]),
            ("https://*.example.com", &["https://eu.example.com"]),
            ("https://a.b.example.com", &["https://*.example.com"]),
        ] {
            assert!(!within(destination, allowed), "{destination} within {allowed:?}");
        }
    }

    #[test]
    fn destinations_that_are_refused() {
        let cases = [
            ("", DestinationError::Url),
            ("api.github.com", DestinationError::Url),
            ("ftp://a.example", DestinationError::Scheme),
            ("https://user@a.example", DestinationError::Part),
            ("https://a.example/?q", DestinationError::Part),
            ("https://a.example/#f", DestinationError::Part),
            ("https://A.example", DestinationError::NotSerialised),
            ("https://a.example:443", DestinationError::NotSerialised),
            ("https://a.example/x/../y", DestinationError::NotSerialised),
            ("https://a.example\\@evil.example", DestinationError::NotSerialised),
            ("https://b\u{fc}cher.example", DestinationError::NotSerialised),
            ("https://0x7f.1", DestinationError::NotSerialised),
            ("https://*", DestinationError::Wildcard),
            ("https://a.*.example.com", DestinationError::Wildcard),
            ("https://*.*.example.com", DestinationError::Wildcard),
            ("https://x*.example.com", DestinationError::Wildcard),
            ("https://*.com", DestinationError::PublicSuffix),
            ("https://*.co.uk", DestinationError::PublicSuffix),
            ("https://*.github.io", DestinationError::PublicSuffix),
            ("get https://a.example", DestinationError::Method),
            (",GET https://a.example", DestinationError::Method),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Destination>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn targets_that_cannot_be_decided_on() {
        for url in ["https://u:p@a.example/", "https://a.example/a/../b", "file:///etc", "https://A.example/"] {
            assert_eq!(Target::new("GET", url), Err(TargetError), "{url}");
        }
        assert_eq!(Target::new("get", "https://a.example/"), Err(TargetError));
    }

    fn patterns() -> impl Strategy<Value = String> {
        let method = prop_oneof![Just(""), Just("GET "), Just("GET,POST ")];
        let host = prop_oneof![Just("*.example.com"), Just("a.example.com"), Just("b.example.com")];
        let path = prop_oneof![Just(""), Just("/"), Just("/v1"), Just("/v1/"), Just("/v1/x"), Just("/v10")];
        (method, host, path).prop_map(|(method, host, path)| format!("{method}https://{host}{path}"))
    }

    proptest! {
        #[test]
        fn what_is_within_covers_nothing_else(
            narrow in patterns(),
            wide in proptest::collection::vec(patterns(), 0..3),
            method in prop_oneof![Just("GET"), Just("POST"), Just("PUT")],
            url in prop_oneof![Just("a.example.com"), Just("b.example.com"), Just("c.example.com")],
            path in prop_oneof![Just("/"), Just("/v1"), Just("/v1/"), Just("/v1/x/y"), Just("/v10")],
        ) {
            let narrow: Destination = narrow.parse().unwrap();
            let wide: Vec<Destination> = wide.iter().map(|text| text.parse().unwrap()).collect();
            let target = Target::new(method, &format!("https://{url}{path}")).unwrap();
            if narrow.is_within(&wide) && narrow.covers(&target) {
                prop_assert!(wide.iter().any(|wide| wide.covers(&target)), "{narrow} {wide:?} {target:?}");
            }
        }

        #[test]
        fn only_its_own_host_is_covered(host in "[a-z]{1,8}(\\.[a-z]{1,8}){1,3}", path in "(/[a-z0-9]{1,5}){0,3}") {
            let url = format!("https://{host}{path}");
            if let Ok(target) = Target::new("GET", &url) {
                let covered = "https://api.example.com".parse::<Destination>().unwrap().covers(&target);
                prop_assert_eq!(covered, host == "api.example.com");
            }
        }

        #[test]
        fn any_text_is_refused_or_kept_as_it_is(text in "\\PC{0,60}") {
            if let Ok(destination) = text.parse::<Destination>() {
                prop_assert_eq!(destination.as_str(), text.as_str());
            }
        }
    }
}
