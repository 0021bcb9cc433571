//! The two kinds of probes: with and without the import `reveal`.
//!
//! The choice is a type parameter, so that only one probe links the import `reveal`. A trait object
//! would link it into both.

use far_skill::reveal::{self, RevealedSecret};
use far_skill::secrets::{Error, Secret};

pub trait Tier {
    /// Reveals a secret, or returns `None` if the component does not import `reveal`.
    fn reveal(secret: &Secret) -> Option<Result<RevealedSecret, Error>>;
}

/// Cannot reveal secrets.
pub struct HandlesOnly;

impl Tier for HandlesOnly {
    fn reveal(_: &Secret) -> Option<Result<RevealedSecret, Error>> {
        None
    }
}

/// Can reveal secrets.
pub struct Revealing;

impl Tier for Revealing {
    fn reveal(secret: &Secret) -> Option<Result<RevealedSecret, Error>> {
        Some(reveal::reveal(secret))
    }
}
