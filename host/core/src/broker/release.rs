//! What a task is given, and what then must not leave it: the last step to a handle, and the look at what came out.

use std::sync::Arc;
use std::time::Instant;

use far_capability::{DenyReason, SecretName, VersionSelector, WhenLeaked};

use super::{AccessError, Handle, Repeats, SecretError, Session, Stop};
use crate::clock::now;
use crate::pal::{CacheState, Completion, Event, SecretLabel};
use crate::redaction::LearnError;
use crate::secret::Secret;

impl Session {
    /// Steps 5 and 6: the record, then the handle. Before both, the task's redaction learns the value: a skill that holds
    /// no more than a handle may know the value all the same, from its input or from whoever it talks to.
    pub(super) async fn inject(
        &self,
        secret: Arc<Secret>,
        asked_for: VersionSelector,
        when_leaked: WhenLeaked,
        cache: CacheState,
        started: Instant,
    ) -> Result<Handle, AccessError> {
        if cache == CacheState::Hit && self.repeats.count(&secret) {
            return Ok(Handle::new(&self.subject, secret, asked_for));
        }
        let learned = self.learn(&secret, when_leaked);
        let completion = Completion::new(learned.err().map(|error| error.kind()), now().duration_since(started));
        self.record(Event::secret_injected(&*secret, completion, cache)).await?;
        learned.map_err(SecretError::from)?;
        if self.broker.settings.repeats == Repeats::Counted {
            self.repeats.recorded(&secret);
        }
        Ok(Handle::new(&self.subject, secret, asked_for))
    }

    fn learn(&self, secret: &Secret, when_leaked: WhenLeaked) -> Result<(), LearnError> {
        if when_leaked == WhenLeaked::Ignore {
            return Ok(());
        }
        // What has gone already, no handle gives; what is only out of its time may come back.
        let Ok(value) = secret.bytes() else { return Ok(()) };
        self.redaction.learn(secret.name(), value.expose())
    }

    /// Looks at what was found in all that left the task, and makes it a violation where the operator wants none of it to
    /// succeed. To be called when everything was redacted, and before the task ends; [`stopped`](Self::stopped) then tells.
    pub async fn judge_finds(&self) {
        // The log that failed the task is not waited for a second time.
        if matches!(self.stopped(), Some(Stop::Audit(_))) {
            return;
        }
        for (name, _) in self.redaction.finds() {
            if self.fails_when_leaked(&name) {
                let _ = self.violate(SecretLabel::Listed(name), None, DenyReason::Leaked).await;
            }
        }
    }

    fn fails_when_leaked(&self, name: &SecretName) -> bool {
        let mut permits = self.context.capability.permits();
        permits.any(|(permitted, permit)| permitted == name && permit.when_leaked == WhenLeaked::Fail)
    }
}
