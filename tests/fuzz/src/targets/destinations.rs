//! Destinations, and the requests that they cover.

use far_core::capability::{Destination, Target};
use url::Url;

use super::lenient;
use crate::canary::assert_clean;

pub(super) const TOKENS: &[&str] = &[
    "https://",
    "http://",
    "*.",
    "GET ",
    "POST,GET ",
    "/..",
    "/%2e%2e",
    "..%00/",
    "%c0%ae",
    "%u002e",
    "\\",
    ";",
    "@",
    ":443",
    ":80",
    "#",
    "?",
    "[::1]",
    "127.0.0.1",
    "0x7f.1",
    ".kobe.jp",
    ".github.io",
    "xn--",
    "\u{ad}",
    "\n",
    "K4n4ry",
];

/// Checks up to eight lines, each a destination or a request `METHOD URL`. Coverage must agree with
/// the parts of the URL, and `is_within` with coverage.
pub fn destinations(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut patterns = Vec::new();
    let mut targets = Vec::new();
    for line in text.split('\n').take(8) {
        match line.parse::<Destination>() {
            Ok(destination) => patterns.push(checked(line, destination)),
            Err(error) => assert_clean(&error),
        }
        let (method, url) = line.split_once(' ').unwrap_or(("GET", line));
        match Target::new(method, url) {
            Ok(target) => targets.push((checked_target(method, url), target)),
            Err(error) => assert_clean(&error),
        }
    }
    for pattern in &patterns {
        let covered = targets.iter().filter(|(_, target)| pattern.covers(target));
        covered.clone().for_each(|(url, _)| assert_covers(pattern, url));
        for other in &patterns {
            if pattern.is_within(std::slice::from_ref(other)) {
                assert!(covered.clone().all(|(_, target)| other.covers(target)), "{pattern} within {other}");
            }
        }
    }
}

/// Asserts that a destination displays as it was written, is within itself, and covers its own URL.
fn checked(text: &str, destination: Destination) -> Destination {
    assert_eq!(destination.to_string(), text);
    assert!(destination.is_within(std::slice::from_ref(&destination)), "{text:?}");
    let address = text.split_once(' ').map_or(text, |(_, address)| address);
    assert!(address.starts_with(&destination.origin()), "{text:?}");
    if destination.has_wildcard() {
        let host = Url::parse(address).unwrap().host_str().unwrap().to_owned();
        let domain = host.strip_prefix("*.").expect("a wildcard is the first label");
        // No name below the domain may be a public suffix: a wildcard below such a suffix is
        // invalid.
        assert!(is_wildcard(&format!("zzz.{domain}")), "a name below {domain} is a public suffix: {text:?}");
    }
    let method =
        text.split_once([',', ' ']).filter(|_| !destination.allows_any_method()).map_or("GET", |(first, _)| first);
    let own = if destination.has_wildcard() { address.replacen("://*.", "://zzz.", 1) } else { address.to_owned() };
    // A pattern may have a path that is invalid in requests: it then covers nothing.
    if let Ok(target) = Target::new(method, &own) {
        assert!(destination.covers(&target), "{text:?} does not cover {own:?}");
    }
    destination
}

/// Returns true if a wildcard is valid below a domain.
fn is_wildcard(domain: &str) -> bool {
    format!("https://*.{domain}").parse::<Destination>().is_ok()
}

/// Asserts that an accepted request has a plain URL.
fn checked_target(method: &str, text: &str) -> Url {
    assert!(!method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()), "{method:?}");
    let url = Url::parse(text).unwrap();
    assert!(url.as_str() == text || url.as_str().strip_suffix('/') == Some(text), "{text:?}");
    assert!(url.username().is_empty() && url.password().is_none(), "{text:?}");
    assert!(!lenient::leads_up(url.path().as_bytes()), "a server may read dot segments in {text:?}");
    url
}

/// Asserts that a covered URL has the pattern's scheme, host, port and path prefix.
fn assert_covers(pattern: &Destination, url: &Url) {
    let address = pattern.as_str().split_once(' ').map_or(pattern.as_str(), |(_, address)| address);
    let own = Url::parse(address).unwrap();
    assert_eq!((own.scheme(), own.port_or_known_default()), (url.scheme(), url.port_or_known_default()));
    let (host, own_host) = (url.host_str().unwrap(), own.host_str().unwrap());
    match own_host.strip_prefix("*.") {
        None => assert_eq!(host, own_host),
        Some(domain) => {
            let label = host.strip_suffix(domain).and_then(|label| label.strip_suffix('.'));
            assert!(label.is_some_and(|label| !label.is_empty() && !label.contains('.')), "{pattern} covers {url}");
            let is_label = host.contains('*');
            assert!(is_label || is_wildcard(host), "{url} is a public suffix, and {pattern} covers it");
        }
    }
    let prefix = own.path().trim_end_matches('/');
    let rest = url.path().strip_prefix(prefix);
    assert!(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')), "{pattern} covers {url}");
}
