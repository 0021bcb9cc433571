//! The bytes of a secret, copied into the skill's own memory.
//!
//! A skill that calls this imports the interface `reveal`, which every reviewer of the component sees. Prefer
//! [`signing`](crate::signing), which needs no copy.

use zeroize::Zeroizing;

use crate::host::reveal as wit;
use crate::secrets::{Error, Secret};

/// Returns the exact bytes of a secret, which may be empty and need not be text.
///
/// # Errors
///
/// [`Error::Expired`] or [`Error::Revoked`] when the value ended while the handle was held, [`Error::Exhausted`] when
/// the grant's uses are used up. A grant without [`Operation::Reveal`](crate::secrets::Operation::Reveal) ends the task.
///
/// # Security
///
/// From here on the value is the skill's to protect. What is derived from it or copied out of it must be wiped too.
pub fn reveal(secret: &Secret) -> Result<Revealed, Error> {
    wit::reveal(secret.handle()).map(Revealed::from_bytes).map_err(Error::from)
}

/// The bytes of a secret, wiped when they are dropped.
///
/// It can be neither shown, copied, compared nor serialised by accident: [`expose`](Self::expose) is the one way to
/// the bytes, so that a search for it finds every use.
pub struct Revealed(Zeroizing<Vec<u8>>);

impl Revealed {
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

    /// Compiles only while the type implements none of the traits: with one more implementation of `Probe` the call is
    /// ambiguous.
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
    fn bytes_leave_through_expose_alone() {
        assert_implements_none!(
            Revealed: std::fmt::Debug, std::fmt::Display, Clone, PartialEq, std::ops::Deref, serde::Serialize,
            AsRef<[u8]>, std::borrow::Borrow<[u8]>, Into<Vec<u8>>,
        );
        assert_eq!(Revealed::from_bytes(b"canary".to_vec()).expose(), b"canary");
    }
}
