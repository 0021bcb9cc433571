//! Fetched secrets by scope subject, and the flights that fetch them.
//!
//! A library's cache is not used: they evict late and by their own leave, and here the moment at which an entry goes is
//! the promise.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::task::AbortHandle;

use crate::guard::Guard;
use crate::identity::{ProviderId, SkillDigest, TaskId, ToolName};
use crate::memory::OverQuota;
use crate::name::SecretName;
use crate::pal::AuditUnavailable;
use crate::provider::{Holder, ProviderError, Reference};
use crate::secret::{Gone, Secret};
use crate::version::VersionSelector;

/// Who shares an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ScopeSubject {
    Task(TaskId),
    Skill(SkillDigest),
    Tool(ToolName),
    Agent,
}

/// What an entry is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) name: SecretName,
    pub(super) version: VersionSelector,
    pub(super) provider: ProviderId,
    pub(super) reference: Reference,
}

/// Why a flight brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FetchError {
    Provider(ProviderError),
    /// The task that it was for has used up its locked memory.
    OverQuota(OverQuota),
    /// The provider's answer could not be recorded: none of those who wait for it may have it.
    Audit(AuditUnavailable),
}

impl FetchError {
    /// The error's token in events.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Provider(error) => error.kind(),
            Self::OverQuota(_) => "over-quota",
            Self::Audit(_) => "audit-unavailable",
        }
    }
}

/// A fetch that all who ask at once wait for. It runs in a task of its own: a waiter that goes away does not end it.
pub(super) type Flight = Shared<BoxFuture<'static, Result<Arc<Secret>, FetchError>>>;

#[derive(Default)]
pub(super) struct Cache {
    subjects: Mutex<HashMap<ScopeSubject, Entries>>,
}

/// What one subject has.
#[derive(Default)]
struct Entries {
    slots: HashMap<Key, Slot>,
    /// Whom backends make secrets for, once one was asked.
    holder: Option<Holder>,
    /// Which ones were.
    asked: HashSet<ProviderId>,
}

/// What a subject had, when it ends.
#[derive(Default)]
pub(super) struct Closed {
    /// The fetches that were under way: told to stop, and not stopped yet.
    pub(super) flights: Vec<Flight>,
    /// Those that had a value.
    pub(super) wiped: Vec<Arc<Secret>>,
    pub(super) holder: Option<Holder>,
    pub(super) asked: HashSet<ProviderId>,
}

#[derive(Default)]
struct Slot {
    ready: Option<Ready>,
    /// What `ready` took the place of, as far as handles keep it: it ends with the subject too.
    replaced: Vec<Weak<Secret>>,
    flight: Option<(Flight, AbortHandle)>,
}

/// A fetched secret.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) secret: Arc<Secret>,
    /// When the backend was last asked for the value.
    pub(super) asked: Instant,
    /// Why it did not answer then.
    pub(super) failed: Option<FetchError>,
}

/// A flight, and whether the one who asked started it.
pub(super) struct Joined {
    pub(super) flight: Flight,
    pub(super) started: bool,
}

impl Cache {
    /// Makes room for a subject whose end will be told, and says whether there was none. Without it, what is fetched for
    /// a task is not kept.
    pub(super) fn open(&self, subject: ScopeSubject) -> bool {
        match self.subjects.lock().entry(subject) {
            Entry::Occupied(_) => !Guard::RunningId.stands(),
            Entry::Vacant(place) => {
                place.insert(Entries::default());
                true
            }
        }
    }

    /// Ends a subject: its flights stop, its secrets are wiped.
    pub(super) fn close(&self, subject: &ScopeSubject) -> Closed {
        let Entries { slots, holder, asked } = self.subjects.lock().remove(subject).unwrap_or_default();
        let (mut wiped, mut flights) = (Vec::new(), Vec::new());
        for slot in slots.into_values() {
            if let Some((flight, abort)) = slot.flight {
                abort.abort();
                flights.push(flight);
            }
            let replaced = slot.replaced.iter().filter_map(Weak::upgrade);
            let all = slot.ready.map(|ready| ready.secret).into_iter().chain(replaced);
            wiped.extend(all.filter(|secret| secret.wipe(Gone::ScopeEnded)));
        }
        Closed { flights, wiped, holder, asked }
    }

    /// What is there, if it still lives.
    pub(super) fn lookup(&self, subject: &ScopeSubject, key: &Key, now: Instant) -> Option<Ready> {
        let subjects = self.subjects.lock();
        let ready = subjects.get(subject)?.slots.get(key)?.ready.as_ref()?;
        let in_time = ready.secret.expires() > now || !Guard::Expiry.stands();
        (in_time && ready.secret.is_live()).then(|| ready.clone())
    }

    /// The flight that is under way for this key, or a new one by `fetch`; none for a task that has ended. Must be called
    /// within a tokio runtime.
    pub(super) fn join<F>(&self, subject: &ScopeSubject, key: &Key, fetch: impl FnOnce(Holder) -> F) -> Option<Joined>
    where
        F: Future<Output = Result<Arc<Secret>, FetchError>> + Send + 'static,
    {
        let mut subjects = self.subjects.lock();
        let entries = match subject {
            ScopeSubject::Task(_) => subjects.get_mut(subject)?,
            ScopeSubject::Skill(_) | ScopeSubject::Tool(_) | ScopeSubject::Agent => {
                subjects.entry(subject.clone()).or_default()
            }
        };
        let slot = entries.slots.entry(key.clone()).or_default();
        // One that has ended without settling panicked: it is not waited for again.
        if let Some((flight, running)) = &slot.flight
            && !running.is_finished()
        {
            return Some(Joined { flight: flight.clone(), started: false });
        }
        let holder = match &entries.holder {
            Some(holder) => holder.clone(),
            None => entries.holder.insert(Holder::random().ok()?).clone(),
        };
        entries.asked.insert(key.provider.clone());
        let running = tokio::spawn(fetch(holder));
        let abort = running.abort_handle();
        // A fetch that panicked or was stopped gave no answer.
        let flight = running
            .map(|ended| ended.unwrap_or(Err(FetchError::Provider(ProviderError::Unavailable))))
            .boxed()
            .shared();
        slot.flight = Some((flight.clone(), abort));
        Some(Joined { flight, started: true })
    }

    /// Ends a flight, and keeps what it brought. If the subject has ended meanwhile, the secret is wiped instead.
    ///
    /// An error leaves the value that was there before as it was.
    pub(super) fn settle(
        &self,
        subject: &ScopeSubject,
        key: &Key,
        fetched: &Result<Arc<Secret>, FetchError>,
        now: Instant,
    ) {
        let mut subjects = self.subjects.lock();
        let Some(Entries { slots, .. }) = subjects.get_mut(subject) else {
            let _ = fetched.as_ref().map(|secret| secret.wipe(Gone::ScopeEnded));
            return;
        };
        let slot = slots.entry(key.clone()).or_default();
        slot.flight = None;
        match (fetched, &mut slot.ready) {
            (Ok(secret), _) => slot.keep(secret.clone(), now),
            (Err(FetchError::Audit(_)), _) | (Err(_), None) => {}
            (Err(error), Some(ready)) => (ready.asked, ready.failed) = (now, Some(error.clone())),
        }
        if slot.is_empty() {
            slots.remove(key);
        }
    }

    /// Ends every subject that is not a task.
    pub(super) fn close_shared(&self) -> Vec<Closed> {
        let subjects = self.subjects.lock();
        let shared = subjects.keys().filter(|subject| !matches!(subject, ScopeSubject::Task(_))).cloned();
        let shared: Vec<_> = shared.collect();
        drop(subjects);
        shared.iter().map(|subject| self.close(subject)).collect()
    }

    /// Forgets a secret whose time ended, unless another one took its place. Answers with a subject that has nothing any more.
    pub(super) fn forget(&self, subject: &ScopeSubject, key: &Key, secret: &Arc<Secret>) -> Option<Closed> {
        let mut subjects = self.subjects.lock();
        let slots = &mut subjects.get_mut(subject)?.slots;
        let slot = slots.get_mut(key)?;
        slot.replaced.retain(|other| other.as_ptr() != Arc::as_ptr(secret));
        if slot.ready.as_ref().is_some_and(|ready| Arc::ptr_eq(&ready.secret, secret)) {
            slot.ready = None;
        }
        if slot.is_empty() {
            slots.remove(key);
        }
        // A task's own place stays until the task ends; others come back when they are asked for.
        if !slots.is_empty() || matches!(subject, ScopeSubject::Task(_)) {
            return None;
        }
        let Entries { holder, asked, .. } = subjects.remove(subject)?;
        Some(Closed { holder, asked, ..Closed::default() })
    }
}

impl Slot {
    fn keep(&mut self, secret: Arc<Secret>, now: Instant) {
        let new = Arc::as_ptr(&secret);
        let before = self.ready.replace(Ready { secret, asked: now, failed: None });
        self.replaced.extend(before.map(|before| Arc::downgrade(&before.secret)));
        self.replaced.retain(|other| other.strong_count() > 0 && other.as_ptr() != new);
    }

    fn is_empty(&self) -> bool {
        self.ready.is_none() && self.flight.is_none() && self.replaced.iter().all(|other| other.strong_count() == 0)
    }
}
