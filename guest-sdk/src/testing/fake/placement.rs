//! Finds placeholders in a request. A placeholder is either the whole value of a possible
//! placement, or misplaced.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_capability::Placement;

use super::run::HandleId;

/// A request's headers, as strings.
pub(super) type Headers = Vec<(String, String)>;

/// A placeholder that is the whole value of a possible placement. It may be there if that placement
/// is declared.
pub(super) struct PlacedToken {
    pub(super) id: HandleId,
    pub(super) placement: Placement,
    token: String,
    /// The user of `Basic` credentials.
    user: Option<String>,
}

/// The placeholders of a run.
type Placeholders = BTreeMap<String, HandleId>;

impl PlacedToken {
    /// Finds the placeholders in a request. None is in a header or parameter that occurs twice.
    pub(super) fn find(placeholders: &Placeholders, headers: &Headers, url: &str) -> Vec<Self> {
        let whole = |text: &str, placement: Option<Placement>, user: Option<String>| {
            let (token, id) = placeholders.get_key_value(text)?;
            Some(Self { id: *id, placement: placement?, token: token.clone(), user })
        };
        let is_once = |name: &str| headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).count() == 1;
        let of_headers = headers.iter().filter(|(name, _)| is_once(name)).filter_map(|(name, value)| {
            let placement = of_header(name);
            if placement != Some(Placement::Authorization) {
                return whole(value, placement, None);
            }
            let (user, token) = credentials(value)?;
            // A second placeholder in the user name is misplaced.
            let has_other =
                user.as_deref().is_some_and(|user| placeholders.keys().any(|token| user.contains(&**token)));
            if has_other { None } else { whole(&token, placement, user) }
        });
        let pairs = parameters(url);
        let of_query = pairs.iter().filter(|(name, _)| pairs.iter().filter(|(other, _)| other == name).count() == 1);
        let of_query = of_query.filter_map(|(name, value)| whole(value, of_parameter(name), None));
        of_headers.chain(of_query).collect()
    }

    /// Returns true if the secret is a valid value there: a header is one line, and a parameter is
    /// UTF-8.
    pub(super) fn accepts(&self, secret: &[u8]) -> bool {
        match &self.placement {
            Placement::Query(_) => str::from_utf8(secret).is_ok(),
            // Only the real host parses the certificate.
            Placement::ClientCertificate => !secret.is_empty(),
            // Base64 encodes the password.
            Placement::Authorization if self.user.is_some() => !secret.is_empty(),
            _ => !secret.is_empty() && secret.iter().all(|byte| matches!(byte, 0x20..=0x7e | 0x80..)),
        }
    }

    /// Replaces the placeholder with the secret's name, for the test to see.
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

/// Returns all parts of a request's headers and URL except for placed placeholders.
pub(super) fn unplaced(placed: &[PlacedToken], headers: &Headers, url: &str) -> Vec<String> {
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

/// Strips headers that the host does not send beside secrets: an unused certificate header, and
/// with `only_sealed` the usual credential headers.
pub(super) fn strip(placed: &[PlacedToken], headers: &mut Headers, only_sealed: bool) {
    headers.retain(|(name, _)| match name.to_ascii_lowercase().as_str() {
        _ if is_placed(placed, of_header(name).as_ref()) => true,
        Placement::CLIENT_CERTIFICATE => false,
        "authorization" | "cookie" => !only_sealed,
        _ => true,
    });
}

fn is_placed(placed: &[PlacedToken], placement: Option<&Placement>) -> bool {
    placement.is_some_and(|placement| placed.iter().any(|place| place.placement == *placement))
}

/// Returns the placement for a header, if it can carry a secret.
fn of_header(name: &str) -> Option<Placement> {
    match name.to_ascii_lowercase().as_str() {
        "authorization" => Some(Placement::Authorization),
        Placement::CLIENT_CERTIFICATE => Some(Placement::ClientCertificate),
        name => format!("header:{name}").parse().ok(),
    }
}

/// Returns the placement for a query parameter, if it can carry a secret.
fn of_parameter(name: &str) -> Option<Placement> {
    format!("query:{name}").parse().ok()
}

/// Parses `Bearer` with a token, or `Basic` with a user and the token as the password.
fn credentials(value: &str) -> Option<(Option<String>, String)> {
    if let Some(token) = after_scheme(value, "bearer") {
        return Some((None, token.to_owned()));
    }
    let decoded = decoded(after_scheme(value, "basic")?)?;
    let (user, password) = decoded.split_once(':')?;
    Some((Some(user.to_owned()), password.to_owned()))
}

/// Returns the text after a scheme and one space. Schemes are case-insensitive.
fn after_scheme<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    let (written, rest) = value.split_once(' ')?;
    written.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn decoded(encoded: &str) -> Option<String> {
    STANDARD.decode(encoded).ok().map(|decoded| String::from_utf8_lossy(&decoded).into_owned())
}

/// Returns the query's parameters, still encoded.
fn parameters(url: &str) -> Vec<(&str, &str)> {
    let (_, query) = url.split_once('?').unwrap_or_default();
    let (query, _) = query.split_once('#').unwrap_or((query, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect()
}
