//! The fake host: what a test plans, the rules by which a run is answered, and how it ends.

pub(crate) mod current;
mod ended;
mod host;
mod plan;
mod run;
mod sent;
#[cfg(test)]
mod tests;
mod uses;

pub use ended::{Denial, Ended, Reason};
pub use host::Host;
pub(crate) use run::Held;
pub use sent::Sent;
pub use uses::Use;

use super::{Declaration, DeclaredSecret};
