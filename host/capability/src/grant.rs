//! What the scheduler grants to one task.

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

/// Why a text is not a [`Grant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// There is no `:` between name and operations.
    #[error("a grant is written NAME:OPERATIONS, such as github-token:sign")]
    Form,
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An operation is none.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The destination is none.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// The parts make no sense together.
    #[error("the grant {0}")]
    Terms(#[from] TermsError),
}

impl Grant {
    /// A grant of a secret's current version on these terms, without a limit of its own on uses or time.
    pub fn new(secret: SecretName, terms: Terms) -> Self {
        Self { secret, terms, versions: VersionRule::Current, max_uses: None, expires_in: None, only_sealed: false }
    }

    /// The same grant for these versions.
    #[must_use]
    pub fn with_versions(self, versions: VersionRule) -> Self {
        Self { versions, ..self }
    }

    /// The same grant for at most so many reveals, signatures and substitutions together.
    #[must_use]
    pub fn with_max_uses(self, uses: NonZeroU32) -> Self {
        Self { max_uses: Some(uses), ..self }
    }

    /// The same grant for so long after the task was admitted.
    #[must_use]
    pub fn with_expiry(self, expires_in: Duration) -> Self {
        Self { expires_in: Some(expires_in), ..self }
    }

    /// The same grant, with the secret as the only credential for where it may be sent: no request goes there without it.
    #[must_use]
    pub fn only_sealed(self) -> Self {
        Self { only_sealed: true, ..self }
    }

    /// Whether nothing goes to the secret's destinations without it.
    pub fn is_only_sealed(&self) -> bool {
        self.only_sealed
    }

    /// The secret's name.
    pub fn secret(&self) -> &SecretName {
        &self.secret
    }

    /// What is granted.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Which versions.
    pub fn versions(&self) -> &VersionRule {
        &self.versions
    }

    /// How many uses; without a limit of its own when none.
    pub fn max_uses(&self) -> Option<NonZeroU32> {
        self.max_uses
    }

    /// How long after admission; to the task's end when none.
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
    fn a_grant_is_a_name_operations_and_a_destination() {
        let grant: Grant = "ci/token:seal,refresh@https://api.github.com/repos".parse().unwrap();
        assert_eq!(grant.secret().as_str(), "ci/token");
        assert!(grant.terms().operations().contains(Operation::Refresh));
        assert_eq!(grant.terms().destinations()[0].as_str(), "https://api.github.com/repos");
        assert_eq!(grant.versions(), &VersionRule::Current);
    }

    #[test]
    fn grants_that_are_refused() {
        let cases = [
            ("", GrantError::Form),
            ("token", GrantError::Form),
            ("*:sign", GrantError::Name(NameError::Character { at: 0 })),
            (":sign", GrantError::Name(NameError::Empty)),
            ("token:", GrantError::Terms(TermsError::NoOperation)),
            ("token:*", GrantError::Operation(OperationError)),
            ("token:sign,", GrantError::Operation(OperationError)),
            ("token:get", GrantError::Operation(OperationError)),
            ("token:seal", GrantError::Terms(TermsError::SealNowhere)),
            ("token:sign@https://a.example", GrantError::Terms(TermsError::DestinationWithoutSeal)),
            ("token:seal@http://a.example", GrantError::Terms(TermsError::PlainHttp)),
            ("token:seal@", GrantError::Destination(DestinationError::Url)),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Grant>(), Err(error), "{text}");
        }
    }
}
