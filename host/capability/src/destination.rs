//! Destinations of secrets: scheme, host, port, methods and path prefix.
//!
//! Patterns and URLs must be in their serialized form, so that the comparison uses exactly the text
//! that a person reviewed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::path;

/// A pattern over requests, written `[METHOD[,METHOD]… ]SCHEME://HOST[:PORT][/PATH]`.
///
/// - `SCHEME` is `https` or `http`.
/// - `HOST` is exact, or `*.` and a domain below a public suffix. `*` matches exactly one label,
///   and never a public suffix.
/// - `PORT` defaults to the scheme's port.
/// - `PATH` is a prefix of whole segments, in which no server reads a dot segment. It defaults to
///   every path.
/// - `METHOD` is in upper case. It defaults to every method.
///
/// ```
/// use far_capability::{Destination, Target};
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
    Wildcard(String),
}

/// An error of parsing a [`Destination`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// The string is not a URL.
    #[error("a destination is a URL such as https://api.example.com/v1")]
    Url,
    /// The scheme is neither `https` nor `http`.
    #[error("a destination's scheme is https or http")]
    Scheme,
    /// The URL has a user, password, query or fragment.
    #[error("a destination has no user, password, query or fragment")]
    Part,
    /// Serialization changes the URL: upper case, default port, dot segments, unencoded characters.
    #[error("a destination is written in its serialized form: lower-case host, no default port, no dot segments")]
    NotSerialized,
    /// A `*` is not the whole first label of a domain.
    #[error("a destination's host has at most one '*', as its whole first label")]
    Wildcard,
    /// The wildcard is below a public suffix such as `com` or `github.io`, or below a domain such
    /// as `kobe.jp`, whose children are public suffixes.
    #[error("a destination's wildcard is below a domain with one owner, not below a public suffix")]
    PublicSuffix,
    /// Some servers read dot segments in the path.
    #[error("a destination's path has no dots that a server could read as a dot segment, and no malformed escape")]
    DotSegments,
    /// A method is not made of upper-case letters.
    #[error("a destination's methods are upper-case letters, separated by ','")]
    Method,
}

impl Destination {
    /// Returns true if the pattern covers a request.
    pub fn covers(&self, target: &Target) -> bool {
        self.https == target.https
            && self.port == target.port
            && self.host.covers(&target.host)
            && (self.methods.is_empty() || self.methods.contains(&target.method))
            && path_within(&self.path, &target.path)
    }

    /// Returns true if the host matches, regardless of scheme, port, path and method.
    pub fn matches_host(&self, target: &Target) -> bool {
        self.host.matches(&target.host)
    }

    /// Returns true if scheme, host and port match, regardless of path and method.
    pub fn matches_origin(&self, target: &Target) -> bool {
        self.https == target.https && self.port == target.port && self.matches_host(target)
    }

    /// Returns true if one of `allowed` covers every request that this pattern covers.
    ///
    /// Several patterns may cover the methods together. The result is conservative: it is false if
    /// only several wildcards or paths together cover the pattern.
    pub fn is_within(&self, allowed: &[Self]) -> bool {
        let is_wider = |other: &&Self| {
            self.https == other.https
                && self.port == other.port
                && other.host.includes(&self.host)
                && path_within(&other.path, &self.path)
        };
        let mut wider = allowed.iter().filter(is_wider);
        if self.methods.is_empty() {
            return wider.any(|other| other.methods.is_empty());
        }
        let wider: Vec<_> = wider.collect();
        let is_allowed = |method| wider.iter().any(|other| other.methods.is_empty() || other.methods.contains(method));
        self.methods.iter().all(is_allowed)
    }

    /// Returns true if the host has a `*`.
    pub fn has_wildcard(&self) -> bool {
        matches!(self.host, HostPattern::Wildcard(_))
    }

    /// Returns true if the pattern covers every method.
    pub fn allows_any_method(&self) -> bool {
        self.methods.is_empty()
    }

    /// Returns true if the pattern covers every path.
    pub fn allows_any_path(&self) -> bool {
        self.path == "/"
    }

    /// Returns true if the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Returns the scheme, the host and the port.
    pub fn origin(&self) -> String {
        let (_, address) = self.text.split_once(' ').unwrap_or(("", &self.text));
        let host = address.find("://").map_or(0, |at| at + "://".len());
        let end = address.get(host..).and_then(|rest| rest.find('/')).map_or(address.len(), |at| host + at);
        address.get(..end).unwrap_or(address).to_owned()
    }

    /// Returns the pattern as it was written.
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
        // By wildcard rules of the list, unlisted names can be public suffixes too.
        let child = format!("{UNLISTED_LABEL}.{domain}");
        let is_one_owners = have_one_owner(domain, &child);
        if is_one_owners { Ok(Self::Wildcard(domain.to_owned())) } else { Err(DestinationError::PublicSuffix) }
    }

    /// Returns true if it covers every host that `other` covers.
    fn includes(&self, other: &Self) -> bool {
        match other {
            Self::Exact(host) => self.covers(host),
            Self::Wildcard(_) => self == other,
        }
    }

    fn covers(&self, host: &str) -> bool {
        self.matches(host)
            && match self {
                Self::Exact(_) => true,
                // A domain with one owner can have public suffixes below it: `s3.amazonaws.com`.
                Self::Wildcard(domain) => have_one_owner(domain, host),
            }
    }

    /// Compares a host with the pattern, regardless of public suffixes.
    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::Wildcard(domain) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == domain)
            }
        }
    }
}

/// A label that is in no rule of the public suffix list.
const UNLISTED_LABEL: &str = "far-unlisted";

/// Reports whether a domain and its child belong to one registrable domain, which is a public
/// suffix plus one label.
fn have_one_owner(domain: &str, child: &str) -> bool {
    let owner = psl::domain_str(domain);
    owner.is_some() && owner == psl::domain_str(child)
}

/// Reports whether `path` is `prefix` or below it, in whole segments.
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
        if !is_serialized(&url, address) {
            return Err(DestinationError::NotSerialized);
        }
        if !path::is_plain(url.path()) {
            return Err(DestinationError::DotSegments);
        }
        let host = HostPattern::parse(url.host_str().ok_or(DestinationError::Url)?)?;
        let port = url.port_or_known_default().ok_or(DestinationError::Url)?;
        Ok(Self { methods, https, host, port, path: url.path().to_owned(), text: text.to_owned() })
    }
}

/// Reports whether parsing did not change the text, except for an omitted path `/`.
fn is_serialized(url: &Url, text: &str) -> bool {
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

/// The target of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    method: String,
    https: bool,
    host: String,
    port: u16,
    path: String,
}

/// An error that the method or the URL of a request is invalid or not serialized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a request has an upper-case method and a serialized http or https URL without user, password or hidden dot segments"
)]
pub struct TargetError;

impl Target {
    /// Returns the target of a request with this method and this final, serialized URL.
    ///
    /// # Errors
    ///
    /// [`TargetError`], by fault of the guest, if the method is not upper-case letters or the URL
    /// has another scheme or a user. Also if serialization changes the URL, or a server may read a
    /// dot segment in it.
    pub fn new(method: &str, url: &str) -> Result<Self, TargetError> {
        let parsed = Url::parse(url).map_err(|_| TargetError)?;
        let https = match parsed.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(TargetError),
        };
        let anonymous = parsed.username().is_empty() && parsed.password().is_none();
        let plain = path::is_plain(parsed.path());
        let serialized = is_serialized(&parsed, url);
        if !is_method(method) || !anonymous || !plain || !serialized {
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

    /// Returns true if the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Returns the narrowest destination that covers the request, in text form.
    pub fn to_destination(&self) -> String {
        let (scheme, default) = if self.https { ("https", 443) } else { ("http", 80) };
        let port = if self.port == default { String::new() } else { format!(":{}", self.port) };
        format!("{} {scheme}://{}{port}{}", self.method, self.host, self.path)
    }

    /// Returns the host: a name or an address.
    pub fn host(&self) -> &str {
        &self.host
    }
}

#[cfg(test)]
mod tests;
