//! Grants of the scheduler to one task.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use crate::destination::{Destination, DestinationError};
use crate::name::{NameError, SecretName};
use crate::operation::{OperationError, Operations};
use crate::terms::{Terms, TermsError};
use crate::version::VersionRule;

/// One secret, granted to one task.
///
/// On the command line a grant is written `NAME:OPERATION[,OPERATION]…[@DESTINATION]`:
///
/// ```
/// use far_capability::Grant;
///
/// let grant: Grant = "github-token:seal@https://api.github.com".parse()?;
/// assert_eq!(grant.secret().as_str(), "github-token");
/// # Ok::<(), far_capability::GrantError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    secret: SecretName,
    terms: Terms,
    versions: VersionRule,
    max_uses: Option<NonZeroU32>,
    expires_in: Option<Duration>,
    only_sealed: bool,
}

/// An error of parsing a [`Grant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// The `:` between name and operations is missing.
    #[error("a grant is written NAME:OPERATIONS, such as github-token:sign")]
    Form,
    /// The name is invalid.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An operation is invalid.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The destination is invalid.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// The terms are inconsistent.
    #[error("the grant {0}")]
    Terms(#[from] TermsError),
}

impl Grant {
    /// Creates a grant of a secret's current version, without a limit on uses or time.
    pub fn new(secret: SecretName, terms: Terms) -> Self {
        Self { secret, terms, versions: VersionRule::Current, max_uses: None, expires_in: None, only_sealed: false }
    }

    /// Sets the versions.
    #[must_use]
    pub fn with_versions(self, versions: VersionRule) -> Self {
        Self { versions, ..self }
    }

    /// Sets the maximum number of reveals, signatures and substitutions together.
    #[must_use]
    pub fn with_max_uses(self, uses: NonZeroU32) -> Self {
        Self { max_uses: Some(uses), ..self }
    }

    /// Sets the duration of the grant from admission.
    #[must_use]
    pub fn with_expiry(self, expires_in: Duration) -> Self {
        Self { expires_in: Some(expires_in), ..self }
    }

    /// Makes the secret the only credential for its destinations: every request to them must carry
    /// it.
    #[must_use]
    pub fn only_sealed(self) -> Self {
        Self { only_sealed: true, ..self }
    }

    /// Returns true if every request to the secret's destinations must carry the secret.
    pub fn is_only_sealed(&self) -> bool {
        self.only_sealed
    }

    /// Returns the secret's name.
    pub fn secret(&self) -> &SecretName {
        &self.secret
    }

    /// Returns the granted operations and destinations.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Returns the granted versions.
    pub fn versions(&self) -> &VersionRule {
        &self.versions
    }

    /// Returns the maximum number of uses; `None` for no limit.
    pub fn max_uses(&self) -> Option<NonZeroU32> {
        self.max_uses
    }

    /// Returns the duration from admission; `None` for the life of the task.
    pub fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (name, rest) = text.split_once(':').ok_or(GrantError::Form)?;
        let (operations, destination) = match rest.split_once('@') {
            Some((operations, destination)) => (operations, Some(destination.parse::<Destination>()?)),
            None => (rest, None),
        };
        let secret = SecretName::parse(name)?;
        let operations = match operations {
            "" => Operations::NONE,
            some => some.split(',').map(str::parse).collect::<Result<_, _>>()?,
        };
        Ok(Self::new(secret, Terms::new(operations, destination.into_iter().collect())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;

    #[test]
    fn grant_parses_name_operations_and_destination() {
        let grant: Grant = "ci/token:seal,refresh@https://api.github.com/repos".parse().unwrap();
        assert_eq!(grant.secret().as_str(), "ci/token");
        assert!(grant.terms().operations().contains(Operation::Refresh));
        assert_eq!(grant.terms().destinations()[0].as_str(), "https://api.github.com/repos");
        assert_eq!(grant.versions(), &VersionRule::Current);
    }

    #[test]
    fn invalid_grants_are_rejected() {
        let cases = [
            ("", GrantError::Form),
            ("token", GrantError::Form),
            ("*:sign", GrantError::Name(NameError::Character { at: 0 })),
            (":sign", GrantError::Name(NameError::Empty)),
            ("token:", GrantError::Terms(TermsError::NoOperation)),
            ("token:*", GrantError::Operation(OperationError)),
            ("token:sign,", GrantError::Operation(OperationError)),
            ("token:get", GrantError::Operation(OperationError)),
            ("token:seal", GrantError::Terms(TermsError::SealWithoutDestination)),
            ("token:sign@https://a.example", GrantError::Terms(TermsError::DestinationWithoutSeal)),
            ("token:seal@http://a.example", GrantError::Terms(TermsError::PlainHttp)),
            ("token:seal@", GrantError::Destination(DestinationError::Url)),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Grant>(), Err(error), "{text}");
        }
    }
}
