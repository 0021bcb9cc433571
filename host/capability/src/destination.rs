//! Where a secret may be sent: scheme, host, port, methods and path prefix.
//!
//! Decided on serialised URLs: a text that a URL parser would change is refused, so that what a person read is what is
//! compared.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::path;

/// A pattern over requests, written `[METHOD[,METHOD]… ]SCHEME://HOST[:PORT][/PATH]`.
///
/// - `SCHEME` is `https` or `http`.
/// - `HOST` is exact, or `*.` and a domain below a public suffix; `*` stands for exactly one label, and for no public
///   suffix.
/// - `PORT` is the scheme's own when left out.
/// - `PATH` is a prefix in whole segments, in which no server reads a dot segment; every path when left out.
/// - `METHOD` is in upper case; every method when left out.
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
    /// `*.` over a public suffix such as `com` or `github.io`, or over a domain such as `kobe.jp`, whose children are
    /// public suffixes.
    #[error("a destination's wildcard stands below a domain of one owner, not below a public suffix")]
    PublicSuffix,
    /// A path in which some servers read dot segments.
    #[error("a destination's path has no dots that a server could read as a dot segment, and no malformed escape")]
    DotSegments,
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

    /// Whether a request goes to one of the pattern's hosts, in whatever way.
    pub fn is_of_host(&self, target: &Target) -> bool {
        self.host.matches(&target.host)
    }

    /// Whether a request goes to one of the pattern's hosts, by its scheme and port.
    pub fn is_of_origin(&self, target: &Target) -> bool {
        self.https == target.https && self.port == target.port && self.is_of_host(target)
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
        // The list has rules with a wildcard: names that it does not spell out are public suffixes, too.
        let child = format!("{UNLISTED_LABEL}.{domain}");
        let is_one_owners = have_one_owner(domain, &child);
        if is_one_owners { Ok(Self::OneLabelBelow(domain.to_owned())) } else { Err(DestinationError::PublicSuffix) }
    }

    /// Whether it covers every host that `other` covers.
    fn includes(&self, other: &Self) -> bool {
        match other {
            Self::Exact(host) => self.covers(host),
            Self::OneLabelBelow(_) => self == other,
        }
    }

    fn covers(&self, host: &str) -> bool {
        self.matches(host)
            && match self {
                Self::Exact(_) => true,
                // Below a domain of one owner, some names are public suffixes, as `s3` below `amazonaws.com`.
                Self::OneLabelBelow(domain) => have_one_owner(domain, host),
            }
    }

    /// Compares a host with the pattern as it is written, whoever owns the host.
    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::OneLabelBelow(domain) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == domain)
            }
        }
    }
}

/// A label that no rule of the public suffix list names.
const UNLISTED_LABEL: &str = "far-unlisted";

/// Checks that a domain and its child are, or are below, one registrable domain: a public suffix and one label.
fn have_one_owner(domain: &str, child: &str) -> bool {
    let owner = psl::domain_str(domain);
    owner.is_some() && owner == psl::domain_str(child)
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
        if !path::is_plain(url.path()) {
            return Err(DestinationError::DotSegments);
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

/// A request's method or URL cannot be decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a request has an upper-case method and a serialised http or https URL without user, password or hidden dot segments"
)]
pub struct TargetError;

impl Target {
    /// Returns the target of a request with this method and this final, serialized URL.
    ///
    /// # Errors
    ///
    /// [`TargetError`] if the method is not upper-case letters, the URL has another scheme or a
    /// user, serialization changes it, or some server reads a dot segment in its path.
    pub fn new(method: &str, url: &str) -> Result<Self, TargetError> {
        let parsed = Url::parse(url).map_err(|_| TargetError)?;
        let https = match parsed.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(TargetError),
        };
        let anonymous = parsed.username().is_empty() && parsed.password().is_none();
        let plain = path::is_plain(parsed.path());
        let serialised = is_serialised(&parsed, url);
        if !is_method(method) || !anonymous || !plain || !serialised {
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

    /// Returns whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Returns the narrowest destination that covers the request, as it is written.
    pub fn to_destination(&self) -> String {
        let (scheme, default) = if self.https { ("https", 443) } else { ("http", 80) };
        let port = if self.port == default { String::new() } else { format!(":{}", self.port) };
        format!("{} {scheme}://{}{port}{}", self.method, self.host, self.path)
    }

    /// The host that is asked: a name, or an address.
    pub fn host(&self) -> &str {
        &self.host
    }
}

#[cfg(test)]
mod tests;
