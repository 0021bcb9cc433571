//! Why something is a violation.

use serde::Serialize;

/// Why something is a violation. A fixed token in events; says nothing of what exists in a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum DenyReason {
    /// The text is not a secret's name.
    InvalidName,
    /// The text is not a version.
    InvalidVersion,
    /// The skill's declaration does not have the secret.
    Undeclared,
    /// The task was not granted it.
    Ungranted,
    /// The operator's catalog does not have it, or not for this skill.
    NotPermitted,
    /// One of the three lacks the operation.
    Operation,
    /// The grant excludes the version.
    Version,
    /// One of the three lacks the destination.
    Destination,
    /// A stand-in stood where the grant does not let it stand.
    Placement,
    /// A handle or a stand-in that another task was given.
    ForeignToken,
    /// The key is for another kind of signature, or the three do not agree on what it signs.
    Signing,
    /// A key that signs tokens was to be sent or shown itself.
    SigningKey,
    /// The claims to be signed say something else than what is granted and permitted.
    Claims,
    /// No task is running in the instance.
    OutsideRun,
    /// The value was found in what the task returned or wrote, and its catalog entry says [`WhenLeaked::Fail`](crate::WhenLeaked::Fail).
    Leaked,
}

impl DenyReason {
    /// Every reason that there is.
    pub const ALL: [Self; 15] = [
        Self::InvalidName,
        Self::InvalidVersion,
        Self::Undeclared,
        Self::Ungranted,
        Self::NotPermitted,
        Self::Operation,
        Self::Version,
        Self::Destination,
        Self::Placement,
        Self::ForeignToken,
        Self::Signing,
        Self::SigningKey,
        Self::Claims,
        Self::OutsideRun,
        Self::Leaked,
    ];

    /// The reason's token in events.
    pub fn token(self) -> &'static str {
        match self {
            Self::InvalidName => "invalid-name",
            Self::InvalidVersion => "invalid-version",
            Self::Undeclared => "undeclared",
            Self::Ungranted => "ungranted",
            Self::NotPermitted => "not-permitted",
            Self::Operation => "operation",
            Self::Version => "version",
            Self::Destination => "destination",
            Self::Placement => "placement",
            Self::ForeignToken => "foreign-token",
            Self::Signing => "signing",
            Self::SigningKey => "signing-key",
            Self::Claims => "claims",
            Self::OutsideRun => "outside-run",
            Self::Leaked => "leaked",
        }
    }

    /// What was wrong, for people; fits "refused: …".
    pub fn explanation(self) -> &'static str {
        match self {
            Self::InvalidName => "the name is not a valid secret name",
            Self::InvalidVersion => "the version is not a valid version",
            Self::Undeclared => "the skill did not declare the secret",
            Self::Ungranted => "the task was not granted the secret",
            Self::NotPermitted => "the operator does not permit the secret for this skill",
            Self::Operation => "the operation was not declared, granted and permitted",
            Self::Version => "the grant does not cover the version",
            Self::Destination => "the destination was not declared, granted and permitted",
            Self::Placement => "a sealed token stood in a part of a request where the grant does not let it stand",
            Self::ForeignToken => "a handle or a sealed token was another task's",
            Self::Signing => "this kind of signature was not declared, granted and permitted",
            Self::SigningKey => "a key that signs tokens is itself neither sent nor shown",
            Self::Claims => "the claims to be signed are none, or differ from what is granted and permitted",
            Self::OutsideRun => "secrets were used outside 'run'",
            Self::Leaked => "its value was in what the skill returned or wrote",
        }
    }
}

impl From<DenyReason> for &'static str {
    fn from(reason: DenyReason) -> Self {
        reason.token()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_all() {
        assert!(DenyReason::ALL.into_iter().map(|reason| reason as usize).eq(0..=DenyReason::Leaked as usize));
    }
}
