//! The part that a declaration, a grant and a catalog entry have in common.

use crate::destination::Destination;
use crate::operation::{Operation, Operations};
use crate::placement::Placement;
use crate::signing::Signing;

/// What may be done with a secret, and where it may be sent. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    operations: Operations,
    destinations: Vec<Destination>,
    placements: Vec<Placement>,
    signing: Option<Signing>,
}

/// Why operations and destinations make no sense together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TermsError {
    /// No operation is named; leaving a secret out is how to not grant it.
    #[error("names no operation: name at least one of 'seal', 'sign', 'reveal', 'refresh'")]
    NoOperation,
    /// `seal` without a destination would let the secret go anywhere.
    #[error("has the operation 'seal' without a destination: name where the secret may be sent")]
    SealNowhere,
    /// A destination without `seal` has no effect.
    #[error("has a destination without the operation 'seal': only sealed secrets are sent anywhere")]
    DestinationWithoutSeal,
    /// A placement without `seal` has no effect.
    #[error("has a placement without the operation 'seal': only sealed secrets are put into requests")]
    PlacementWithoutSeal,
    /// A kind of signature without `sign` has no effect.
    #[error("says what is signed without the operation 'sign'")]
    SigningWithoutSign,
    /// A secret that stands nowhere is not sent.
    #[error("names no placement: leave 'placements' out to mean the authorization header")]
    NoPlacement,
    /// A secret is never sent over plain http.
    #[error("has a destination over plain http: a secret is sent over https only")]
    PlainHttp,
}

impl Terms {
    /// Terms of these operations, towards these destinations.
    ///
    /// # Errors
    ///
    /// [`TermsError`] if there is no operation, or destinations and `seal` do not come together, or a destination is
    /// plain http.
    pub fn new(operations: Operations, destinations: Vec<Destination>) -> Result<Self, TermsError> {
        if operations.is_empty() {
            return Err(TermsError::NoOperation);
        }
        match (operations.contains(Operation::Seal), destinations.is_empty()) {
            (true, true) => return Err(TermsError::SealNowhere),
            (false, false) => return Err(TermsError::DestinationWithoutSeal),
            _ => {}
        }
        if !destinations.iter().all(Destination::is_https) {
            return Err(TermsError::PlainHttp);
        }
        let signing = operations.contains(Operation::Sign).then(Signing::default);
        Ok(Self { operations, destinations, placements: vec![Placement::Authorization], signing })
    }

    /// The same terms for this kind of signature, in place of HMAC.
    ///
    /// # Errors
    ///
    /// [`TermsError::SigningWithoutSign`].
    pub fn with_signing(self, signing: Signing) -> Result<Self, TermsError> {
        if !self.operations.contains(Operation::Sign) {
            return Err(TermsError::SigningWithoutSign);
        }
        Ok(Self { signing: Some(signing), ..self })
    }

    /// The same terms with these placements, in place of the `authorization` header.
    ///
    /// # Errors
    ///
    /// [`TermsError::PlacementWithoutSeal`], or [`TermsError::NoPlacement`] for none.
    pub fn with_placements(self, placements: Vec<Placement>) -> Result<Self, TermsError> {
        if !self.operations.contains(Operation::Seal) {
            return Err(TermsError::PlacementWithoutSeal);
        }
        if placements.is_empty() {
            return Err(TermsError::NoPlacement);
        }
        Ok(Self { placements, ..self })
    }

    /// What may be done.
    pub fn operations(&self) -> Operations {
        self.operations
    }

    /// Where in a request the secret may stand.
    pub fn placements(&self) -> &[Placement] {
        &self.placements
    }

    /// What is signed with it; none without `sign`.
    pub fn signing(&self) -> Option<&Signing> {
        self.signing.as_ref()
    }

    /// Where the secret may be sent; empty without `seal`.
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }
}
