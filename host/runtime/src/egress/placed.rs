//! Where stand-ins are in a request, and secrets in their place.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_core::broker::StandIn;
use far_core::capability::Placement;
use far_core::memory::SecretBytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;
use zeroize::Zeroizing;

/// What a query parameter's value leaves as it is (RFC 3986, unreserved).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A stand-in that is the whole of what it stands in, so that it may stand there if that was granted.
pub(super) struct Placed {
    pub(super) stand_in: StandIn,
    pub(super) placement: Placement,
    /// For `Basic`: the user, with the colon.
    user: Option<Zeroizing<Vec<u8>>>,
}

impl Placed {
    /// All of a request's. Of what is there twice, none is placed.
    pub(super) fn all(headers: &HeaderMap, query: Option<&str>) -> Vec<Self> {
        let mut placed = Vec::new();
        for name in headers.keys() {
            let mut values = headers.get_all(name).iter();
            let (Some(value), None) = (values.next(), values.next()) else { continue };
            if name == header::AUTHORIZATION {
                placed.extend(Self::credentials(value.as_bytes()));
            } else {
                placed.extend(Self::whole(value.as_bytes(), &of_header(name)));
            }
        }
        let pairs: Vec<_> = query.into_iter().flat_map(|query| query.split('&')).map(parameter).collect();
        for (name, value) in &pairs {
            // Few are, so that the others need not be looked at for each.
            let whole = Self::whole(value.as_bytes(), &format!("query:{name}"));
            placed.extend(whole.filter(|_| pairs.iter().filter(|(other, _)| other == name).count() == 1));
        }
        placed
    }

    fn whole(text: &[u8], placement: &str) -> Option<Self> {
        Some(Self { stand_in: whole(text)?, placement: placement.parse().ok()?, user: None })
    }

    /// `Bearer` and a stand-in, or `Basic` with one as the password.
    fn credentials(value: &[u8]) -> Option<Self> {
        let placement = Placement::Authorization;
        if let Some(token) = after_scheme(value, b"Bearer") {
            return Some(Self { stand_in: whole(token)?, placement, user: None });
        }
        let decoded = basic(value)?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let (user, password) = decoded.split_at_checked(colon + 1)?;
        // A second stand-in, as the user, is none that may stand there.
        if StandIn::find_all(user).next().is_some() {
            return None;
        }
        Some(Self { stand_in: whole(password)?, placement, user: Some(Zeroizing::new(user.to_vec())) })
    }

    /// Puts the secret in the stand-in's place; none if it cannot stand there.
    pub(super) fn put(&self, secret: &SecretBytes, headers: &mut HeaderMap, url: &mut Url) -> Option<()> {
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
                    (found, value) if found == name && value == self.stand_in.as_str() => {
                        format!("{name}={}", &*encoded)
                    }
                    _ => pair.to_owned(),
                };
                let query: Vec<_> = url.query()?.split('&').map(replaced).collect();
                url.set_query(Some(&Zeroizing::new(query.join("&"))));
            }
            // Not a part of what leaves, but of how.
            (Placement::ClientCertificate, _) => drop(headers.remove(Placement::CLIENT_CERTIFICATE)),
            // A placement that this version does not know.
            _ => return None,
        }
        Some(())
    }
}

/// All of a request's headers and URL, but for what is placed.
pub(super) fn unplaced<'a>(placed: &[Placed], headers: &'a HeaderMap, url: &'a Url) -> Vec<Cow<'a, [u8]>> {
    let is_placed = |placement: &str| placed.iter().any(|place| place.placement.to_string() == placement);
    let mut texts: Vec<Cow<'a, [u8]>> = Vec::new();
    for (name, value) in headers {
        texts.push(name.as_str().as_bytes().into());
        if is_placed(&of_header(name)) {
            continue;
        }
        texts.push(value.as_bytes().into());
        if let Some(decoded) = basic(value.as_bytes()) {
            texts.push(decoded.to_vec().into());
        }
    }
    texts.extend([url.path().as_bytes().into(), url.host_str().unwrap_or_default().as_bytes().into()]);
    for pair in url.query().into_iter().flat_map(|query| query.split('&')) {
        let (name, _) = parameter(pair);
        if !is_placed(&format!("query:{name}")) {
            texts.push(pair.as_bytes().into());
        }
    }
    texts
}

/// The placement of what stands in a header.
fn of_header(name: &HeaderName) -> String {
    match name.as_str() {
        "authorization" => Placement::Authorization.to_string(),
        Placement::CLIENT_CERTIFICATE => Placement::ClientCertificate.to_string(),
        name => format!("header:{name}"),
    }
}

fn whole(text: &[u8]) -> Option<StandIn> {
    match StandIn::find_all(text).next() {
        Some((range, stand_in)) if range == (0..text.len()) => Some(stand_in),
        _ => None,
    }
}

/// A query parameter's name and value, as they are written.
fn parameter(pair: &str) -> (&str, &str) {
    pair.split_once('=').unwrap_or((pair, ""))
}

/// A header's value of these parts; none if it would not be one line of a header.
fn header_value(parts: &[&[u8]]) -> Option<HeaderValue> {
    let value = Zeroizing::new(parts.concat());
    let secret = parts.last()?;
    let is_of_a_line = |byte: &u8| matches!(byte, 0x20..=0x7e | 0x80..);
    if secret.is_empty() || !value.iter().all(is_of_a_line) {
        return None;
    }
    let mut value = HeaderValue::from_bytes(&value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What follows a scheme and one space; schemes have no case.
fn after_scheme<'a>(value: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (written, rest) = value.split_at_checked(scheme.len())?;
    if written.eq_ignore_ascii_case(scheme) { rest.strip_prefix(b" ") } else { None }
}

/// What `Basic` carries, decoded.
fn basic(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let encoded = after_scheme(value, b"Basic")?;
    STANDARD.decode(encoded).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAND_IN: &str = "farsealed0123456789abcdef0123456789abcdef01234567";

    fn basic_of(plain: &str) -> String {
        format!("Basic {}", STANDARD.encode(plain))
    }

    fn placed(headers: &[(&str, &str)], query: Option<&str>) -> Vec<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        Placed::all(&map, query).iter().map(|place| place.placement.to_string()).collect()
    }

    #[test]
    fn credentials_are_bearer_or_basic_and_the_whole_value() {
        for value in [format!("Bearer {STAND_IN}"), format!("bearer {STAND_IN}")] {
            assert!(Placed::credentials(value.as_bytes()).is_some_and(|found| found.user.is_none()), "{value}");
        }
        for user in ["", "x-access-token"] {
            let value = basic_of(&format!("{user}:{STAND_IN}"));
            let found = Placed::credentials(value.as_bytes()).unwrap();
            assert_eq!(found.user.unwrap().as_slice(), format!("{user}:").as_bytes());
        }
        for value in [
            STAND_IN.to_owned(),
            format!("Bearer {STAND_IN} "),
            format!("Bearer  {STAND_IN}"),
            format!("Bearer x{STAND_IN}"),
            format!("Token {STAND_IN}"),
            basic_of(STAND_IN),
            basic_of(&format!("{STAND_IN}:x")),
            basic_of(&format!("{STAND_IN}:{STAND_IN}")),
            basic_of(&format!("user:x{STAND_IN}")),
            format!("Basic user:{STAND_IN}"),
        ] {
            assert!(Placed::credentials(value.as_bytes()).is_none(), "{value}");
        }
    }

    #[test]
    fn a_header_or_a_parameter_is_a_place_if_it_is_there_once_and_nothing_else_is_in_it() {
        assert_eq!(placed(&[("x-api-key", STAND_IN)], None), ["header:x-api-key"]);
        assert_eq!(placed(&[("x-api-key", &format!("{STAND_IN} "))], None), ["header:x-api-key"; 0]);
        assert_eq!(placed(&[("x-api-key", STAND_IN), ("x-api-key", "x")], None), ["header:x-api-key"; 0]);
        assert_eq!(placed(&[("content-type", STAND_IN)], None), ["header:content-type"; 0]);
        assert_eq!(placed(&[], Some(&format!("a=b&key={STAND_IN}"))), ["query:key"]);
        for query in [
            format!("key=x{STAND_IN}"),
            format!("key={STAND_IN}&key=x"),
            STAND_IN.to_owned(),
            format!("={STAND_IN}"),
            format!("a%20b={STAND_IN}"),
        ] {
            assert_eq!(placed(&[], Some(&query)), ["query"; 0], "{query}");
        }
    }

    #[test]
    fn a_secret_stands_where_its_stand_in_stood() {
        let secret = SecretBytes::copy_of(b"a b/&=%?").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", HeaderValue::from_static(STAND_IN));
        let mut url = Url::parse(&format!("https://a.example/p?x=1&key={STAND_IN}&y={STAND_IN}")).unwrap();
        let all = Placed::all(&headers, url.query());
        assert_eq!(all.len(), 3);
        for place in all.iter().filter(|place| place.placement.to_string() != "query:y") {
            place.put(&secret, &mut headers, &mut url).unwrap();
        }
        assert_eq!(headers["x-api-key"], "a b/&=%?");
        assert_eq!(url.as_str(), format!("https://a.example/p?x=1&key=a%20b%2F%26%3D%25%3F&y={STAND_IN}"));
        let broken = SecretBytes::copy_of(b"a\r\nb").unwrap();
        assert!(all[0].put(&broken, &mut headers, &mut url).is_none(), "a header of two lines");
    }
}
