//! Versions of secrets: opaque strings, compared for equality only.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The maximum length of a version, in bytes.
const MAX_LEN: usize = 128;

/// A version as its backend names it: 1 to 128 visible ASCII characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version(Arc<str>);

/// An error that a string is not a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version has 1 to {MAX_LEN} visible ASCII characters")]
pub struct VersionError;

impl Version {
    /// Parses a version.
    ///
    /// # Errors
    ///
    /// [`VersionError`] if the string is empty, too long, or has a character other than visible
    /// ASCII.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let fits = (1..=MAX_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.into())) } else { Err(VersionError) }
    }

    /// Returns the version as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        Self::parse(text)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A requested version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VersionSelector {
    /// The backend's current version.
    Current,
    /// Exactly this version.
    Exactly(Version),
}

/// The versions that a grant covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VersionRule {
    /// The current version only.
    #[default]
    Current,
    /// The current version and the listed ones.
    Listed(Vec<Version>),
    /// Every version.
    Any,
}

impl VersionRule {
    /// Returns true if the rule covers a requested version.
    pub fn covers(&self, selector: &VersionSelector) -> bool {
        match (self, selector) {
            (_, VersionSelector::Current) | (Self::Any, _) => true,
            (Self::Current, VersionSelector::Exactly(_)) => false,
            (Self::Listed(versions), VersionSelector::Exactly(version)) => versions.contains(version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_visible_ascii() {
        assert!(Version::parse("uid-1:42").is_ok());
        for text in ["", " ", "a b", "a\n", "\u{e9}", &"v".repeat(129)] {
            assert_eq!(Version::parse(text), Err(VersionError), "{text:?}");
        }
    }

    #[test]
    fn every_rule_covers_current_version() {
        let three = VersionSelector::Exactly(Version::parse("3").unwrap());
        let listed = VersionRule::Listed(vec![Version::parse("3").unwrap()]);
        for rule in [VersionRule::Current, listed.clone(), VersionRule::Any] {
            assert!(rule.covers(&VersionSelector::Current));
        }
        assert!(!VersionRule::Current.covers(&three));
        assert!(listed.covers(&three));
        assert!(!listed.covers(&VersionSelector::Exactly(Version::parse("4").unwrap())));
    }
}
