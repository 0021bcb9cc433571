//! Placeholders that a guest puts into a request, and that the host replaces with a secret.

use std::collections::HashMap;
use std::sync::Arc;

use far_capability::{Purpose, SecretName, TaskId, VersionSelector};
use parking_lot::Mutex;

use super::{AccessError, Handle, Placeholder, SecretError, Session};
use crate::pal::Event;
use crate::secret::{Secret, WipeSignal};

/// The live placeholders of an agent, with their secrets.
#[derive(Default)]
pub(super) struct Placeholders(Mutex<HashMap<Placeholder, PlaceholderEntry>>);

#[derive(Clone)]
pub(super) struct PlaceholderEntry {
    pub(super) task: TaskId,
    pub(super) secret: Arc<Secret>,
    pub(super) requested: VersionSelector,
}

impl Placeholders {
    pub(super) fn get(&self, placeholder: &Placeholder) -> Option<PlaceholderEntry> {
        self.0.lock().get(placeholder).cloned()
    }

    pub(super) fn remove(&self, placeholders: &[Placeholder]) {
        let mut all = self.0.lock();
        placeholders.iter().for_each(|placeholder| drop(all.remove(placeholder)));
    }
}

/// The maximum number of placeholders of a task. Dropping a handle does not free its placeholder.
const PLACEHOLDERS_MAX: usize = 1024;

impl Session {
    /// Returns the placeholder for the secret behind a handle: always the same one for one handle.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; a handle whose grant lacks `seal` is a violation.
    /// [`SecretError::Exhausted`] for more than 1,024 placeholders in one task.
    pub async fn seal(&self, handle: &Handle) -> Result<Placeholder, AccessError> {
        self.use_value(handle, Purpose::Placeholder, Event::secret_sealed, true).await?;
        if let Some(placeholder) = handle.placeholder.get() {
            return Ok(placeholder.clone());
        }
        let new = Placeholder::random().map_err(|_| SecretError::Unavailable { retry_after: None })?;
        let mut own = self.placeholders.lock();
        // Checked under the lock: the end of the task removes placeholders under the same lock.
        self.ensure_unfinished()?;
        if own.len() >= PLACEHOLDERS_MAX {
            return Err(SecretError::Exhausted.into());
        }
        let placeholder = handle.placeholder.get_or_init(|| new).clone();
        own.push(placeholder.clone());
        let sealed = PlaceholderEntry {
            task: self.context().task_id.clone(),
            secret: handle.secret.clone(),
            requested: handle.requested.clone(),
        };
        self.broker.placeholders.0.lock().insert(placeholder.clone(), sealed);
        Ok(placeholder)
    }

    /// Returns the name of the secret behind a placeholder of this task.
    pub(super) fn placeholder_secret(&self, placeholder: &Placeholder) -> Option<SecretName> {
        let all = self.broker.placeholders.0.lock();
        all.get(placeholder)
            .filter(|sealed| sealed.task == self.context().task_id)
            .map(|sealed| sealed.secret.name().clone())
    }

    /// Returns a signal for the wiping of the value behind a placeholder of this task. Callers that
    /// cache state derived from the value drop it then.
    pub fn wipe_signal(&self, placeholder: &Placeholder) -> Option<WipeSignal> {
        let all = self.broker.placeholders.0.lock();
        let sealed = all.get(placeholder).filter(|sealed| sealed.task == self.context().task_id)?;
        Some(sealed.secret.wipe_signal())
    }
}
