//! Where stand-ins are in a request: each is the whole of a place, or stands where none may.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::run::Held;

/// A request's headers, as text.
pub(super) type Headers = Vec<(String, String)>;

/// A stand-in that is the whole of what it stands in, so that it may stand there if that is declared.
pub(super) struct Placed {
    pub(super) held: Held,
    /// As it is declared: `authorization`, `header:NAME`, `query:NAME` or `client-certificate`.
    pub(super) placement: String,
    token: String,
    /// For `Basic`.
    user: Option<String>,
}

/// What was sealed in a run, with what stands for it.
type Sealed = BTreeMap<String, Held>;

impl Placed {
    /// All of a request's. Of what is there twice, none is placed.
    pub(super) fn all(sealed: &Sealed, headers: &Headers, url: &str) -> Vec<Self> {
        let whole = |text: &str, placement: String, user: Option<String>| {
            let (token, held) = sealed.get_key_value(text)?;
            Some(Self { held: *held, placement, token: token.clone(), user })
        };
        let is_once = |name: &str| headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).count() == 1;
        let of_headers = headers.iter().filter(|(name, _)| is_once(name)).filter_map(|(name, value)| {
            let placement = of_header(name);
            if placement != AUTHORIZATION {
                return whole(value, placement, None);
            }
            let (user, token) = credentials(value)?;
            // A second stand-in, as the user, is none that may stand there.
            let has_other = user.as_deref().is_some_and(|user| sealed.keys().any(|token| user.contains(&**token)));
            if has_other { None } else { whole(&token, placement, user) }
        });
        let pairs = parameters(url);
        let of_query = pairs.iter().filter(|(name, _)| pairs.iter().filter(|(other, _)| other == name).count() == 1);
        let of_query = of_query.filter_map(|(name, value)| whole(value, format!("query:{name}"), None));
        of_headers.chain(of_query).collect()
    }

    /// Whether the secret can stand there: a header is one line, and a parameter is text.
    pub(super) fn takes(&self, secret: &[u8]) -> bool {
        match self.placement.starts_with("query:") {
            true => str::from_utf8(secret).is_ok(),
            // Whether it is a certificate is for the host to see.
            false if self.placement == CLIENT_CERTIFICATE => !secret.is_empty(),
            // What a password has is encoded.
            false if self.user.is_some() => !secret.is_empty(),
            false => !secret.is_empty() && secret.iter().all(|byte| matches!(byte, 0x20..=0x7e | 0x80..)),
        }
    }

    /// Puts the secret's name there, for a test to see.
    pub(super) fn show(&self, name: &str, headers: &mut Headers, url: &mut String) {
        let shown = format!("[sealed:{name}]");
        if let Some(parameter) = self.placement.strip_prefix("query:") {
            *url = url.replace(&format!("{parameter}={}", self.token), &format!("{parameter}={shown}"));
            return;
        }
        let shown = match &self.user {
            Some(user) => format!("Basic {user}:{shown}"),
            None if self.placement == AUTHORIZATION => format!("Bearer {shown}"),
            None => shown,
        };
        if let Some((_, value)) = headers.iter_mut().find(|(name, _)| of_header(name) == self.placement) {
            *value = shown;
        }
    }
}

const AUTHORIZATION: &str = "authorization";
const CLIENT_CERTIFICATE: &str = "client-certificate";

/// All of a request's headers and URL, but for what is placed.
pub(super) fn unplaced(placed: &[Placed], headers: &Headers, url: &str) -> Vec<String> {
    let is_placed = |placement: &str| placed.iter().any(|place| place.placement == placement);
    let mut texts = Vec::new();
    for (name, value) in headers {
        texts.push(name.clone());
        if !is_placed(&of_header(name)) {
            texts.push(value.clone());
            texts.extend(after_scheme(value, "basic").and_then(decoded));
        }
    }
    let (path, _) = url.split_once('?').unwrap_or((url, ""));
    texts.push(path.to_owned());
    let pairs = parameters(url).into_iter().filter(|(name, _)| !is_placed(&format!("query:{name}")));
    texts.extend(pairs.map(|(name, value)| format!("{name}={value}")));
    texts
}

/// Takes out what the host does not send beside secrets: a certificate that is none, and where one of them must be there
/// (`only`), what else is usual for a credential.
pub(super) fn take_out(placed: &[Placed], headers: &mut Headers, only: bool) {
    headers.retain(|(name, _)| {
        let placement = of_header(name);
        match placement.as_str() {
            _ if placed.iter().any(|place| place.placement == placement) => true,
            CLIENT_CERTIFICATE => false,
            AUTHORIZATION | "header:cookie" => !only,
            _ => true,
        }
    });
}

/// The placement that a header is.
fn of_header(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        AUTHORIZATION => name,
        "far-client-certificate" => CLIENT_CERTIFICATE.to_owned(),
        _ => format!("header:{name}"),
    }
}

/// `Bearer` and a token, or `Basic` with a user and the token as the password.
fn credentials(value: &str) -> Option<(Option<String>, String)> {
    if let Some(token) = after_scheme(value, "bearer") {
        return Some((None, token.to_owned()));
    }
    let decoded = decoded(after_scheme(value, "basic")?)?;
    let (user, password) = decoded.split_once(':')?;
    Some((Some(user.to_owned()), password.to_owned()))
}

/// What follows a scheme and one space; schemes have no case.
fn after_scheme<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    let (written, rest) = value.split_once(' ')?;
    written.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn decoded(encoded: &str) -> Option<String> {
    STANDARD.decode(encoded).ok().map(|decoded| String::from_utf8_lossy(&decoded).into_owned())
}

/// The query's parameters, as they are written.
fn parameters(url: &str) -> Vec<(&str, &str)> {
    let (_, query) = url.split_once('?').unwrap_or_default();
    let (query, _) = query.split_once('#').unwrap_or((query, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect()
}
