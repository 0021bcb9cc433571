//! Fetched secrets by scope subject, and the flights that fetch them.
//!
//! A library's cache is not used: they evict late and by their own leave, and here the moment at which an entry goes is
//! the promise.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::task::AbortHandle;

use crate::capability::Rotation;
use crate::guard::Guard;
use crate::identity::{ProviderId, SkillDigest, TaskId, ToolName};
use crate::memory::{OverQuota, Quota};
use crate::name::SecretName;
use crate::pal::{AuditUnavailable, CacheState};
use crate::provider::{Holder, LeaseId, ProviderError, Reference};
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

/// How a value is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// How long at most.
    pub(super) ttl: Duration,
    /// How long beyond that for a backend that does not answer.
    pub(super) stale: Duration,
    pub(super) rotation: Option<Rotation>,
}

impl Plan {
    /// How long the version before is used.
    pub(super) fn overlap(&self) -> Duration {
        self.rotation.map_or(Rotation::DEFAULT_OVERLAP, |rotation| rotation.overlap)
    }
}

/// Where a value is kept, and how.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) scope: ScopeSubject,
    pub(super) key: Key,
    pub(super) plan: Plan,
    /// What it is counted against: nothing if it is for more than one task.
    pub(super) quota: Option<Arc<Quota>>,
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

impl FetchError {
    /// Whether the backend gave no answer, so that what was known before may still be so.
    fn is_no_answer(&self) -> bool {
        matches!(self, Self::Provider(error) if error.is_no_answer())
    }

    fn is_confirmed_absence(&self) -> bool {
        matches!(self, Self::Provider(error) if error.is_confirmed_absence())
    }
}

/// A fetch that all who ask at once wait for. It runs in a task of its own: a waiter that goes away does not end it.
pub(super) type Flight = Shared<BoxFuture<'static, Result<Arc<Secret>, FetchError>>>;

#[derive(Default)]
pub(super) struct Cache {
    subjects: Mutex<HashMap<ScopeSubject, Entries>>,
    /// How many flights there were.
    flights: AtomicU64,
}

/// What became of what a flight brought.
pub(super) enum Settled {
    /// It is as it says now; with the version that it took the place of.
    Kept(Option<Arc<Secret>>),
    /// It was wiped: whom it was for has ended, or it was revoked while it was on its way.
    Nobodys,
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

/// What of a secret is taken back from a subject: from which backend, what it is called there, and what there was.
pub(super) struct Taken {
    pub(super) provider: ProviderId,
    pub(super) reference: Reference,
    pub(super) secrets: Vec<Arc<Secret>>,
}

/// What a subject had of secrets that were revoked.
pub(super) struct Revoking {
    pub(super) taken: Vec<Taken>,
    pub(super) holder: Option<Holder>,
    /// The fetches that were under way: told to stop, and not stopped yet.
    pub(super) flights: Vec<Flight>,
    /// The subject, if it has nothing any more.
    pub(super) empty: Option<Closed>,
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

struct Slot {
    place: Place,
    ready: Option<Ready>,
    /// What `ready` took the place of.
    replaced: Vec<Replaced>,
    flight: Option<UnderWay>,
}

/// A flight that has not settled.
struct UnderWay {
    /// Which one: what settles is this one, or nobody's.
    number: u64,
    flight: Flight,
    running: AbortHandle,
}

/// A version before the one that is given out: it ends with the subject too.
struct Replaced {
    /// Its value is there for as long as handles keep it, and its time lasts.
    secret: Weak<Secret>,
    /// What has a lease is there until that is revoked: a value that a task was given is used without a handle.
    leased: Option<Arc<Secret>>,
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

impl Ready {
    /// What it is told as, to those who are given it from here.
    pub(super) fn state(&self, now: Instant) -> CacheState {
        if self.secret.is_stale(now) { CacheState::Stale } else { CacheState::Hit }
    }
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
            if let Some(UnderWay { flight, running, .. }) = slot.flight {
                running.abort();
                flights.push(flight);
            }
            let replaced = slot.replaced.iter().filter_map(|replaced| replaced.secret.upgrade());
            let all = slot.ready.map(|ready| ready.secret).into_iter().chain(replaced);
            wiped.extend(all.filter(|secret| secret.wipe(Gone::ScopeEnded)));
        }
        Closed { flights, wiped, holder, asked }
    }

    /// What is there, if it can still be used.
    pub(super) fn lookup(&self, place: &Place, now: Instant) -> Option<Ready> {
        let subjects = self.subjects.lock();
        let ready = subjects.get(&place.scope)?.slots.get(&place.key)?.ready.as_ref()?;
        let in_time = ready.secret.is_usable(now) || !Guard::Expiry.stands();
        (in_time && ready.secret.is_live()).then(|| ready.clone())
    }

    /// What there is of the secrets that this is said of, and where: what is given out, or nothing where it is on its way.
    pub(super) fn kept(&self, is_wanted: impl Fn(&Key) -> bool) -> Vec<(Place, Option<Arc<Secret>>)> {
        let subjects = self.subjects.lock();
        let slots = subjects.values().flat_map(|entries| entries.slots.values());
        let wanted = slots.filter(|slot| is_wanted(&slot.place.key) && (slot.ready.is_some() || slot.flight.is_some()));
        wanted.map(|slot| (slot.place.clone(), slot.ready.as_ref().map(|ready| ready.secret.clone()))).collect()
    }

    /// Versions that others took the place of, and that are used for their overlap.
    pub(super) fn before(&self) -> Vec<(Place, Arc<Secret>)> {
        let subjects = self.subjects.lock();
        let slots = subjects.values().flat_map(|entries| entries.slots.values());
        let before = |slot: &Slot| {
            let secrets = slot.replaced.iter().filter_map(|replaced| replaced.secret.upgrade());
            secrets.map(|secret| (slot.place.clone(), secret)).collect::<Vec<_>>()
        };
        slots.flat_map(before).collect()
    }

    /// The flight that is under way for this place, if there is one.
    pub(super) fn under_way(&self, place: &Place) -> Option<Flight> {
        let subjects = self.subjects.lock();
        Some(subjects.get(&place.scope)?.slots.get(&place.key)?.flight.as_ref()?.flight.clone())
    }

    /// Whether something is given out there.
    pub(super) fn is_kept(&self, place: &Place) -> bool {
        let subjects = self.subjects.lock();
        let slot = subjects.get(&place.scope).and_then(|entries| entries.slots.get(&place.key));
        slot.is_some_and(|slot| slot.ready.is_some())
    }

    /// Ends every version of the secrets that this is said of, and of what is of one lease with them.
    pub(super) fn revoke(&self, is_wanted: impl Fn(&Key) -> bool) -> Vec<Revoking> {
        let mut subjects = self.subjects.lock();
        let mut all: Vec<_> = subjects.iter_mut().filter_map(|(_, entries)| entries.revoke(&is_wanted)).collect();
        let empty = subjects
            .extract_if(|subject, entries| entries.slots.is_empty() && !matches!(subject, ScopeSubject::Task(_)));
        all.extend(empty.map(|(_, Entries { holder, asked, .. })| Revoking {
            taken: Vec::new(),
            holder: None,
            flights: Vec::new(),
            empty: Some(Closed { holder, asked, ..Closed::default() }),
        }));
        all
    }

    /// The flight that is under way for this place, or a new one by `fetch`; none for a task that has ended. Must be called
    /// within a tokio runtime.
    pub(super) fn join<F>(&self, place: &Place, fetch: impl FnOnce(Holder, u64) -> F) -> Option<Joined>
    where
        F: Future<Output = Result<Arc<Secret>, FetchError>> + Send + 'static,
    {
        let mut subjects = self.subjects.lock();
        let Place { scope, key, .. } = place;
        let entries = match scope {
            ScopeSubject::Task(_) => subjects.get_mut(scope)?,
            ScopeSubject::Skill(_) | ScopeSubject::Tool(_) | ScopeSubject::Agent => {
                subjects.entry(scope.clone()).or_default()
            }
        };
        let slot = entries.slots.entry(key.clone()).or_insert_with(|| Slot::of(place.clone()));
        // One that has ended without settling panicked: it is not waited for again.
        if let Some(UnderWay { flight, running, .. }) = &slot.flight
            && !running.is_finished()
        {
            return Some(Joined { flight: flight.clone(), started: false });
        }
        let holder = match &entries.holder {
            Some(holder) => holder.clone(),
            None => entries.holder.insert(Holder::random().ok()?).clone(),
        };
        entries.asked.insert(key.provider.clone());
        let number = self.flights.fetch_add(1, Ordering::Relaxed);
        let task = tokio::spawn(fetch(holder, number));
        let running = task.abort_handle();
        // A fetch that panicked or was stopped gave no answer.
        let flight =
            task.map(|ended| ended.unwrap_or(Err(FetchError::Provider(ProviderError::Unavailable)))).boxed().shared();
        slot.flight = Some(UnderWay { number, flight: flight.clone(), running });
        Some(Joined { flight, started: true })
    }

    /// Ends a flight, and keeps what it brought. If the subject has ended meanwhile, the secret is wiped instead.
    ///
    /// No answer leaves the value that was there before as it was, also beyond its time where that is wanted, until the backend
    /// may be asked `again`; that there is none any more takes it away.
    pub(super) fn settle(
        &self,
        place: &Place,
        number: u64,
        fetched: &Result<Arc<Secret>, FetchError>,
        now: Instant,
        again: Instant,
    ) -> Settled {
        let mut subjects = self.subjects.lock();
        let mut slots = subjects.get_mut(&place.scope).map(|entries| &mut entries.slots);
        let slot = slots.as_mut().and_then(|slots| slots.get_mut(&place.key));
        let own = |slot: &&mut Slot| slot.flight.as_ref().is_some_and(|flight| flight.number == number);
        let Some(slot) = slot.filter(own) else { return Settled::Nobodys };
        slot.flight = None;
        let mut before = None;
        match (fetched, &mut slot.ready) {
            (Ok(secret), _) => before = slot.keep(secret, now),
            (Err(FetchError::Audit(_)), _) | (Err(_), None) => {}
            (Err(error), Some(_)) if error.is_confirmed_absence() => slot.evict(),
            (Err(error), Some(ready)) => {
                (ready.asked, ready.failed) = (now, Some(error.clone()));
                if error.is_no_answer() {
                    ready.secret.revive(again, now);
                }
            }
        }
        if slot.is_empty() {
            slots.map(|slots| slots.remove(&place.key));
        }
        Settled::Kept(before)
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
    pub(super) fn forget(&self, place: &Place, secret: &Arc<Secret>) -> Option<Closed> {
        let Place { scope, key, .. } = place;
        let mut subjects = self.subjects.lock();
        let slots = &mut subjects.get_mut(scope)?.slots;
        let slot = slots.get_mut(key)?;
        slot.replaced.retain(|other| other.secret.as_ptr() != Arc::as_ptr(secret));
        if slot.ready.as_ref().is_some_and(|ready| Arc::ptr_eq(&ready.secret, secret)) {
            slot.ready = None;
        }
        if slot.is_empty() {
            slots.remove(key);
        }
        // A task's own place stays until the task ends; others come back when they are asked for.
        if !slots.is_empty() || matches!(scope, ScopeSubject::Task(_)) {
            return None;
        }
        let Entries { holder, asked, .. } = subjects.remove(scope)?;
        Some(Closed { holder, asked, ..Closed::default() })
    }
}

impl Entries {
    fn revoke(&mut self, is_wanted: impl Fn(&Key) -> bool) -> Option<Revoking> {
        let leases: HashSet<_> =
            self.slots.values().filter(|slot| is_wanted(&slot.place.key)).flat_map(Slot::leases).collect();
        let mut revoking =
            Revoking { taken: Vec::new(), holder: self.holder.clone(), flights: Vec::new(), empty: None };
        for slot in self.slots.values_mut() {
            let wanted = is_wanted(&slot.place.key);
            // Whoever has one part of what was made has what ends with it.
            if !wanted && !slot.leases().any(|lease| leases.contains(&lease)) {
                continue;
            }
            let Key { provider, reference, .. } = slot.place.key.clone();
            let mut secrets = slot.end();
            secrets.retain(|secret| Guard::Revocation.stands() && secret.wipe(Gone::Revoked));
            revoking.taken.push(Taken { provider, reference, secrets });
            // What is on its way is of before too: nobody is given it.
            if let Some(UnderWay { flight, running, .. }) = slot.flight.take() {
                running.abort();
                revoking.flights.push(flight);
            }
        }
        self.slots.retain(|_, slot| !slot.is_empty());
        (!revoking.taken.is_empty()).then_some(revoking)
    }
}

impl Slot {
    fn of(place: Place) -> Self {
        Self { place, ready: None, replaced: Vec::new(), flight: None }
    }

    /// Gives this one out from now on, and answers with the one before.
    fn keep(&mut self, secret: &Arc<Secret>, now: Instant) -> Option<Arc<Secret>> {
        let before = self.ready.replace(Ready { secret: secret.clone(), asked: now, failed: None });
        let before = before.map(|ready| ready.secret).filter(|before| !Arc::ptr_eq(before, secret))?;
        if before.version() == secret.version() {
            // It was read once more, and has its own time; nothing took its place.
            self.set_aside(&before);
            return Some(before);
        }
        // What was used beyond its time was so because there was no other.
        let overlap = if before.is_stale(now) { Duration::ZERO } else { self.place.plan.overlap() };
        before.end_by(now.checked_add(overlap).unwrap_or(now), true);
        self.set_aside(&before);
        Some(before)
    }

    /// Gives it out no more: its backend says that there is none.
    fn evict(&mut self) {
        if let Some(Ready { secret, .. }) = self.ready.take() {
            secret.end_by(secret.expires(), false);
            self.set_aside(&secret);
        }
    }

    /// Everything that there is, and none of it is given out any more.
    fn end(&mut self) -> Vec<Arc<Secret>> {
        let ready = self.ready.take().map(|ready| ready.secret);
        let replaced = self.replaced.drain(..).filter_map(|replaced| replaced.secret.upgrade());
        ready.into_iter().chain(replaced).collect()
    }

    /// What ends what there is in its backend.
    fn leases(&self) -> impl Iterator<Item = (ProviderId, LeaseId)> + '_ {
        let ready = self.ready.as_ref().map(|ready| ready.secret.clone());
        let replaced = self.replaced.iter().filter_map(|replaced| replaced.leased.clone());
        let secrets = ready.into_iter().chain(replaced);
        secrets.filter_map(|secret| Some((secret.provider().clone(), secret.lease()?.id.clone())))
    }

    fn set_aside(&mut self, before: &Arc<Secret>) {
        self.replaced.retain(Replaced::is_there);
        let leased = before.lease().is_some().then(|| before.clone());
        self.replaced.push(Replaced { secret: Arc::downgrade(before), leased });
    }

    fn is_empty(&self) -> bool {
        self.ready.is_none() && self.flight.is_none() && !self.replaced.iter().any(Replaced::is_there)
    }
}

impl Replaced {
    fn is_there(&self) -> bool {
        self.leased.is_some() || self.secret.strong_count() > 0
    }
}
