//! Grants in the format of the command line.

use far_core::capability::{Grant, Operation};

use crate::canary::assert_clean;

pub(super) const TOKENS: &[&str] =
    &[":", "@", ",", "seal", "sign", "reveal", "refresh", "@https://", "*.", "GET ", "K4n4ry", "%2e"];

/// Checks that a grant displays as it was written and has no other terms.
pub fn grants(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let grant: Grant = match text.parse() {
        Ok(grant) => grant,
        Err(error) => return assert_clean(&error),
    };
    let terms = grant.terms();
    assert!(text.starts_with(&format!("{}:", grant.secret())), "{text:?}");
    let seals = terms.operations().contains(Operation::Seal);
    assert_eq!(seals, !terms.destinations().is_empty(), "a destination and 'seal' go together: {text:?}");
    assert!(grant.max_uses().is_none() && grant.expires_in().is_none() && !grant.is_only_sealed());

    let operations: Vec<_> = terms.operations().iter().map(|operation| operation.to_string()).collect();
    let destination = terms.destinations().first().map(|destination| format!("@{destination}")).unwrap_or_default();
    assert!(text.ends_with(&destination), "{text:?}");
    let written = format!("{}:{}{destination}", grant.secret(), operations.join(","));
    assert_eq!(written.parse::<Grant>().as_ref(), Ok(&grant), "{text:?}");
}
