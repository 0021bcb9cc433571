//! The last steps to a handle, and the leak policy for the task's output.

use std::sync::Arc;
use std::time::Instant;

use far_capability::{DenyReason, LeakPolicy, SecretName, VersionSelector};

use super::{AccessError, Handle, RepeatRecording, SecretError, Session, Stop};
use crate::clock::now;
use crate::pal::{CacheState, Completion, Event, SecretLabel};
use crate::redaction::LearnError;
use crate::secret::Secret;

impl Session {
    /// Steps 5 and 6: the record, then the handle. The task's redaction learns the value before
    /// both: even a skill with only a handle may know the value, from its input or from a server.
    pub(super) async fn inject(
        &self,
        secret: Arc<Secret>,
        requested: VersionSelector,
        when_leaked: LeakPolicy,
        cache: CacheState,
        started: Instant,
    ) -> Result<Handle, AccessError> {
        if cache == CacheState::Hit && self.repeats.count(&secret) {
            return Ok(Handle::new(&self.subject, secret, requested));
        }
        let learned = self.learn(&secret, when_leaked);
        let completion = Completion::new(learned.err().map(|error| error.kind()), now().duration_since(started));
        self.record(Event::secret_injected(&*secret, completion, cache)).await?;
        learned.map_err(SecretError::from)?;
        if self.broker.settings.repeats == RepeatRecording::Counted {
            self.repeats.register(&secret);
        }
        Ok(Handle::new(&self.subject, secret, requested))
    }

    fn learn(&self, secret: &Secret, when_leaked: LeakPolicy) -> Result<(), LearnError> {
        if when_leaked == LeakPolicy::Ignore {
            return Ok(());
        }
        // Wiped bytes cannot reach the task. Expired bytes can, by stale-if-error.
        let Ok(value) = secret.bytes() else { return Ok(()) };
        self.redaction.learn(secret.name(), value.expose())
    }

    /// Reports a violation for each secret that was found in the output, if the operator's policy
    /// is to fail the task. Call this after redaction, before the task ends; it sets
    /// [`stop_reason`](Self::stop_reason).
    pub async fn enforce_leak_policy(&self) {
        // A log that failed the task gets no second wait.
        if matches!(self.stop_reason(), Some(Stop::Audit(_))) {
            return;
        }
        for (name, _) in self.redaction.matches() {
            if self.fails_when_leaked(&name) {
                let _ = self.record_violation(SecretLabel::Listed(name), None, DenyReason::Leaked).await;
            }
        }
    }

    fn fails_when_leaked(&self, name: &SecretName) -> bool {
        let mut permits = self.context.capability.permits();
        permits.any(|(permitted, permit)| permitted == name && permit.when_leaked == LeakPolicy::Fail)
    }
}
