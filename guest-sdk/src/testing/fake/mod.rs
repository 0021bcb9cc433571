//! The fake host: its configuration, its rules, and the record of a run.

pub(crate) mod current;
mod denial;
mod headers;
mod host;
mod placement;
mod plan;
mod run;
mod run_error;
mod scope;
mod sending;
mod sent_request;
mod signing;
#[cfg(test)]
mod tests;
mod uses;

pub use denial::{Denial, Reason};
pub use host::Host;
pub(crate) use run::HandleId;
pub use run_error::RunError;
pub use sent_request::SentRequest;
pub use uses::Use;

use super::{Algorithm, Declaration, DeclaredSecret, Jwt};
