//! Where a request goes, and whether a secret may go there (`far_core::capability::Destination`).

use url::{Host, Url};

use super::path::is_plain;

/// Where one request goes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    method: String,
    https: bool,
    host: String,
    port: Option<u16>,
    path: String,
    /// Scheme, host and port, as they are written.
    origin: String,
}

impl Target {
    /// Returns `None` if the host could not decide on the request: a method that is not upper-case
    /// letters, a scheme other than http and https, a user, dot segments that a server could read,
    /// or a URL that serialization changes.
    pub(super) fn new(method: &str, url: &str) -> Option<Self> {
        let parsed = Url::parse(url).ok()?;
        let https = match parsed.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let anonymous = parsed.username().is_empty() && parsed.password().is_none();
        if !is_method(method) || !anonymous || !is_plain(parsed.path()) || !is_serialised(&parsed, url) {
            return None;
        }
        let host = match parsed.host()? {
            Host::Domain(domain) => domain.to_owned(),
            address => address.to_string(),
        };
        let (port, path) = (parsed.port_or_known_default(), parsed.path().to_owned());
        let origin = parsed.origin().ascii_serialization();
        Some(Self { method: method.to_owned(), https, host, port, path, origin })
    }

    pub(super) fn is_https(&self) -> bool {
        self.https
    }

    /// Whether a request with this method is none that the host sends.
    pub(super) fn is_of_a_proxy_or_an_echo(&self) -> bool {
        matches!(&*self.method, "CONNECT" | "TRACE" | "TRACK")
    }

    /// Whether a destination, as it is declared, covers it. What is none covers nothing.
    pub(super) fn is_within(&self, destination: &str) -> bool {
        let (methods, address) = match destination.split_once(' ') {
            Some((methods, address)) => (Some(methods), address),
            None => (None, destination),
        };
        let Ok(url) = Url::parse(address) else { return false };
        is_serialised(&url, address)
            && url.query().is_none()
            && is_plain(url.path())
            && url.scheme() == "https"
            && self.https
            && self.port == url.port_or_known_default()
            && url.host_str().is_some_and(|host| covers(host, &self.host))
            && methods.is_none_or(|methods| methods.split(',').any(|method| method == self.method))
            && path_within(url.path(), &self.path)
    }

    /// Whether it goes to a host of a destination, in whatever way.
    pub(super) fn is_of_host(&self, destination: &str) -> bool {
        let (_, address) = destination.split_once(' ').unwrap_or(("", destination));
        Url::parse(address).is_ok_and(|url| url.host_str().is_some_and(|host| covers(host, &self.host)))
    }

    /// A destination that covers it and no other path.
    pub(super) fn as_destination(&self) -> String {
        format!("{} {}{}", self.method, self.origin, self.path)
    }
}

/// A host, or `*.` and a domain: `*` stands for exactly one label.
fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == domain),
        None => host == pattern,
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

/// Whether the parser left the text as it was; the path `/` may be left out.
fn is_serialised(url: &Url, text: &str) -> bool {
    url.as_str() == text || url.as_str().strip_suffix('/') == Some(text)
}
