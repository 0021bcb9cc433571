//! What a skill declares, as [`declaration!`](crate::declaration) reads it.

use crate::secrets::Operation;

/// The secrets that a skill declares.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    #[doc(hidden)]
    pub secrets: &'static [DeclaredSecret],
}

/// One secret that a skill declares.
#[derive(Clone, Copy, Debug)]
pub struct DeclaredSecret {
    #[doc(hidden)]
    pub name: &'static str,
    #[doc(hidden)]
    pub operations: &'static [Operation],
    #[doc(hidden)]
    pub optional: bool,
}
