//! Formatting of the terms of declared and permitted secrets.

use far_core::capability::{CatalogEntry, JwtAlgorithm, Operation, Signing, Terms};
use serde_json::{Value, json};

use crate::duration::{duration, milliseconds};

/// Formats operations. `sign` includes its rule unless that is HMAC. Escape the result: it may
/// quote the author.
pub(crate) fn operations_text(terms: &Terms) -> String {
    let words = terms.operations().iter().map(|operation| match (operation, terms.signing()) {
        (Operation::Sign, Some(signing @ Signing::Jwt(_))) => format!("sign({signing})"),
        _ => operation.as_str().to_owned(),
    });
    words.collect::<Vec<_>>().join(",")
}

/// Returns the signing rule as JSON; null without `sign`.
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

/// Returns the destinations, as the author or the operator wrote them.
pub(crate) fn destinations(terms: &Terms) -> Vec<&str> {
    terms.destinations().iter().map(|destination| destination.as_str()).collect()
}

/// Returns the placements in a request; empty without destinations.
pub(crate) fn placements(terms: &Terms) -> Vec<String> {
    let all = terms.placements().iter().map(ToString::to_string);
    all.filter(|_| !terms.destinations().is_empty()).collect()
}

/// Formats the TTL, the stale period and the rotation of a secret.
pub(crate) fn lifetime_text(entry: &CatalogEntry) -> String {
    let mut lifetime_text = duration(entry.ttl);
    if !entry.stale.is_zero() {
        lifetime_text.push_str(&format!(", {} stale", duration(entry.stale)));
    }
    if let Some(rotation) = entry.rotation {
        lifetime_text.push_str(&format!(
            ", rotated every {}, overlap {}",
            duration(rotation.every),
            duration(rotation.overlap)
        ));
    }
    lifetime_text
}

/// Returns the rotation as JSON; null without one.
pub(crate) fn rotation(entry: &CatalogEntry) -> Value {
    entry.rotation.map_or(
        Value::Null,
        |rotation| json!({ "every_ms": milliseconds(rotation.every), "overlap_ms": milliseconds(rotation.overlap) }),
    )
}
