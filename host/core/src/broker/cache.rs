//! Fetched secrets by scope subject, and the flights that fetch them.
//!
//! A flight is not found by a [`SingleFlight`](crate::single_flight::SingleFlight): it is a part of
//! the slot of what it fetches. That a flight ends and its value is there to be given out is one
//! step, under one lock: between two, whoever asks would start another, and a backend of dynamic
//! secrets would issue two. The end of a subject stops the flights that it finds in its slots.
//!
//! A library's cache is not used: they evict late and by their own leave, and here the moment at which an entry goes is
//! the promise.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use far_capability::{ProviderId, Reference};
use parking_lot::Mutex;

use super::place::{FetchError, Key, Place, ScopeSubject};
use super::slot::{Flight, Ready, Slot, UnderWay};
use crate::provider::{ProviderError, SecretOwner};
use crate::secret::{Gone, Secret};
use crate::single_flight::InFlight;

/// What every subject has.
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
    /// The owner of the dynamic secrets issued to it, once a backend was asked.
    owner: Option<SecretOwner>,
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
    pub(super) owner: Option<SecretOwner>,
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
    pub(super) owner: Option<SecretOwner>,
    pub(super) asked: HashSet<ProviderId>,
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
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(Entries::default());
                true
            }
        }
    }

    /// Ends a subject: its flights stop, its secrets are wiped.
    pub(super) fn close(&self, subject: &ScopeSubject) -> Closed {
        let Entries { slots, owner, asked } = self.subjects.lock().remove(subject).unwrap_or_default();
        let (mut wiped, mut flights) = (Vec::new(), Vec::new());
        for slot in slots.into_values() {
            if let Some(UnderWay { fetch, .. }) = slot.flight {
                fetch.abort();
                flights.push(fetch.answer());
            }
            let replaced = slot.replaced.iter().filter_map(|replaced| replaced.secret.upgrade());
            let all = slot.ready.map(|ready| ready.secret).into_iter().chain(replaced);
            wiped.extend(all.filter(|secret| secret.wipe(Gone::ScopeEnded)));
        }
        Closed { flights, wiped, owner, asked }
    }

    /// What is there, if it can still be used.
    pub(super) fn lookup(&self, place: &Place, now: Instant) -> Option<Ready> {
        let subjects = self.subjects.lock();
        let ready = subjects.get(&place.scope)?.slots.get(&place.key)?.ready.as_ref()?;
        let in_time = ready.secret.is_usable(now);
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
        Some(subjects.get(&place.scope)?.slots.get(&place.key)?.flight.as_ref()?.fetch.answer())
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
        all.extend(empty.map(|(_, Entries { owner, asked, .. })| Revoking {
            taken: Vec::new(),
            owner: None,
            flights: Vec::new(),
            empty: Some(Closed { owner, asked, ..Closed::default() }),
        }));
        all
    }

    /// The flight that is under way for this place, or a new one by `fetch`; none for a task that has ended. Must be called
    /// within a tokio runtime.
    pub(super) fn join<F>(&self, place: &Place, fetch: impl FnOnce(SecretOwner, u64) -> F) -> Option<Joined>
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
        if let Some(UnderWay { fetch, .. }) = &slot.flight
            && !fetch.is_over()
        {
            return Some(Joined { flight: fetch.answer(), started: false });
        }
        let owner = match &entries.owner {
            Some(owner) => owner.clone(),
            None => entries.owner.insert(SecretOwner::random().ok()?).clone(),
        };
        entries.asked.insert(key.provider.clone());
        let number = self.flights.fetch_add(1, Ordering::Relaxed);
        // A fetch that panicked or was stopped gave no answer.
        let fetch = InFlight::start(fetch(owner, number), Err(FetchError::Provider(ProviderError::Unavailable)));
        let flight = fetch.answer();
        slot.flight = Some(UnderWay { number, fetch });
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
        let Entries { owner, asked, .. } = subjects.remove(scope)?;
        Some(Closed { owner, asked, ..Closed::default() })
    }
}

impl Entries {
    fn revoke(&mut self, is_wanted: impl Fn(&Key) -> bool) -> Option<Revoking> {
        let leases: HashSet<_> =
            self.slots.values().filter(|slot| is_wanted(&slot.place.key)).flat_map(Slot::leases).collect();
        let mut revoking = Revoking { taken: Vec::new(), owner: self.owner.clone(), flights: Vec::new(), empty: None };
        for slot in self.slots.values_mut() {
            let wanted = is_wanted(&slot.place.key);
            // Whoever has one part of what was made has what ends with it.
            if !wanted && !slot.leases().any(|lease| leases.contains(&lease)) {
                continue;
            }
            let Key { provider, reference, .. } = slot.place.key.clone();
            let mut secrets = slot.end();
            secrets.retain(|secret| secret.wipe(Gone::Revoked));
            revoking.taken.push(Taken { provider, reference, secrets });
            // What is on its way is of before too: nobody is given it.
            if let Some(UnderWay { fetch, .. }) = slot.flight.take() {
                fetch.abort();
                revoking.flights.push(fetch.answer());
            }
        }
        self.slots.retain(|_, slot| !slot.is_empty());
        (!revoking.taken.is_empty()).then_some(revoking)
    }
}
