//! Names, versions, digests, operations and placements.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use far_core::capability::{JwtAlgorithm, Operation, Placement, name};
use far_core::{AgentId, ProviderId, SecretName, SkillDigest, SkillName, TaskId, ToolName, Version};

use crate::canary::assert_clean;

pub(super) const TOKENS: &[&str] =
    &["..", "//", "-", "_", "sha256:", "header:", "query:", "authorization", "HS256", "K4n4ry", "\u{131}", "\u{ff0e}"];

/// Checks that each accepted string displays as itself, and that names follow their grammar.
pub fn names(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let accepted = is_name(text);
    assert_eq!(name::check(text).is_ok(), accepted, "{text:?}");
    assert_eq!(round_trip::<SecretName>(text), accepted);
    assert_eq!(round_trip::<AgentId>(text), accepted);
    assert_eq!(round_trip::<ProviderId>(text), accepted);
    assert_eq!(round_trip::<SkillName>(text), accepted);
    assert_eq!(round_trip::<TaskId>(text), accepted);
    assert_eq!(round_trip::<ToolName>(text), accepted);
    let json = serde_json::Value::from(text);
    assert_eq!(serde_json::from_value::<SecretName>(json).is_ok(), accepted, "{text:?}");
    round_trip::<Version>(text);
    round_trip::<SkillDigest>(text);
    round_trip::<Operation>(text);
    round_trip::<JwtAlgorithm>(text);
    round_trip::<Placement>(text);
}

/// A second implementation of the grammar of names.
fn is_name(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=128).contains(&text.len())
        && text.chars().all(|c| edge(c) || "._-/".contains(c))
        && text.starts_with(edge)
        && text.ends_with(edge)
        && !text.contains("..")
        && !text.contains("//")
}

/// Returns true if a string is accepted; it must then display as itself.
fn round_trip<T>(text: &str) -> bool
where
    T: FromStr<Err: Debug + Display> + Display + Debug + PartialEq,
{
    match text.parse::<T>() {
        Ok(value) => {
            assert_eq!(value.to_string(), text);
            true
        }
        Err(error) => {
            assert_clean(&error);
            false
        }
    }
}
