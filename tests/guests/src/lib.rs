//! Shared code of the test guests. Each guest is a file in `examples`, with its declaration beside
//! it.
//!
//! The probes run a test's script step by step and return their observations.

mod emit;
mod sandbox;
mod script;
mod tier;

use far_skill::secrets;
use serde::de::IgnoredAny;

pub use sandbox::scan;
pub use script::{Script, run};
pub use tier::{HandlesOnly, Revealing, Tier};

/// Gets the two secrets that the guests `required` and `two-declarations` declare.
pub fn get_both(_: IgnoredAny) -> Result<&'static str, far_skill::Error> {
    secrets::get("alpha")?;
    secrets::get("beta")?;
    Ok("ok")
}
