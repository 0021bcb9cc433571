//! The capability language of `far`: what a task may use is `declared ∩ granted ∩ permitted`.
//!
//! The author *declares* what a skill needs, the scheduler *grants* it to one task, and the operator's catalog *permits*
//! it. [`Capability::new`] joins the three once, at admission; [`Capability::check`] is asked before every use.
//!
//! The host, the macros of the SDK and the fake host of its tests share this crate, so that each rule on names, terms,
//! declarations, headers, paths and claims has one implementation.
//!
//! # Invariants
//!
//! - The check is pure: no clock (time is an argument), no I/O, no allocation, one hash look-up whatever the number of
//!   grants. It answers with a [`Decision`]; it does not log, fetch or panic.
//! - Nothing widens: each of the three can only take away.

#![forbid(unsafe_code)]

mod catalog;
mod check;
mod claims;
mod declaration;
mod denial;
mod destination;
mod grant;
mod header;
mod identity;
pub mod name;
mod operation;
mod path;
mod placement;
mod reference;
mod signing;
mod strict;
mod terms;
mod version;

pub use catalog::{Catalog, CatalogEntry, CatalogError, Rotation, Scope, WhenLeaked};
pub use check::{Access, Capability, CapabilityError, Decision, Gap, Permit, Purpose};
pub use claims::{ClaimName, Claims, ClaimsError, Contradiction};
pub use declaration::{Declaration, DeclarationError, DeclaredSecret};
pub use denial::DenyReason;
pub use destination::{Destination, DestinationError, Target, TargetError};
pub use grant::{Grant, GrantError};
pub use header::is_stripped_header;
pub use identity::{AgentId, DigestError, ProviderId, SkillDigest, SkillName, TaskId, ToolName};
pub use name::{NameError, SecretName};
pub use operation::{Operation, OperationError, Operations};
pub use placement::{Placement, PlacementError};
pub use reference::Reference;
pub use signing::{JwtAlgorithm, JwtAlgorithmError, JwtRule, JwtTerms, Signature, Signing, SigningError};
pub use terms::{Terms, TermsError};
pub use version::{Version, VersionError, VersionRule, VersionSelector};
