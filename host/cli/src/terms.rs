//! What may be done with a secret, and for how long, as texts: the same for what is declared and for what is permitted.

use far_core::capability::{CatalogEntry, JwtAlgorithm, Operation, Signing, Terms};
use serde_json::{Value, json};

use crate::duration::{duration, milliseconds};

/// Operations in one text; `sign` with what it signs, if that is not HMAC. May quote the author: escape it.
pub(crate) fn in_words(terms: &Terms) -> String {
    let words = terms.operations().iter().map(|operation| match (operation, terms.signing()) {
        (Operation::Sign, Some(signing @ Signing::Jwt(_))) => format!("sign({signing})"),
        _ => operation.as_str().to_owned(),
    });
    words.collect::<Vec<_>>().join(",")
}

/// What is signed with it; nothing without `sign`.
pub(crate) fn signing(terms: &Terms) -> Value {
    match terms.signing() {
        None => Value::Null,
        Some(Signing::Hmac) => json!("hmac"),
        Some(Signing::Jwt(jwt)) => json!({ "jwt": {
            "algorithm": jwt.algorithm.map(JwtAlgorithm::as_str),
            "key_id": jwt.key_id,
            "issuer": jwt.issuer,
            "subject": jwt.subject,
            "audience": jwt.audience,
            "max_ttl_ms": jwt.max_ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)),
        } }),
    }
}

pub(crate) fn operations(terms: &Terms) -> Vec<&'static str> {
    terms.operations().iter().map(|operation| operation.as_str()).collect()
}

/// Where it may be sent. Author's or operator's text.
pub(crate) fn destinations(terms: &Terms) -> Vec<&str> {
    terms.destinations().iter().map(|destination| destination.as_str()).collect()
}

/// Where in a request it may stand; nowhere, if it is not sent.
pub(crate) fn placements(terms: &Terms) -> Vec<String> {
    let all = terms.placements().iter().map(ToString::to_string);
    all.filter(|_| !terms.destinations().is_empty()).collect()
}

/// How long a value is kept, answers beyond that, and when another version takes its place.
pub(crate) fn times(entry: &CatalogEntry) -> String {
    let mut times = duration(entry.ttl);
    if !entry.stale.is_zero() {
        times.push_str(&format!(", {} stale", duration(entry.stale)));
    }
    if let Some(rotation) = entry.rotation {
        times.push_str(&format!(
            ", rotated every {}, overlap {}",
            duration(rotation.every),
            duration(rotation.overlap)
        ));
    }
    times
}

/// When another version takes a value's place, for programs; null if only when its time ends.
pub(crate) fn rotation(entry: &CatalogEntry) -> Value {
    entry.rotation.map_or(
        Value::Null,
        |rotation| json!({ "every_ms": milliseconds(rotation.every), "overlap_ms": milliseconds(rotation.overlap) }),
    )
}
