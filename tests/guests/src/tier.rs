//! Whether a probe can take the bytes of a secret.
//!
//! The choice is a type parameter, so that the import `reveal` is linked into the probe that makes it and no other. A
//! trait object would keep it in both.

use far_skill::reveal::{self, Revealed};
use far_skill::secrets::{Error, Secret};

pub trait Tier {
    /// None where the component has no such import.
    fn reveal(secret: &Secret) -> Option<Result<Revealed, Error>>;
}

/// Sees no bytes.
pub struct HandlesOnly;

impl Tier for HandlesOnly {
    fn reveal(_: &Secret) -> Option<Result<Revealed, Error>> {
        None
    }
}

/// Takes the bytes.
pub struct Revealing;

impl Tier for Revealing {
    fn reveal(secret: &Secret) -> Option<Result<Revealed, Error>> {
        Some(reveal::reveal(secret))
    }
}
