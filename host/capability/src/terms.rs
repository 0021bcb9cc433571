//! The common part of declarations, grants and catalog entries.

use crate::destination::Destination;
use crate::operation::{Operation, Operations};
use crate::placement::Placement;
use crate::signing::Signing;

/// The operations and destinations of a secret. There is at least one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    operations: Operations,
    destinations: Vec<Destination>,
    placements: Vec<Placement>,
    signing: Option<Signing>,
}

/// An error that terms are inconsistent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TermsError {
    /// The terms have no operation.
    #[error("names no operation: name at least one of 'seal', 'sign', 'reveal', 'refresh'")]
    NoOperation,
    /// The operation `seal` requires a destination.
    #[error("has the operation 'seal' without a destination: name where the secret may be sent")]
    SealWithoutDestination,
    /// A destination requires the operation `seal`.
    #[error("has a destination without the operation 'seal': only sealed secrets are sent anywhere")]
    DestinationWithoutSeal,
    /// A placement requires the operation `seal`.
    #[error("has a placement without the operation 'seal': only sealed secrets are put into requests")]
    PlacementWithoutSeal,
    /// A kind of signature requires the operation `sign`.
    #[error("has a kind of signature without the operation 'sign'")]
    SigningWithoutSign,
    /// The list of placements is empty.
    #[error("names no placement: leave 'placements' out to mean the authorization header")]
    NoPlacement,
    /// A destination has the scheme `http`.
    #[error("has a destination over plain http: a secret is sent over https only")]
    PlainHttp,
}

impl Terms {
    /// Creates terms with the placement `authorization`, and with HMAC for `sign`.
    ///
    /// # Errors
    ///
    /// [`TermsError`] if there is no operation, if only one of `seal` and destinations is present,
    /// or if a destination is plain http.
    pub fn new(operations: Operations, destinations: Vec<Destination>) -> Result<Self, TermsError> {
        if operations.is_empty() {
            return Err(TermsError::NoOperation);
        }
        match (operations.contains(Operation::Seal), destinations.is_empty()) {
            (true, true) => return Err(TermsError::SealWithoutDestination),
            (false, false) => return Err(TermsError::DestinationWithoutSeal),
            _ => {}
        }
        if !destinations.iter().all(Destination::is_https) {
            return Err(TermsError::PlainHttp);
        }
        let signing = operations.contains(Operation::Sign).then(Signing::default);
        Ok(Self { operations, destinations, placements: vec![Placement::Authorization], signing })
    }

    /// Sets the kind of signature.
    ///
    /// # Errors
    ///
    /// [`TermsError::SigningWithoutSign`] without the operation `sign`.
    pub fn with_signing(self, signing: Signing) -> Result<Self, TermsError> {
        if !self.operations.contains(Operation::Sign) {
            return Err(TermsError::SigningWithoutSign);
        }
        Ok(Self { signing: Some(signing), ..self })
    }

    /// Sets the placements.
    ///
    /// # Errors
    ///
    /// [`TermsError::PlacementWithoutSeal`] without the operation `seal`,
    /// [`TermsError::NoPlacement`] for an empty list.
    pub fn with_placements(self, placements: Vec<Placement>) -> Result<Self, TermsError> {
        if !self.operations.contains(Operation::Seal) {
            return Err(TermsError::PlacementWithoutSeal);
        }
        if placements.is_empty() {
            return Err(TermsError::NoPlacement);
        }
        Ok(Self { placements, ..self })
    }

    /// Returns the operations.
    pub fn operations(&self) -> Operations {
        self.operations
    }

    /// Returns the placements.
    pub fn placements(&self) -> &[Placement] {
        &self.placements
    }

    /// Returns the kind of signature; `None` without `sign`.
    pub fn signing(&self) -> Option<&Signing> {
        self.signing.as_ref()
    }

    /// Returns the destinations; empty without `seal`.
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }
}
