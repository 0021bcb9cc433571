//! What may be done with a secret, as texts: the same for what is declared and for what is permitted.

use far_core::capability::Terms;

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
