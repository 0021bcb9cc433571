//! Reasons of violations.

use serde::Serialize;

/// The reason of a violation. It reveals nothing about the contents of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "&'static str")]
#[non_exhaustive]
pub enum DenyReason {
    /// The string is not a valid secret name.
    InvalidName,
    /// The string is not a valid version.
    InvalidVersion,
    /// The skill does not declare the secret.
    Undeclared,
    /// The secret is not granted to the task.
    Ungranted,
    /// The operator's catalog does not permit the secret for this skill.
    NotPermitted,
    /// The operation is not declared, granted and permitted.
    Operation,
    /// The grant excludes the version.
    Version,
    /// The destination is not declared, granted and permitted.
    Destination,
    /// A placeholder is in a part of the request without permission for it.
    Placement,
    /// A handle or a placeholder belongs to another task.
    ForeignToken,
    /// The kind of signature is not declared, granted and permitted.
    Signing,
    /// A key that signs tokens must not be sent or revealed.
    SigningKey,
    /// The claims contradict the grant or the catalog.
    Claims,
    /// No task is running in the instance.
    OutsideRun,
    /// The task's result or output has the value, and the catalog says
    /// [`LeakPolicy::Fail`](crate::LeakPolicy::Fail).
    Leaked,
}

impl DenyReason {
    /// All reasons.
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

    /// Returns the reason's token in events.
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

    /// Returns an explanation for people, which fits after "refused: ".
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
            Self::Placement => "the grant does not permit a placeholder in this part of a request",
            Self::ForeignToken => "the handle or placeholder belongs to another task",
            Self::Signing => "this kind of signature was not declared, granted and permitted",
            Self::SigningKey => "a key that signs tokens cannot be sent or revealed",
            Self::Claims => "the claims are invalid, or contradict the grant or the catalog",
            Self::OutsideRun => "secrets were used outside 'run'",
            Self::Leaked => "its value was in the result or the output of the skill",
        }
    }

    /// Returns the person or the system whose change removes the reason.
    pub fn caused_by(self) -> &'static str {
        match self {
            Self::InvalidName | Self::InvalidVersion | Self::ForeignToken | Self::OutsideRun => {
                "the skill, which is faulty or malicious"
            }
            Self::Undeclared | Self::SigningKey | Self::Claims | Self::Placement | Self::Leaked => {
                "the skill or its author"
            }
            Self::Ungranted | Self::Version => "the scheduler, which grants secrets to the task",
            Self::NotPermitted => "the operator",
            Self::Operation | Self::Destination | Self::Signing => {
                "the author, the scheduler or the operator: all three must agree"
            }
        }
    }

    /// Returns the next step, in the words of the command line.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::InvalidName | Self::InvalidVersion | Self::ForeignToken | Self::OutsideRun => {
                "review the skill before you run it again: no grant permits this"
            }
            Self::Undeclared => "if the skill needs the secret, declare it in skill.json, and grant it to the task",
            Self::Ungranted => "grant the secret to the task, with --grant or in the task file",
            Self::NotPermitted => "in far.toml, add a table [secrets.NAME] that permits this skill",
            Self::Operation => {
                "add the operation to 'operations' in skill.json, in the grant and under [secrets.NAME] in far.toml"
            }
            Self::Version => "set 'versions' of the grant in a task file",
            Self::Destination => "add the destination in skill.json, in the grant and under [secrets.NAME] in far.toml",
            Self::Placement => {
                "send the placeholder in the 'authorization' header, or add the part of the request to 'placements'"
            }
            Self::Signing => "let 'signing' agree in skill.json, in the grant and under [secrets.NAME] in far.toml",
            Self::SigningKey => "sign a token with 'sign-jwt', and seal or reveal the token",
            Self::Claims => "leave 'iss', 'aud', 'iat' and 'nbf' to the host, and set 'exp' within 'max-ttl'",
            Self::Leaked => {
                "remove the value from the output of the skill; 'when-leaked' of the secret sets the leak policy"
            }
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
    fn all_has_every_reason() {
        assert!(DenyReason::ALL.into_iter().map(|reason| reason as usize).eq(0..=DenyReason::Leaked as usize));
    }
}
