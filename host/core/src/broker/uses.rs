//! What is done with a handle: each time, capability, task state and record again.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use far_capability::{Access, DenyReason, Operation, Permit, Purpose};
use far_memory::SecretBytes;

use super::{AccessError, Handle, SecretError, Session};
use crate::clock::now;
use crate::pal::{Completion, Event, SecretRef};

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
        self.use_value(handle, Purpose::Reveal, Event::secret_revealed, true).await
    }

    pub(super) async fn use_value(
        &self,
        handle: &Handle,
        purpose: Purpose<'_>,
        event: fn(SecretRef, Completion) -> Event,
        fits: bool,
    ) -> Result<Arc<SecretBytes>, AccessError> {
        let started = now();
        let (secret, version, derived) = (handle.name(), &handle.asked_for, handle.secret.is_derived());
        let permit = match self.authorize(&Access { secret, version, purpose, derived }, started).await {
            Ok(permit) => Ok(permit),
            Err(AccessError::Secret(error)) => Err(error),
            Err(stopped) => return Err(stopped),
        };
        self.ensure_own(handle, purpose.operation()).await?;
        let usable = permit.and_then(|permit| {
            if !fits {
                return Err(SecretError::TooLarge);
            }
            handle.secret.value(started)?;
            // A stand-in is counted where it is replaced.
            if purpose == Purpose::Token { Ok(()) } else { self.count_use(permit) }
        });
        let completion = Completion::new(usable.err().map(|error| error.kind()), now().duration_since(started));
        self.record(event(SecretRef::from(&*handle.secret), completion)).await?;
        usable?;
        // The task may have ended meanwhile.
        self.ensure_unfinished()?;
        // Taken now, not before: what went while the record was on its way is not released.
        Ok(handle.secret.value(now()).map_err(SecretError::from)?)
    }

    /// Makes a violation of the use of a handle that another session gave.
    pub(super) async fn ensure_own(&self, handle: &Handle, operation: Option<Operation>) -> Result<(), AccessError> {
        if handle.is_of(&self.subject) {
            return Ok(());
        }
        // Whatever the own grants say: the value may be another task's own, and this task's redaction does not know it.
        Err(self.violate(self.label(handle.name()), operation, DenyReason::ForeignToken).await)
    }

    /// Takes one of the grant's uses, if there is one left.
    fn count_use(&self, permit: &Permit) -> Result<(), SecretError> {
        permit.max_uses.map_or(Ok(()), |most| self.take_use(permit.index, most))
    }

    /// Takes one of at most `most` uses of the permit at `index`.
    pub(super) fn take_use(&self, index: usize, most: NonZeroU32) -> Result<(), SecretError> {
        // What cannot be counted is not used.
        let used = self.uses.get(index).ok_or(SecretError::Exhausted)?;
        let one_more = |used: u32| (used < most.get()).then_some(used.saturating_add(1));
        used.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).map(drop).map_err(|_| SecretError::Exhausted)
    }
}
