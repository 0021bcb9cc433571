//! The fake host: what a test plans, the rules by which a run is answered, and how it ends.

pub(crate) mod current;
mod denial;
mod ended;
mod headers;
mod host;
mod placed;
mod plan;
mod run;
mod scope;
mod sending;
mod sent;
mod signing;
#[cfg(test)]
mod tests;
mod uses;

pub use denial::{Denial, Reason};
pub use ended::Ended;
pub use host::Host;
pub(crate) use run::Held;
pub use sent::Sent;
pub use uses::Use;

use super::{Algorithm, Declaration, DeclaredSecret, Jwt};
