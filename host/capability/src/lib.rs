//! The capability language of `far`. A task may use the secrets in `declared ∩ granted ∩
//! permitted`.
//!
//! The author *declares* the secrets of a skill, the scheduler *grants* them to one task, and the
//! operator's catalog *permits* them. [`Capability::new`] joins the three once, at admission.
//! [`Capability::check`] decides about every use.
//!
//! The host, the macros of the SDK and the fake host of its tests share this crate, so that each
//! rule has one implementation.
//!
//! # Invariants
//!
//! - The check is pure: no clock (time is an argument), no I/O, no allocation, and one hash look-up
//!   for any number of grants. It returns a [`Decision`], and does not log, fetch or panic.
//! - Each of declaration, grant and catalog only restricts.

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
mod token;
mod version;

pub use catalog::{Catalog, CatalogEntry, CatalogError, LeakPolicy, Rotation, Scope};
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
