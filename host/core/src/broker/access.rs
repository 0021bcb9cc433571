//! Uses of a handle. Each use repeats the capability check, the task state and the record.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use far_capability::{Access, DenyReason, Operation, Permit, Purpose};
use far_memory::SecretBytes;

use super::{AccessError, Handle, SecretError, Session};
use crate::clock::now;
use crate::pal::{Completion, Event, SecretRef};

impl Session {
    /// Returns the bytes behind a handle, for a guest that was granted `reveal`.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; a handle whose grant lacks `reveal` is a violation.
    ///
    /// # Security
    ///
    /// No other function releases a value to a guest. The caller copies it into the guest's memory
    /// and drops it. The task's redaction learned the value before the handle was made.
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
        let (secret, version, derived) = (handle.name(), &handle.requested, handle.secret.is_derived());
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
            // The use of a placeholder is counted when the request replaces it.
            if purpose == Purpose::Placeholder { Ok(()) } else { self.count_use(permit) }
        });
        let completion = Completion::new(usable.err().map(|error| error.kind()), now().duration_since(started));
        self.record(event(SecretRef::from(&*handle.secret), completion)).await?;
        usable?;
        // The task may have ended meanwhile.
        self.ensure_unfinished()?;
        // Read after the record: a value that was wiped meanwhile is not released.
        Ok(handle.secret.value(now()).map_err(SecretError::from)?)
    }

    /// Reports a handle of another session as a violation.
    pub(super) async fn ensure_own(&self, handle: &Handle, operation: Option<Operation>) -> Result<(), AccessError> {
        if handle.is_of(&self.subject) {
            return Ok(());
        }
        // Regardless of the grants: the value may belong to another task, and redaction misses it.
        Err(self.record_violation(self.label(handle.name()), operation, DenyReason::ForeignToken).await)
    }

    /// Takes one of the grant's uses, if one is left.
    fn count_use(&self, permit: &Permit) -> Result<(), SecretError> {
        permit.max_uses.map_or(Ok(()), |max| self.take_use(permit.index, max))
    }

    /// Takes one of at most `max` uses of the permit at `index`.
    pub(super) fn take_use(&self, index: usize, max: NonZeroU32) -> Result<(), SecretError> {
        // A use that cannot be counted is refused.
        let used = self.uses.get(index).ok_or(SecretError::Exhausted)?;
        let one_more = |used: u32| (used < max.get()).then_some(used.saturating_add(1));
        used.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).map(drop).map_err(|_| SecretError::Exhausted)
    }
}
