//! Where stand-ins are in a request: each is the whole of a place, or stands where none may.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_capability::Placement;

use super::run::Held;

/// A request's headers, as text.
pub(super) type Headers = Vec<(String, String)>;

/// A stand-in that is the whole of what it stands in, so that it may stand there if that is declared.
pub(super) struct Placed {
    pub(super) held: Held,
    pub(super) placement: Placement,
    token: String,
    /// For `Basic`.
    user: Option<String>,
}

/// What was sealed in a run, with what stands for it.
type Sealed = BTreeMap<String, Held>;

impl Placed {
    /// All of a request's. Of what is there twice, none is placed.
    pub(super) fn all(sealed: &Sealed, headers: &Headers, url: &str) -> Vec<Self> {
        let whole = |text: &str, placement: Option<Placement>, user: Option<String>| {
            let (token, held) = sealed.get_key_value(text)?;
            Some(Self { held: *held, placement: placement?, token: token.clone(), user })
        };
        let is_once = |name: &str| headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).count() == 1;
        let of_headers = headers.iter().filter(|(name, _)| is_once(name)).filter_map(|(name, value)| {
            let placement = of_header(name);
            if placement != Some(Placement::Authorization) {
                return whole(value, placement, None);
            }
            let (user, token) = credentials(value)?;
            // A second stand-in, as the user, is none that may stand there.
            let has_other = user.as_deref().is_some_and(|user| sealed.keys().any(|token| user.contains(&**token)));
            if has_other { None } else { whole(&token, placement, user) }
        });
        let pairs = parameters(url);
        let of_query = pairs.iter().filter(|(name, _)| pairs.iter().filter(|(other, _)| other == name).count() == 1);
        let of_query = of_query.filter_map(|(name, value)| whole(value, of_parameter(name), None));
        of_headers.chain(of_query).collect()
    }

    /// Whether the secret can stand there: a header is one line, and a parameter is text.
    pub(super) fn takes(&self, secret: &[u8]) -> bool {
        match &self.placement {
            Placement::Query(_) => str::from_utf8(secret).is_ok(),
            // Whether it is a certificate is for the host to see.
            Placement::ClientCertificate => !secret.is_empty(),
            // What a password has is encoded.
            Placement::Authorization if self.user.is_some() => !secret.is_empty(),
            _ => !secret.is_empty() && secret.iter().all(|byte| matches!(byte, 0x20..=0x7e | 0x80..)),
        }
    }

    /// Puts the secret's name there, for a test to see.
    pub(super) fn show(&self, name: &str, headers: &mut Headers, url: &mut String) {
        let shown = format!("[sealed:{name}]");
        if let Placement::Query(parameter) = &self.placement {
            *url = url.replace(&format!("{parameter}={}", self.token), &format!("{parameter}={shown}"));
            return;
        }
        let shown = match &self.user {
            Some(user) => format!("Basic {user}:{shown}"),
            None if self.placement == Placement::Authorization => format!("Bearer {shown}"),
            None => shown,
        };
        let is_there = |name: &str| of_header(name).as_ref() == Some(&self.placement);
        if let Some((_, value)) = headers.iter_mut().find(|(name, _)| is_there(name)) {
            *value = shown;
        }
    }
}

/// All of a request's headers and URL, but for what is placed.
pub(super) fn unplaced(placed: &[Placed], headers: &Headers, url: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for (name, value) in headers {
        texts.push(name.clone());
        if !is_placed(placed, of_header(name).as_ref()) {
            texts.push(value.clone());
            texts.extend(after_scheme(value, "basic").and_then(decoded));
        }
    }
    let (path, _) = url.split_once('?').unwrap_or((url, ""));
    texts.push(path.to_owned());
    let pairs = parameters(url).into_iter().filter(|(name, _)| !is_placed(placed, of_parameter(name).as_ref()));
    texts.extend(pairs.map(|(name, value)| format!("{name}={value}")));
    texts
}

/// Takes out what the host does not send beside secrets: a certificate that is none, and where one of them must be there
/// (`only`), what else is usual for a credential.
pub(super) fn take_out(placed: &[Placed], headers: &mut Headers, only: bool) {
    headers.retain(|(name, _)| match name.to_ascii_lowercase().as_str() {
        _ if is_placed(placed, of_header(name).as_ref()) => true,
        Placement::CLIENT_CERTIFICATE => false,
        "authorization" | "cookie" => !only,
        _ => true,
    });
}

fn is_placed(placed: &[Placed], placement: Option<&Placement>) -> bool {
    placement.is_some_and(|placement| placed.iter().any(|place| place.placement == *placement))
}

/// The placement that a header is, if a secret can stand there at all.
fn of_header(name: &str) -> Option<Placement> {
    match name.to_ascii_lowercase().as_str() {
        "authorization" => Some(Placement::Authorization),
        Placement::CLIENT_CERTIFICATE => Some(Placement::ClientCertificate),
        name => format!("header:{name}").parse().ok(),
    }
}

/// The placement that a query parameter is, if a secret can stand there at all.
fn of_parameter(name: &str) -> Option<Placement> {
    format!("query:{name}").parse().ok()
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
