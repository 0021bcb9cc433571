//! Substitution of placeholders in a request by their secrets.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_core::broker::Placeholder;
use far_core::capability::Placement;
use far_core::memory::SecretBytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;
use zeroize::Zeroizing;

/// The encode set of a query parameter's value: all but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A placeholder in a position where a secret may be placed, if granted.
pub(super) struct Substitution {
    pub(super) placeholder: Placeholder,
    pub(super) placement: Placement,
    /// For `Basic`, the user with the colon.
    user: Option<Zeroizing<Vec<u8>>>,
}

impl Substitution {
    /// Finds the substitutions in a request. A header or parameter that occurs twice has none.
    pub(super) fn find_all(headers: &HeaderMap, query: Option<&str>) -> Vec<Self> {
        let mut found = Vec::new();
        for name in headers.keys() {
            let mut values = headers.get_all(name).iter();
            let (Some(value), None) = (values.next(), values.next()) else { continue };
            if name == header::AUTHORIZATION {
                found.extend(Self::credentials(value.as_bytes()));
            } else {
                found.extend(Self::whole(value.as_bytes(), &header_placement(name)));
            }
        }
        let pairs: Vec<_> = query.into_iter().flat_map(|query| query.split('&')).map(parameter).collect();
        for (name, value) in &pairs {
            // Few parameters contain a placeholder, so only those are compared with the others.
            let whole = Self::whole(value.as_bytes(), &format!("query:{name}"));
            found.extend(whole.filter(|_| pairs.iter().filter(|(other, _)| other == name).count() == 1));
        }
        found
    }

    fn whole(text: &[u8], placement: &str) -> Option<Self> {
        Some(Self { placeholder: whole(text)?, placement: placement.parse().ok()?, user: None })
    }

    /// Finds a placeholder in a `Bearer` token, or in the password of `Basic`.
    fn credentials(value: &[u8]) -> Option<Self> {
        let placement = Placement::Authorization;
        if let Some(token) = after_scheme(value, b"Bearer") {
            return Some(Self { placeholder: whole(token)?, placement, user: None });
        }
        let decoded = basic(value)?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let (user, password) = decoded.split_at_checked(colon + 1)?;
        // A placeholder as the user is not permitted.
        if Placeholder::find_all(user).next().is_some() {
            return None;
        }
        Some(Self { placeholder: whole(password)?, placement, user: Some(Zeroizing::new(user.to_vec())) })
    }

    /// Replaces the placeholder by the secret. Returns `None` if the secret does not fit there.
    pub(super) fn apply(&self, secret: &SecretBytes, headers: &mut HeaderMap, url: &mut Url) -> Option<()> {
        let secret = secret.expose();
        match (&self.placement, &self.user) {
            (Placement::Authorization, None) => {
                headers.insert(header::AUTHORIZATION, header_value(&[b"Bearer ", secret])?);
            }
            (Placement::Authorization, Some(user)) => {
                let plain = Zeroizing::new([user, secret].concat());
                let encoded = Zeroizing::new(STANDARD.encode(&*plain));
                headers.insert(header::AUTHORIZATION, header_value(&[b"Basic ", encoded.as_bytes()])?);
            }
            (Placement::Header(name), _) => {
                headers.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, header_value(&[secret])?);
            }
            (Placement::Query(name), _) => {
                let encoded = Zeroizing::new(utf8_percent_encode(str::from_utf8(secret).ok()?, ENCODED).to_string());
                let replaced = |pair: &str| match parameter(pair) {
                    (found, value) if found == name && value == self.placeholder.as_str() => {
                        format!("{name}={}", &*encoded)
                    }
                    _ => pair.to_owned(),
                };
                let query: Vec<_> = url.query()?.split('&').map(replaced).collect();
                url.set_query(Some(&Zeroizing::new(query.join("&"))));
            }
            // Part of the TLS handshake, not of the request.
            (Placement::ClientCertificate, _) => drop(headers.remove(Placement::CLIENT_CERTIFICATE)),
            // A placement of a later version.
            _ => return None,
        }
        Some(())
    }
}

/// Returns the parts of the headers and the URL that are not substituted.
pub(super) fn unsubstituted<'a>(
    substitutions: &[Substitution],
    headers: &'a HeaderMap,
    url: &'a Url,
) -> Vec<Cow<'a, [u8]>> {
    let is_substituted = |placement: &str| substitutions.iter().any(|found| found.placement.to_string() == placement);
    let mut parts: Vec<Cow<'a, [u8]>> = Vec::new();
    for (name, value) in headers {
        parts.push(name.as_str().as_bytes().into());
        if is_substituted(&header_placement(name)) {
            continue;
        }
        parts.push(value.as_bytes().into());
        if let Some(decoded) = basic(value.as_bytes()) {
            parts.push(decoded.to_vec().into());
        }
    }
    parts.extend([url.path().as_bytes().into(), url.host_str().unwrap_or_default().as_bytes().into()]);
    for pair in url.query().into_iter().flat_map(|query| query.split('&')) {
        let (name, _) = parameter(pair);
        if !is_substituted(&format!("query:{name}")) {
            parts.push(pair.as_bytes().into());
        }
    }
    parts
}

/// Returns the placement in a header.
fn header_placement(name: &HeaderName) -> String {
    match name.as_str() {
        "authorization" => Placement::Authorization.to_string(),
        Placement::CLIENT_CERTIFICATE => Placement::ClientCertificate.to_string(),
        name => format!("header:{name}"),
    }
}

fn whole(text: &[u8]) -> Option<Placeholder> {
    match Placeholder::find_all(text).next() {
        Some((range, placeholder)) if range == (0..text.len()) => Some(placeholder),
        _ => None,
    }
}

/// Splits a query parameter into its encoded name and value.
fn parameter(pair: &str) -> (&str, &str) {
    pair.split_once('=').unwrap_or((pair, ""))
}

/// Joins parts to a header value. Returns `None` if the result is not valid in a single line.
fn header_value(parts: &[&[u8]]) -> Option<HeaderValue> {
    let value = Zeroizing::new(parts.concat());
    let secret = parts.last()?;
    let is_header_byte = |byte: &u8| matches!(byte, 0x20..=0x7e | 0x80..);
    if secret.is_empty() || !value.iter().all(is_header_byte) {
        return None;
    }
    let mut value = HeaderValue::from_bytes(&value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns the credentials after a scheme and one space. Schemes are case-insensitive.
fn after_scheme<'a>(value: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (written, rest) = value.split_at_checked(scheme.len())?;
    if written.eq_ignore_ascii_case(scheme) { rest.strip_prefix(b" ") } else { None }
}

/// Decodes the credentials of `Basic`.
fn basic(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let encoded = after_scheme(value, b"Basic")?;
    STANDARD.decode(encoded).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACEHOLDER: &str = "farsealed0123456789abcdef0123456789abcdef01234567";

    fn basic_of(plain: &str) -> String {
        format!("Basic {}", STANDARD.encode(plain))
    }

    fn placements(headers: &[(&str, &str)], query: Option<&str>) -> Vec<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        Substitution::find_all(&map, query).iter().map(|found| found.placement.to_string()).collect()
    }

    #[test]
    fn credentials_are_bearer_or_basic() {
        for value in [format!("Bearer {PLACEHOLDER}"), format!("bearer {PLACEHOLDER}")] {
            assert!(Substitution::credentials(value.as_bytes()).is_some_and(|found| found.user.is_none()), "{value}");
        }
        for user in ["", "x-access-token"] {
            let value = basic_of(&format!("{user}:{PLACEHOLDER}"));
            let found = Substitution::credentials(value.as_bytes()).unwrap();
            assert_eq!(found.user.unwrap().as_slice(), format!("{user}:").as_bytes());
        }
        for value in [
            PLACEHOLDER.to_owned(),
            format!("Bearer {PLACEHOLDER} "),
            format!("Bearer  {PLACEHOLDER}"),
            format!("Bearer x{PLACEHOLDER}"),
            format!("Token {PLACEHOLDER}"),
            basic_of(PLACEHOLDER),
            basic_of(&format!("{PLACEHOLDER}:x")),
            basic_of(&format!("{PLACEHOLDER}:{PLACEHOLDER}")),
            basic_of(&format!("user:x{PLACEHOLDER}")),
            format!("Basic user:{PLACEHOLDER}"),
        ] {
            assert!(Substitution::credentials(value.as_bytes()).is_none(), "{value}");
        }
    }

    #[test]
    fn placeholder_must_be_whole_unique_value() {
        assert_eq!(placements(&[("x-api-key", PLACEHOLDER)], None), ["header:x-api-key"]);
        assert_eq!(placements(&[("x-api-key", &format!("{PLACEHOLDER} "))], None), ["header:x-api-key"; 0]);
        assert_eq!(placements(&[("x-api-key", PLACEHOLDER), ("x-api-key", "x")], None), ["header:x-api-key"; 0]);
        assert_eq!(placements(&[("content-type", PLACEHOLDER)], None), ["header:content-type"; 0]);
        assert_eq!(placements(&[], Some(&format!("a=b&key={PLACEHOLDER}"))), ["query:key"]);
        for query in [
            format!("key=x{PLACEHOLDER}"),
            format!("key={PLACEHOLDER}&key=x"),
            PLACEHOLDER.to_owned(),
            format!("={PLACEHOLDER}"),
            format!("a%20b={PLACEHOLDER}"),
        ] {
            assert_eq!(placements(&[], Some(&query)), ["query"; 0], "{query}");
        }
    }

    #[test]
    fn secret_replaces_its_placeholder() {
        let secret = SecretBytes::copy_of(b"a b/&=%?").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", HeaderValue::from_static(PLACEHOLDER));
        let mut url = Url::parse(&format!("https://a.example/p?x=1&key={PLACEHOLDER}&y={PLACEHOLDER}")).unwrap();
        let all = Substitution::find_all(&headers, url.query());
        assert_eq!(all.len(), 3);
        for found in all.iter().filter(|found| found.placement.to_string() != "query:y") {
            found.apply(&secret, &mut headers, &mut url).unwrap();
        }
        assert_eq!(headers["x-api-key"], "a b/&=%?");
        assert_eq!(url.as_str(), format!("https://a.example/p?x=1&key=a%20b%2F%26%3D%25%3F&y={PLACEHOLDER}"));
        let broken = SecretBytes::copy_of(b"a\r\nb").unwrap();
        assert!(all[0].apply(&broken, &mut headers, &mut url).is_none(), "a header value has one line");
    }
}
