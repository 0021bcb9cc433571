//! What a task may use: `declared ∩ granted ∩ permitted`.
//!
//! The author *declares* what a skill needs, the scheduler *grants* it to one task, and the operator's catalog *permits*
//! it. [`Capability::new`] joins the three once, at admission; [`Capability::check`] is asked before every use.
//!
//! # Invariants
//!
//! - The check is pure: no clock (time is an argument), no I/O, no allocation, one hash look-up whatever the number of
//!   grants. It answers with a [`Decision`]; it does not log, fetch or panic.
//! - Nothing widens: each of the three can only take away.

mod catalog;
mod check;
mod denial;
mod destination;
mod grant;
mod header;
#[cfg(far_mutate)]
mod mutation;
mod operation;
mod path;
mod placement;
mod signing;
mod terms;

pub use catalog::{Catalog, CatalogEntry, CatalogError, Rotation, Scope, WhenLeaked};
pub use check::{Access, Capability, CapabilityError, Decision, Gap, Permit, Purpose};
pub use denial::DenyReason;
pub use destination::{Destination, DestinationError, Target, TargetError};
pub use grant::{Grant, GrantError};
pub use header::is_stripped_header;
pub use operation::{Operation, OperationError, Operations};
pub use placement::{Placement, PlacementError};
pub use signing::{JwtAlgorithm, JwtAlgorithmError, JwtRule, JwtTerms, Signature, Signing, SigningError};
pub use terms::{Terms, TermsError};
