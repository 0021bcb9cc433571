//! What a component could do, for people who decide whether it may: without compiling or running it.
//!
//! [`Anatomy::read`] takes it apart, [`findings`] says what to look at, [`Policy::excesses`] what a team does not let in
//! without asking, and [`changes`] what a new version could do that the old could not.
//!
//! | finding | severity | what a host does |
//! | --- | --- | --- |
//! | `reveal-with-egress` | high | runs it, if granted: the bytes can go where its requests may go |
//! | `reveal-undeclared` | high | refuses it |
//! | `unknown-import` | high | refuses it |
//! | `no-run-export` | high | refuses it |
//! | `no-declaration` | high | gives it no secret |
//! | `reveal` | medium | gives it the bytes, if granted |
//! | `wildcard-host` | medium | sends the secret to any host below the domain, if granted |
//! | `missing-import` | medium | runs it; what is declared cannot be used |
//! | `hostile-text` | medium | escapes the text wherever it shows it |
//! | `unused-import` | low | runs it; the import is of no use |
//! | `wasi-files`, `wasi-sockets` | low | gives it none; refuses it with strict WASI |
//! | `no-reason`, `long-text` | low | runs it |
//! | `extra-export` | info | never calls it |
//! | `outgoing-http` | info | lets out what the task may send, and nothing else |
//! | `any-path`, `any-method` | info | sends the secret there, if granted |
//! | `optional-secret` | info | runs it without the secret, if it is not granted |
//!
//! # Invariants
//!
//! - Pure: bytes in, values out. Whatever the bytes are, reading them neither panics nor takes more than a few times
//!   their size in memory.
//! - The declaration is read by the one parser, [`read`](crate::read), and an import is known
//!   here if and only if the host knows it: both ask [`is_served`].
//! - Nothing is escaped here: names and texts are the author's.

mod anatomy;
mod change;
mod compare;
mod finding;
mod import;
mod policy;
mod rules;
mod shape;
#[cfg(test)]
mod tests;
mod text;

pub use anatomy::{Anatomy, World, WorldError};
pub use change::{Change, ChangeId, Direction};
pub use compare::changes;
pub use finding::{Finding, FindingId, FindingIdError, Severity, SeverityError};
pub use import::{Import, ImportKind, is_served, served};
pub use policy::{Excess, Policy, SecretPattern};
pub use rules::findings;
pub use shape::{Shape, ShapeExcess};
pub use text::{escapes, is_unseen};
