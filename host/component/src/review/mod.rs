//! A review of the capabilities of a component, without compiling or running it.
//!
//! - [`ComponentSummary::read`] parses the component.
//! - [`findings`] lists unusual properties.
//! - [`Policy::violations`] compares the component with the policy of a team.
//! - [`changes`] compares two versions.
//!
//! | finding | severity | reaction of the host |
//! | --- | --- | --- |
//! | `reveal-with-egress` | high | runs it, if granted: the bytes can go to every destination of its requests |
//! | `reveal-undeclared` | high | refuses it |
//! | `unknown-import` | high | refuses it |
//! | `no-run-export` | high | refuses it |
//! | `no-declaration` | high | gives it no secret |
//! | `reveal` | medium | gives it the bytes, if granted |
//! | `wildcard-host` | medium | sends the secret there, if granted |
//! | `missing-import` | medium | runs it; the skill cannot use the operation |
//! | `hostile-text` | medium | escapes the text wherever it shows it |
//! | `unused-import` | low | runs it; the import has no use |
//! | `wasi-files`, `wasi-sockets` | low | gives it neither; with strict WASI, refuses it |
//! | `no-reason`, `long-text` | low | runs it |
//! | `extra-export` | info | never calls it |
//! | `outgoing-http` | info | authorizes only requests that the task may send |
//! | `any-path`, `any-method` | info | sends the secret there, if granted |
//! | `optional-secret` | info | runs it without the secret, if it is not granted |
//!
//! # Invariants
//!
//! - Pure: bytes in, values out. Reading never panics, and needs memory of at most a few times the
//!   size of the component.
//! - The review and the host share one parser of declarations, [`read`](crate::read), and one list
//!   of imports, [`is_served`].
//! - Nothing is escaped here: names and strings are untrusted.

mod change;
mod compare;
mod finding;
mod import;
mod policy;
mod rules;
mod shape;
mod summary;
#[cfg(test)]
mod tests;
mod text;

pub use change::{Change, ChangeId, Direction};
pub use compare::changes;
pub use finding::{Finding, FindingId, FindingIdError, Severity, SeverityError};
pub use import::{Import, ImportKind, is_served, served_interfaces};
pub use policy::{Policy, PolicyViolation, SecretPattern};
pub use rules::findings;
pub use shape::{Shape, ShapeViolation};
pub use summary::{ComponentSummary, World, WorldError};
pub use text::{escapes, is_invisible};
