//! The fake host: what a test plans, the rules by which a run is answered, and how it ends.

mod claims;
pub(crate) mod current;
mod denial;
mod destination;
mod ended;
mod headers;
mod host;
mod path;
mod placed;
mod plan;
mod run;
mod sending;
mod sent;
mod signing;
mod stripped;
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
