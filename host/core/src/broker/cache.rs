//! Fetched secrets by scope owner, and the fetches in flight.
//!
//! A fetch in flight is part of the slot that it fills, not of a
//! [`SingleFlight`](crate::single_flight::SingleFlight): one step under one lock ends the fetch and
//! caches the value. Between two steps, another caller would start a second fetch, and a backend
//! would issue a second dynamic secret. Closing a scope aborts the fetches in its slots.
//!
//! Cache libraries do not fit: they evict lazily, and this cache has to evict at a known moment.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use far_capability::{ProviderId, Reference};
use parking_lot::Mutex;

use super::cache_key::{CacheKey, EntryKey, FetchError, ScopeOwner};
use super::slot::{CachedEntry, FetchAnswer, InFlightFetch, Slot};
use crate::provider::{ProviderError, SecretOwner};
use crate::secret::{EndReason, Secret};
use crate::single_flight::InFlight;

/// The entries of every scope owner.
#[derive(Default)]
pub(super) struct Cache {
    scopes: Mutex<HashMap<ScopeOwner, ScopeEntries>>,
    /// The id of the next fetch.
    next_fetch_id: AtomicU64,
}

/// The effect of a completed fetch on the cache.
pub(super) enum FetchResult {
    /// The slot holds the result; with the version that it replaced.
    Applied(Option<Arc<Secret>>),
    /// The scope ended, or the secret was revoked, while the fetch was in flight.
    Discarded,
}

/// The entries of one scope owner.
#[derive(Default)]
struct ScopeEntries {
    slots: HashMap<EntryKey, Slot>,
    /// The owner of the dynamic secrets issued to this scope; created by the first fetch.
    owner: Option<SecretOwner>,
    /// The providers that the scope fetched from.
    providers: HashSet<ProviderId>,
}

/// A revoked entry: its name in the backend, and the secrets that were wiped.
pub(super) struct RevokedEntry {
    pub(super) provider: ProviderId,
    pub(super) reference: Reference,
    pub(super) secrets: Vec<Arc<Secret>>,
}

/// The revoked entries of one scope.
pub(super) struct Revocation {
    pub(super) entries: Vec<RevokedEntry>,
    pub(super) owner: Option<SecretOwner>,
    /// The fetches that were aborted, and have not stopped yet.
    pub(super) in_flight: Vec<FetchAnswer>,
    /// The scope, if the revocation removed its last entry.
    pub(super) closed: Option<ClosedScope>,
}

/// The former contents of a scope that was closed.
#[derive(Default)]
pub(super) struct ClosedScope {
    /// The fetches that were aborted, and have not stopped yet.
    pub(super) in_flight: Vec<FetchAnswer>,
    /// The secrets that had a value.
    pub(super) wiped: Vec<Arc<Secret>>,
    pub(super) owner: Option<SecretOwner>,
    pub(super) providers: HashSet<ProviderId>,
}

/// The wait for a fetch in flight. `started` is set if the caller started the fetch.
pub(super) struct JoinedFetch {
    pub(super) answer: FetchAnswer,
    pub(super) started: bool,
}

impl Cache {
    /// Opens a scope. Returns false if it is open already. Fetches for a task need an open scope.
    pub(super) fn open(&self, scope: ScopeOwner) -> bool {
        match self.scopes.lock().entry(scope) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(ScopeEntries::default());
                true
            }
        }
    }

    /// Closes a scope: aborts its fetches and wipes its secrets.
    pub(super) fn close(&self, scope: &ScopeOwner) -> ClosedScope {
        let ScopeEntries { slots, owner, providers } = self.scopes.lock().remove(scope).unwrap_or_default();
        let (mut wiped, mut in_flight) = (Vec::new(), Vec::new());
        for slot in slots.into_values() {
            if let Some(InFlightFetch { fetch, .. }) = slot.in_flight {
                fetch.abort();
                in_flight.push(fetch.answer());
            }
            let previous = slot.previous.iter().filter_map(|previous| previous.secret.upgrade());
            let all = slot.current.map(|current| current.secret).into_iter().chain(previous);
            wiped.extend(all.filter(|secret| secret.wipe(EndReason::ScopeEnded)));
        }
        ClosedScope { in_flight, wiped, owner, providers }
    }

    /// Returns the current version, if it is usable.
    pub(super) fn lookup(&self, key: &CacheKey, now: Instant) -> Option<CachedEntry> {
        let scopes = self.scopes.lock();
        let current = scopes.get(&key.scope)?.slots.get(&key.entry)?.current.as_ref()?;
        let in_time = current.secret.is_usable(now);
        (in_time && current.secret.is_live()).then(|| current.clone())
    }

    /// Returns the matching entries, with their current version; `None` for an entry whose first
    /// fetch is in flight.
    pub(super) fn find(&self, is_match: impl Fn(&EntryKey) -> bool) -> Vec<(CacheKey, Option<Arc<Secret>>)> {
        let scopes = self.scopes.lock();
        let slots = scopes.values().flat_map(|entries| entries.slots.values());
        let matching =
            slots.filter(|slot| is_match(&slot.key.entry) && (slot.current.is_some() || slot.in_flight.is_some()));
        matching.map(|slot| (slot.key.clone(), slot.current.as_ref().map(|current| current.secret.clone()))).collect()
    }

    /// Returns the previous versions within their overlap.
    pub(super) fn previous_versions(&self) -> Vec<(CacheKey, Arc<Secret>)> {
        let scopes = self.scopes.lock();
        let slots = scopes.values().flat_map(|entries| entries.slots.values());
        let previous = |slot: &Slot| {
            let secrets = slot.previous.iter().filter_map(|previous| previous.secret.upgrade());
            secrets.map(|secret| (slot.key.clone(), secret)).collect::<Vec<_>>()
        };
        slots.flat_map(previous).collect()
    }

    /// Returns the fetch in flight for this key.
    pub(super) fn in_flight(&self, key: &CacheKey) -> Option<FetchAnswer> {
        let scopes = self.scopes.lock();
        Some(scopes.get(&key.scope)?.slots.get(&key.entry)?.in_flight.as_ref()?.fetch.answer())
    }

    /// Returns true if the entry has a current version.
    pub(super) fn contains(&self, key: &CacheKey) -> bool {
        let scopes = self.scopes.lock();
        let slot = scopes.get(&key.scope).and_then(|entries| entries.slots.get(&key.entry));
        slot.is_some_and(|slot| slot.current.is_some())
    }

    /// Wipes every version of the matching entries, and of entries that share a lease with them.
    pub(super) fn revoke(&self, is_match: impl Fn(&EntryKey) -> bool) -> Vec<Revocation> {
        let mut scopes = self.scopes.lock();
        let mut all: Vec<_> = scopes.iter_mut().filter_map(|(_, entries)| entries.revoke(&is_match)).collect();
        let empty =
            scopes.extract_if(|scope, entries| entries.slots.is_empty() && !matches!(scope, ScopeOwner::Task(_)));
        all.extend(empty.map(|(_, ScopeEntries { owner, providers, .. })| Revocation {
            entries: Vec::new(),
            owner: None,
            in_flight: Vec::new(),
            closed: Some(ClosedScope { owner, providers, ..ClosedScope::default() }),
        }));
        all
    }

    /// Joins the fetch in flight for this key, or starts one. Returns `None` for a task that has
    /// ended. Must be called within a tokio runtime.
    pub(super) fn join<F>(&self, key: &CacheKey, fetch: impl FnOnce(SecretOwner, u64) -> F) -> Option<JoinedFetch>
    where
        F: Future<Output = Result<Arc<Secret>, FetchError>> + Send + 'static,
    {
        let mut scopes = self.scopes.lock();
        let CacheKey { scope, entry, .. } = key;
        let entries = match scope {
            ScopeOwner::Task(_) => scopes.get_mut(scope)?,
            ScopeOwner::Skill(_) | ScopeOwner::Tool(_) | ScopeOwner::Agent => scopes.entry(scope.clone()).or_default(),
        };
        let slot = entries.slots.entry(entry.clone()).or_insert_with(|| Slot::new(key.clone()));
        // A finished fetch that is still in its slot panicked.
        if let Some(InFlightFetch { fetch, .. }) = &slot.in_flight
            && !fetch.is_finished()
        {
            return Some(JoinedFetch { answer: fetch.answer(), started: false });
        }
        let owner = match &entries.owner {
            Some(owner) => owner.clone(),
            None => entries.owner.insert(SecretOwner::random().ok()?).clone(),
        };
        entries.providers.insert(entry.provider.clone());
        let id = self.next_fetch_id.fetch_add(1, Ordering::Relaxed);
        // A panic or an abort counts as a missing answer.
        let fetch = InFlight::start(fetch(owner, id), Err(FetchError::Provider(ProviderError::Unavailable)));
        let answer = fetch.answer();
        slot.in_flight = Some(InFlightFetch { id, fetch });
        Some(JoinedFetch { answer, started: true })
    }

    /// Completes a fetch: caches the secret, unless the scope ended or the entry was revoked.
    ///
    /// On an error, the current version stays. A transient error allows stale use until `retry_at`.
    /// A confirmed absence evicts the entry.
    pub(super) fn complete(
        &self,
        key: &CacheKey,
        id: u64,
        fetched: &Result<Arc<Secret>, FetchError>,
        now: Instant,
        retry_at: Instant,
    ) -> FetchResult {
        let mut scopes = self.scopes.lock();
        let mut slots = scopes.get_mut(&key.scope).map(|entries| &mut entries.slots);
        let slot = slots.as_mut().and_then(|slots| slots.get_mut(&key.entry));
        let own = |slot: &&mut Slot| slot.in_flight.as_ref().is_some_and(|fetch| fetch.id == id);
        let Some(slot) = slot.filter(own) else { return FetchResult::Discarded };
        slot.in_flight = None;
        let mut previous = None;
        match (fetched, &mut slot.current) {
            (Ok(secret), _) => previous = slot.replace(secret, now),
            (Err(FetchError::Audit(_)), _) | (Err(_), None) => {}
            (Err(error), Some(_)) if error.is_confirmed_absence() => slot.evict(),
            (Err(error), Some(current)) => {
                (current.checked_at, current.last_error) = (now, Some(error.clone()));
                if error.is_transient() {
                    current.secret.serve_stale_until(retry_at, now);
                }
            }
        }
        if slot.is_empty() {
            slots.map(|slots| slots.remove(&key.entry));
        }
        FetchResult::Applied(previous)
    }

    /// Closes every scope that is not a task.
    pub(super) fn close_shared(&self) -> Vec<ClosedScope> {
        let scopes = self.scopes.lock();
        let shared = scopes.keys().filter(|scope| !matches!(scope, ScopeOwner::Task(_))).cloned();
        let shared: Vec<_> = shared.collect();
        drop(scopes);
        shared.iter().map(|scope| self.close(scope)).collect()
    }

    /// Removes an expired secret, unless a newer version replaced it. Returns the scope if that was
    /// its last secret.
    pub(super) fn remove(&self, key: &CacheKey, secret: &Arc<Secret>) -> Option<ClosedScope> {
        let CacheKey { scope, entry, .. } = key;
        let mut scopes = self.scopes.lock();
        let slots = &mut scopes.get_mut(scope)?.slots;
        let slot = slots.get_mut(entry)?;
        slot.previous.retain(|other| other.secret.as_ptr() != Arc::as_ptr(secret));
        if slot.current.as_ref().is_some_and(|current| Arc::ptr_eq(&current.secret, secret)) {
            slot.current = None;
        }
        if slot.is_empty() {
            slots.remove(entry);
        }
        // The scope of a task stays open until the task ends.
        if !slots.is_empty() || matches!(scope, ScopeOwner::Task(_)) {
            return None;
        }
        let ScopeEntries { owner, providers, .. } = scopes.remove(scope)?;
        Some(ClosedScope { owner, providers, ..ClosedScope::default() })
    }
}

impl ScopeEntries {
    fn revoke(&mut self, is_match: impl Fn(&EntryKey) -> bool) -> Option<Revocation> {
        let leases: HashSet<_> =
            self.slots.values().filter(|slot| is_match(&slot.key.entry)).flat_map(Slot::leases).collect();
        let mut revocation =
            Revocation { entries: Vec::new(), owner: self.owner.clone(), in_flight: Vec::new(), closed: None };
        for slot in self.slots.values_mut() {
            let matching = is_match(&slot.key.entry);
            // Fields of one dynamic secret share its lease.
            if !matching && !slot.leases().any(|lease| leases.contains(&lease)) {
                continue;
            }
            let EntryKey { provider, reference, .. } = slot.key.entry.clone();
            let mut secrets = slot.drain();
            secrets.retain(|secret| secret.wipe(EndReason::Revoked));
            revocation.entries.push(RevokedEntry { provider, reference, secrets });
            // The fetch started before the revocation, so its value must not be used.
            if let Some(InFlightFetch { fetch, .. }) = slot.in_flight.take() {
                fetch.abort();
                revocation.in_flight.push(fetch.answer());
            }
        }
        self.slots.retain(|_, slot| !slot.is_empty());
        (!revocation.entries.is_empty()).then_some(revocation)
    }
}
