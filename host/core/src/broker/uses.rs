//! What is done with a handle: each time, capability, task state and record again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::fetch::now;
use super::{AccessError, Handle, SecretError, Session};
use crate::capability::{Permit, Purpose};
use crate::guard::Guard;
use crate::memory::SecretBytes;
use crate::pal::{DestinationLabel, Event, EventKind, Outcome, Reason};

impl Session {
    /// The bytes behind a handle, for the guest that was granted `reveal`.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; a handle whose grant lacks `reveal` is a violation.
    ///
    /// # Security
    ///
    /// The one place from which a value goes to a guest. The caller copies it into the guest's memory and drops it. The
    /// task's redaction has known it since the handle was made.
    pub async fn reveal(&self, handle: &Handle) -> Result<Arc<SecretBytes>, AccessError> {
        self.use_value(handle, Purpose::Reveal, EventKind::SecretRevealed, true).await
    }

    /// The longest message that is signed, in bytes.
    pub const MESSAGE_MAX: usize = 1 << 20;

    /// The HMAC-SHA-256 (RFC 2104) of a message under the secret behind a handle.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; a handle whose grant lacks `sign` is a violation.
    pub async fn sign_hmac_sha256(&self, handle: &Handle, message: &[u8]) -> Result<[u8; 32], AccessError> {
        let fits = message.len() <= Self::MESSAGE_MAX;
        let key = self.use_value(handle, Purpose::Sign, EventKind::SecretSigned, fits).await?;
        // HMAC takes a key of any length; the error cannot happen, and would say that the key is not usable.
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).map_err(|_| SecretError::TooLarge)?;
        mac.update(message);
        Ok(mac.finalize().into_bytes().into())
    }

    pub(super) async fn use_value(
        &self,
        handle: &Handle,
        purpose: Purpose<'_>,
        kind: EventKind,
        fits: bool,
    ) -> Result<Arc<SecretBytes>, AccessError> {
        let started = now();
        let checked = if Guard::EachUse.stands() { purpose } else { Purpose::Get };
        let permit = match self.authorize(handle.name(), &handle.asked_for, checked, started).await {
            Ok(permit) => Ok(permit),
            Err(AccessError::Secret(error)) => Err(error),
            Err(stopped) => return Err(stopped),
        };
        let destination = match (purpose, &permit) {
            (Purpose::Seal(target, _), Ok(permit)) => permit.destination(target).map(DestinationLabel::from),
            _ => None,
        };
        let usable = permit.and_then(|permit| {
            if !fits {
                return Err(SecretError::TooLarge);
            }
            handle.secret.value(started)?;
            // A stand-in is counted where it is replaced.
            if purpose == Purpose::Token { Ok(()) } else { self.count_use(permit) }
        });
        let event = Event {
            operation: purpose.operation(),
            outcome: Some(if usable.is_ok() { Outcome::Completed } else { Outcome::Failed }),
            reason: usable.err().map(|error| Reason::Token(error.kind())),
            destination,
            duration: Some(now().duration_since(started)),
            ..Event::about(kind, &handle.secret)
        };
        self.record(event).await?;
        usable?;
        // Taken now, not before: what went while the record was on its way is not released.
        Ok(handle.secret.value(now()).map_err(SecretError::from)?)
    }

    /// Takes one of the grant's uses, if there is one left.
    fn count_use(&self, permit: &Permit) -> Result<(), SecretError> {
        let Some(most) = permit.max_uses.filter(|_| Guard::MaxUses.stands()) else {
            return Ok(());
        };
        // What cannot be counted is not used.
        let used = self.uses.get(permit.index).ok_or(SecretError::Exhausted)?;
        let one_more = |used: u32| (used < most.get()).then_some(used.saturating_add(1));
        used.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).map(drop).map_err(|_| SecretError::Exhausted)
    }
}
