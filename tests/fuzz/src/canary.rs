//! A string that no error may contain.

use std::fmt::{Debug, Display};

/// Planted in the place of secrets. It has no other use, so its presence in an error is a leak.
pub(crate) const CANARY: &str = "K4n4ry";

/// Asserts that neither form of an error contains the canary.
pub(crate) fn assert_clean(error: &(impl Debug + Display)) {
    for text in [format!("{error}"), format!("{error:#}"), format!("{error:?}"), format!("{error:#?}")] {
        assert!(!text.contains(CANARY), "an error contains its input: {text}");
    }
}

/// Returns the text with the canary inserted at a position that `pick` chooses.
pub(crate) fn planted(text: &str, pick: usize) -> String {
    let mut at = pick % (text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let (before, after) = text.split_at(at);
    format!("{before}{CANARY}{after}")
}
