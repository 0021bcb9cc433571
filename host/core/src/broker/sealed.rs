//! Stand-ins: what a guest puts into a request, and the host replaces by a secret as the request leaves.

use std::collections::HashMap;
use std::sync::Arc;

use far_capability::{Purpose, SecretName, TaskId, VersionSelector};
use parking_lot::Mutex;

use super::{AccessError, Handle, SecretError, Session, StandIn};
use crate::pal::Event;
use crate::secret::{Presence, Secret};

/// What every live stand-in of an agent stands for.
#[derive(Default)]
pub(super) struct StandIns(Mutex<HashMap<StandIn, Sealed>>);

#[derive(Clone)]
pub(super) struct Sealed {
    pub(super) task: TaskId,
    pub(super) secret: Arc<Secret>,
    pub(super) asked_for: VersionSelector,
}

impl StandIns {
    pub(super) fn get(&self, stand_in: &StandIn) -> Option<Sealed> {
        self.0.lock().get(stand_in).cloned()
    }

    /// Forgets what was made for a task.
    pub(super) fn end(&self, made: &[StandIn]) {
        let mut all = self.0.lock();
        made.iter().for_each(|stand_in| drop(all.remove(stand_in)));
    }
}

/// How many stand-ins a task may have: as many as it may hold handles, and they stay when those are dropped.
const STAND_INS_MAX: usize = 1024;

impl Session {
    /// A stand-in for the secret behind a handle: always the same one for one handle.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; a handle whose grant lacks `seal` is a violation. [`SecretError::Exhausted`] for more than 1,024 in one
    /// task.
    pub async fn seal(&self, handle: &Handle) -> Result<StandIn, AccessError> {
        self.use_value(handle, Purpose::Token, Event::secret_sealed, true).await?;
        if let Some(stand_in) = handle.stand_in.get() {
            return Ok(stand_in.clone());
        }
        let made = StandIn::random().map_err(|_| SecretError::Unavailable { retry_after: None })?;
        let mut own = self.stand_ins.lock();
        // Under the lock: the end of the task takes it afterwards, and then ends what is made here.
        self.ensure_unfinished()?;
        if own.len() >= STAND_INS_MAX {
            return Err(SecretError::Exhausted.into());
        }
        let stand_in = handle.stand_in.get_or_init(|| made).clone();
        own.push(stand_in.clone());
        let sealed = Sealed {
            task: self.context().task_id.clone(),
            secret: handle.secret.clone(),
            asked_for: handle.asked_for.clone(),
        };
        self.broker.stand_ins.0.lock().insert(stand_in.clone(), sealed);
        Ok(stand_in)
    }

    /// The name of what a stand-in stands for, if it is of this task.
    pub(super) fn stands_for(&self, stand_in: &StandIn) -> Option<SecretName> {
        let all = self.broker.stand_ins.0.lock();
        all.get(stand_in)
            .filter(|sealed| sealed.task == self.context().task_id)
            .map(|sealed| sealed.secret.name().clone())
    }

    /// Whether the value that a stand-in of this task's stands for is there; none if it stands for nothing. For whoever keeps something
    /// only for as long as there is the value that it was made with.
    pub fn presence(&self, stand_in: &StandIn) -> Option<Presence> {
        let all = self.broker.stand_ins.0.lock();
        let sealed = all.get(stand_in).filter(|sealed| sealed.task == self.context().task_id)?;
        Some(sealed.secret.presence())
    }
}
