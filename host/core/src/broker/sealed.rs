//! Stand-ins: what a guest puts into a request, and the host replaces by a secret as the request leaves.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use far_capability::{Purpose, SecretName, TaskId, VersionSelector};
use parking_lot::Mutex;

use super::{AccessError, Handle, SecretError, Session};
use crate::pal::Event;
use crate::secret::{Presence, Secret};

/// What stands for a secret in a guest's request: `farsealed` and 40 hexadecimal digits, of 160 random bits.
///
/// Any HTTP client takes it for a token. It says nothing of the secret, and is worth nothing but to the host, in a request of
/// the task that it was made for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StandIn([u8; Self::LEN]);

const PREFIX: &[u8] = b"farsealed";
const RANDOM: usize = 20;

impl StandIn {
    /// Its length in bytes, whatever it stands for.
    pub const LEN: usize = PREFIX.len() + 2 * RANDOM;

    fn random() -> Result<Self, getrandom::Error> {
        let mut random = [0; RANDOM];
        getrandom::fill(&mut random)?;
        let digits = hex::encode(random);
        let mut text = [0; Self::LEN];
        text.iter_mut().zip(PREFIX.iter().chain(digits.as_bytes())).for_each(|(to, from)| *to = *from);
        Ok(Self(text))
    }

    /// It, as text.
    pub fn as_str(&self) -> &str {
        // Made of letters and digits alone.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Where in a text there is what looks like one, and what it is. It need not stand for anything.
    pub fn find_all(text: &[u8]) -> impl Iterator<Item = (Range<usize>, Self)> + '_ {
        let starts = text.windows(PREFIX.len()).enumerate().filter(|(_, window)| *window == PREFIX);
        starts.filter_map(|(start, _)| {
            let found = text.get(start..)?.first_chunk::<{ Self::LEN }>()?;
            let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let digits = found.get(PREFIX.len()..)?;
            digits.iter().all(is_digit).then(|| (start..start + Self::LEN, Self(*found)))
        })
    }
}

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StandIn")
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_is_found_wherever_it_is_and_is_always_of_one_length() {
        let (one, other) = (StandIn::random().unwrap(), StandIn::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), StandIn::LEN);
        assert!(one.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let text = format!("farsealed{}{}", one.as_str(), other.as_str());
        let found: Vec<_> = StandIn::find_all(text.as_bytes()).collect();
        assert_eq!(found, [(9..58, one.clone()), (58..107, other)]);
        for text in [&one.as_str()[..48], &one.as_str().to_uppercase(), "farsealed", ""] {
            assert_eq!(StandIn::find_all(text.as_bytes()).count(), 0, "{text}");
        }
        assert_eq!(format!("{one:?}"), "StandIn");
    }
}
