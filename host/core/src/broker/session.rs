//! One task's way to its secrets.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use far_capability::{
    Access, Decision, DenyReason, Operation, Permit, Purpose, Scope, SecretName, Version, VersionSelector,
};
use far_memory::Quota;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::cache::Joined;
use super::place::{FetchError, Key, Place, Plan, ScopeSubject};
use super::repeats::Counts;
use super::wanted::Wanted;
use super::{AccessError, Broker, Handle, ListedSecret, SecretError, StandIn, Stop};
use crate::clock::now;
use crate::context::TaskContext;
use crate::pal::{CacheState, Event, SecretLabel, Subject};
use crate::provider::ProviderError;
use crate::redaction::Redaction;
use crate::secret::Secret;

/// An admitted task, as the broker knows it. Dropping it ends the task: what is its own is wiped, and `task.finished` is
/// recorded, as cancelled unless [`Session::finish`] said otherwise.
pub struct Session {
    pub(super) broker: Arc<Broker>,
    pub(super) context: TaskContext,
    pub(super) subject: Arc<Subject>,
    pub(super) uses: Box<[AtomicU32]>,
    /// Locked memory for the values that are the task's own.
    pub(super) quota: Arc<Quota>,
    pub(super) redaction: Arc<Redaction>,
    pub(super) admitted: std::time::Instant,
    pub(super) phase: AtomicU8,
    pub(super) stopped: OnceLock<Stop>,
    /// Told when the task must end, once that is recorded.
    pub(super) halted: Notify,
    pub(super) finished: AtomicBool,
    /// What was made for it to stand for secrets.
    pub(super) stand_ins: Mutex<Vec<StandIn>>,
    /// What was signed for it, whoever still holds it.
    pub(super) derived: Mutex<Vec<Weak<Secret>>>,
    /// How many events the task had recorded.
    pub(super) recorded: AtomicU64,
    /// Handles that have no record of their own.
    pub(super) repeats: Counts,
    provider_calls: AtomicU64,
    backend_failed: AtomicBool,
    /// Lines of the task log, and the bytes of those that have no record of their own.
    pub(super) lines: AtomicU64,
    pub(super) unrecorded: AtomicU64,
}

/// Where the task is.
const PREPARING: u8 = 0;
const RUNNING: u8 = 1;
pub(super) const ENDED: u8 = 2;

impl Session {
    /// None if a task of this id is open already: the two would share what is a task's own.
    pub(super) fn open(broker: Arc<Broker>, context: TaskContext, subject: Arc<Subject>) -> Option<Self> {
        if !broker.cache.open(ScopeSubject::Task(context.task_id.clone())) {
            return None;
        }
        Some(Self {
            quota: Quota::new(broker.settings.task_memory),
            redaction: Redaction::new(),
            uses: (0..context.capability.declared()).map(|_| AtomicU32::new(0)).collect(),
            broker,
            context,
            subject,
            admitted: now(),
            phase: AtomicU8::new(PREPARING),
            stopped: OnceLock::new(),
            halted: Notify::new(),
            finished: AtomicBool::new(false),
            stand_ins: Mutex::default(),
            derived: Mutex::default(),
            recorded: AtomicU64::new(0),
            repeats: Counts::default(),
            provider_calls: AtomicU64::new(0),
            backend_failed: AtomicBool::new(false),
            lines: AtomicU64::new(0),
            unrecorded: AtomicU64::new(0),
        })
    }

    /// Who the task is, and what it may use.
    pub fn context(&self) -> &TaskContext {
        &self.context
    }

    /// Records that the task's instance is about to be entered; secrets can be used from here on. Does nothing for a task
    /// that runs or has ended.
    ///
    /// # Errors
    ///
    /// [`Stop::Audit`] if the record was not accepted.
    pub async fn start(&self) -> Result<(), Stop> {
        if self.phase.load(Ordering::Acquire) != PREPARING {
            return Ok(());
        }
        self.record(Event::task_started()).await?;
        // Not from any other phase: what has ended does not start again.
        let _ = self.phase.compare_exchange(PREPARING, RUNNING, Ordering::AcqRel, Ordering::Acquire);
        Ok(())
    }

    /// A handle to a secret by the text that a guest gave: the current version, or the one named.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; a text that is no name is a violation like any other.
    pub async fn get(&self, name: &str, version: Option<&str>) -> Result<Handle, AccessError> {
        let started = now();
        let name = self.parse_name(name, None).await?;
        let asked_for = match version.map(Version::parse) {
            None => VersionSelector::Current,
            Some(Ok(version)) => VersionSelector::Exactly(version),
            Some(Err(_)) => return Err(self.violate(self.label(&name), None, DenyReason::InvalidVersion).await),
        };
        let permit = self.authorize_get(&name, &asked_for, Purpose::Get, started).await?;
        let place = self.place(name, asked_for.clone(), permit);
        let (secret, cache) = match self.broker.cached(&place, started) {
            Some(ready) => (ready.secret.clone(), ready.state(started)),
            None => match self.fetch(&place, Wanted::Value).await {
                Ok(secret) => (secret, CacheState::Miss),
                // What the backend did not answer is answered from what is known, where the operator lets that be.
                Err(error) => match self.broker.cached(&place, now()) {
                    Some(ready) if matches!(error, AccessError::Secret(_)) => {
                        (ready.secret.clone(), ready.state(now()))
                    }
                    _ => return Err(error),
                },
            },
        };
        self.inject(secret, asked_for, permit.when_leaked, cache, started).await
    }

    /// Asks the backend for what is current now, unless it was asked within the minimum interval.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; handles of before stay what they are.
    pub async fn refresh(&self, name: &str) -> Result<Handle, AccessError> {
        let started = now();
        let name = self.parse_name(name, Purpose::Refresh.operation()).await?;
        let permit = self.authorize_get(&name, &VersionSelector::Current, Purpose::Refresh, started).await?;
        let place = self.place(name, VersionSelector::Current, permit);
        let (secret, cache) = match self.broker.cached(&place, started) {
            Some(ready) if started.duration_since(ready.asked) < self.broker.settings.refresh_interval => {
                match ready.failed {
                    None => (ready.secret, CacheState::Hit),
                    Some(error) => return Err(self.unanswered(error)),
                }
            }
            Some(ready) if !ready.secret.is_stale(started) => {
                (self.fetch(&place, Wanted::Newer(ready.secret)).await?, CacheState::Miss)
            }
            _ => (self.fetch(&place, Wanted::Value).await?, CacheState::Miss),
        };
        self.inject(secret, VersionSelector::Current, permit.when_leaked, cache, started).await
    }

    /// What the task may use now, by name. Asks no backend.
    ///
    /// # Errors
    ///
    /// [`AccessError::Stopped`] outside `run`, or if the record was not accepted.
    pub async fn list(&self) -> Result<Vec<ListedSecret>, AccessError> {
        self.ensure_running(None).await?;
        let asked = now();
        let lasts = |permit: &Permit| permit.expires.is_none_or(|expires| expires > asked);
        let mut listed: Vec<_> = self.context.capability.permits().filter(|(_, permit)| lasts(permit)).collect();
        listed.sort_unstable_by_key(|(name, _)| *name);
        self.record(Event::secret_listed()).await?;
        let now = now();
        let describe = |(name, permit): (&SecretName, &Permit)| {
            let cached = self.broker.cached(&self.place(name.clone(), VersionSelector::Current, permit), now);
            ListedSecret {
                name: name.clone(),
                operations: permit.operations,
                expires_in: cached.map(|ready| ready.secret.expires_in(now)),
            }
        };
        Ok(listed.into_iter().map(describe).collect())
    }

    /// Records that the engine stopped the guest as it called out of a place where no call is let out, such as
    /// `cabi_realloc`: which one, the engine does not say.
    pub async fn left_outside_run(&self) {
        let _ = self.violate(self.broker.labels.unlisted(""), None, DenyReason::OutsideRun).await;
    }

    /// What all that leaves the task is redacted of: every value that it has had a handle to so far. It is to be redacted
    /// before the task ends; afterwards, nothing is let through.
    pub fn redaction(&self) -> &Arc<Redaction> {
        &self.redaction
    }

    /// Why the task must end, if it must.
    pub fn stopped(&self) -> Option<&Stop> {
        self.stopped.get()
    }

    /// Waits until the task must end for something that no call of the guest's can answer with, such as a violation in a
    /// request that is on its way.
    pub async fn halted(&self) {
        let mut halted = std::pin::pin!(self.halted.notified());
        loop {
            // From here on, none is missed.
            halted.as_mut().enable();
            if self.stopped().is_some() {
                return;
            }
            halted.as_mut().await;
            halted.set(self.halted.notified());
        }
    }

    /// Whether a backend failed to answer the task.
    pub fn backend_failed(&self) -> bool {
        self.backend_failed.load(Ordering::Acquire)
    }

    /// How many calls of providers the task caused.
    pub fn provider_calls(&self) -> u64 {
        self.provider_calls.load(Ordering::Acquire)
    }

    /// Step 1 and 2: capability at this instant, which is when the call came in, and task state.
    pub(super) async fn authorize(&self, access: &Access<'_>, now: std::time::Instant) -> Result<&Permit, AccessError> {
        let permit = match self.context.capability.check(access, now) {
            Decision::Allowed(permit) => permit,
            Decision::Expired => {
                self.ensure_running(Some(access.secret)).await?;
                return Err(SecretError::Expired.into());
            }
            Decision::Denied(reason) => {
                return Err(self.violate(self.label(access.secret), access.purpose.operation(), reason).await);
            }
        };
        self.ensure_running(Some(access.secret)).await?;
        Ok(permit)
    }

    /// Step 1 and 2 for a handle. That there is none for a grant's end is recorded; a use records that by itself.
    async fn authorize_get(
        &self,
        name: &SecretName,
        version: &VersionSelector,
        purpose: Purpose<'_>,
        now: std::time::Instant,
    ) -> Result<&Permit, AccessError> {
        let authorized = self.authorize(&Access { secret: name, version, purpose, derived: false }, now).await;
        if let Err(AccessError::Secret(error)) = &authorized {
            let event = Event::secret_injection_refused(self.label(name), purpose.operation(), error.kind());
            self.record(event).await?;
        }
        authorized
    }

    /// Steps 3 and 4, for what is not cached: recorded before the backend is called.
    async fn fetch(&self, place: &Place, wanted: Wanted) -> Result<Arc<Secret>, AccessError> {
        let requested = Event::secret_requested(&place.key.name, &place.key.provider, None);
        self.record(requested).await?;
        let fetched = match self.broker.fetch(place, wanted, &self.subject, None) {
            Ok(Joined { flight, started }) => {
                self.provider_calls.fetch_add(u64::from(started), Ordering::AcqRel);
                flight.await
            }
            Err(error) => Err(FetchError::Provider(error)),
        };
        fetched.map_err(|error| self.unanswered(error))
    }

    /// Notes why there is no value, and answers with what the skill is told.
    fn unanswered(&self, error: FetchError) -> AccessError {
        match error {
            FetchError::Audit(unavailable) => self.stop(unavailable.into()).into(),
            // The task's own doing, and its own to put right: the backend answered.
            FetchError::OverQuota(_) => SecretError::Exhausted.into(),
            FetchError::Provider(error) => {
                let confirmed =
                    matches!(error, ProviderError::NotFound | ProviderError::VersionGone(_) | ProviderError::TooLarge);
                self.backend_failed.fetch_or(!confirmed, Ordering::AcqRel);
                SecretError::from(error).into()
            }
        }
    }

    async fn parse_name(&self, name: &str, operation: Option<Operation>) -> Result<SecretName, AccessError> {
        match SecretName::parse(name) {
            Ok(name) => Ok(name),
            Err(_) => Err(self.violate(self.broker.labels.unlisted(name), operation, DenyReason::InvalidName).await),
        }
    }

    pub(super) async fn ensure_running(&self, name: Option<&SecretName>) -> Result<(), AccessError> {
        if let Some(stop) = self.stopped.get() {
            return Err(stop.clone().into());
        }
        self.ensure_unfinished()?;
        if self.phase.load(Ordering::Acquire) == RUNNING {
            return Ok(());
        }
        let label = name.map_or_else(|| self.broker.labels.unlisted(""), |name| self.label(name));
        Err(self.violate(label, None, DenyReason::OutsideRun).await)
    }

    pub(super) fn label(&self, name: &SecretName) -> SecretLabel {
        if self.context.capability.lists(name) {
            SecretLabel::Listed(name.clone())
        } else {
            self.broker.labels.unlisted(name.as_str())
        }
    }

    fn place(&self, name: SecretName, version: VersionSelector, permit: &Permit) -> Place {
        let scope = match &permit.scope {
            Scope::Task => ScopeSubject::Task(self.context.task_id.clone()),
            Scope::Skill => ScopeSubject::Skill(self.context.skill_digest),
            Scope::Tool(tool) => ScopeSubject::Tool(tool.clone()),
            Scope::Agent | Scope::Node => ScopeSubject::Agent,
        };
        let quota = matches!(scope, ScopeSubject::Task(_)).then(|| self.quota.clone());
        let key = Key { name, version, provider: permit.provider.clone(), reference: permit.reference.clone() };
        let Permit { ttl, stale, rotation, .. } = *permit;
        Place { scope, key, plan: Plan { ttl, stale, rotation }, quota }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("task", &self.context.task_id).finish_non_exhaustive()
    }
}
