//! Copies of secrets in the skill's own memory.
//!
//! A skill that calls [`reveal`] imports the interface `reveal`, which every reviewer of the
//! component sees. Prefer [`signing`](crate::signing) or [`sealed`](crate::sealed), which need no
//! copy.

use zeroize::Zeroizing;

use crate::host::reveal as wit;
use crate::secrets::{Error, Secret};

/// Returns the bytes of a secret. They may be empty, and need not be UTF-8.
///
/// # Errors
///
/// - [`Error::Expired`] or [`Error::Revoked`] if the value ended while the skill held the handle.
/// - [`Error::Exhausted`] if the grant's uses are exhausted.
///
/// A grant without [`Operation::Reveal`](crate::secrets::Operation::Reveal) ends the task.
///
/// # Security
///
/// The skill must protect the value and wipe everything copied or derived from it.
pub fn reveal(secret: &Secret) -> Result<RevealedSecret, Error> {
    wit::reveal(secret.handle()).map(RevealedSecret::from_bytes).map_err(Error::from)
}

/// The bytes of a secret, wiped on drop.
///
/// The type implements no trait that shows, copies, compares or serializes the bytes.
/// [`expose`](Self::expose) is the only access to them, so a search for it finds every use.
pub struct RevealedSecret(Zeroizing<Vec<u8>>);

impl RevealedSecret {
    /// Borrows the bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles only if the type implements none of the traits: another implementation of `Probe`
    /// would make the call ambiguous.
    macro_rules! assert_implements_none {
        ($type:ty: $($bound:path),+ $(,)?) => {$({
            trait Probe<A> {
                fn probe() {}
            }
            struct Bounded;
            impl<T: ?Sized> Probe<()> for T {}
            impl<T: ?Sized + $bound> Probe<Bounded> for T {}
            <$type as Probe<_>>::probe();
        })+};
    }

    #[test]
    fn bytes_leave_only_through_expose() {
        assert_implements_none!(
            RevealedSecret: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, std::ops::Deref, serde::Serialize,
            AsRef<[u8]>, std::borrow::Borrow<[u8]>, Into<Vec<u8>>,
        );
        assert_eq!(RevealedSecret::from_bytes(b"canary".to_vec()).expose(), b"canary");
    }
}
