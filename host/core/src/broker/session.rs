//! The access of one task to its secrets.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use far_capability::{
    Access, Decision, DenyReason, Operation, Permit, Purpose, Scope, SecretName, Version, VersionSelector,
};
use far_memory::Quota;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::cache::JoinedFetch;
use super::cache_key::{CacheKey, CachePolicy, EntryKey, FetchError, ScopeOwner};
use super::fetch_mode::FetchMode;
use super::repeats::RepeatCounts;
use super::{AccessError, Broker, Handle, ListedSecret, Placeholder, SecretError, Stop};
use crate::clock::now;
use crate::context::TaskContext;
use crate::pal::{CacheState, Event, SecretLabel, Subject};
use crate::provider::ProviderError;
use crate::redaction::Redaction;
use crate::secret::Secret;

/// The session of an admitted task. Dropping it ends the task: values of task scope are wiped, and
/// `task.finished` is recorded, as canceled unless [`Session::finish`] recorded another outcome.
pub struct Session {
    pub(super) broker: Arc<Broker>,
    pub(super) context: TaskContext,
    pub(super) subject: Arc<Subject>,
    pub(super) uses: Box<[AtomicU32]>,
    /// The locked memory for values of task scope.
    pub(super) quota: Arc<Quota>,
    pub(super) redaction: Arc<Redaction>,
    pub(super) admitted: std::time::Instant,
    pub(super) phase: AtomicU8,
    pub(super) stop_reason: OnceLock<Stop>,
    /// Notified when the task must end, after the reason is recorded.
    pub(super) cancelled: Notify,
    pub(super) finished: AtomicBool,
    pub(super) placeholders: Mutex<Vec<Placeholder>>,
    /// Signed tokens. They end with the task, even if a handle holds them.
    pub(super) derived: Mutex<Vec<Weak<Secret>>>,
    /// The number of recorded events.
    pub(super) record_count: AtomicU64,
    /// Handles that are counted and have no record of their own.
    pub(super) repeats: RepeatCounts,
    provider_calls: AtomicU64,
    backend_failed: AtomicBool,
    /// Lines of the task log, and the bytes of those without a record of their own.
    pub(super) log_lines: AtomicU64,
    pub(super) unrecorded_log_bytes: AtomicU64,
}

/// Phases of a task.
const PREPARING: u8 = 0;
const RUNNING: u8 = 1;
pub(super) const ENDED: u8 = 2;

impl Session {
    /// Opens a session. Returns `None` if a task with this id is open: the two would share values.
    pub(super) fn open(broker: Arc<Broker>, context: TaskContext, subject: Arc<Subject>) -> Option<Self> {
        if !broker.cache.open(ScopeOwner::Task(context.task_id.clone())) {
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
            stop_reason: OnceLock::new(),
            cancelled: Notify::new(),
            finished: AtomicBool::new(false),
            placeholders: Mutex::default(),
            derived: Mutex::default(),
            record_count: AtomicU64::new(0),
            repeats: RepeatCounts::default(),
            provider_calls: AtomicU64::new(0),
            backend_failed: AtomicBool::new(false),
            log_lines: AtomicU64::new(0),
            unrecorded_log_bytes: AtomicU64::new(0),
        })
    }

    /// Returns the identity of the task, and its permissions.
    pub fn context(&self) -> &TaskContext {
        &self.context
    }

    /// Records the start of the task's instance, and enables the use of secrets. Does nothing for a
    /// task that runs or has ended.
    ///
    /// # Errors
    ///
    /// [`Stop::Audit`] if the record was not accepted.
    pub async fn start(&self) -> Result<(), Stop> {
        if self.phase.load(Ordering::Acquire) != PREPARING {
            return Ok(());
        }
        self.record(Event::task_started()).await?;
        // Only from this phase: a task that ended meanwhile does not start.
        let _ = self.phase.compare_exchange(PREPARING, RUNNING, Ordering::AcqRel, Ordering::Acquire);
        Ok(())
    }

    /// Returns a handle to a secret: to the current version, or to `version`. The guest supplies
    /// both strings.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; an invalid name is a violation.
    pub async fn get(&self, name: &str, version: Option<&str>) -> Result<Handle, AccessError> {
        let started = now();
        let name = self.parse_name(name, None).await?;
        let requested = match version.map(Version::parse) {
            None => VersionSelector::Current,
            Some(Ok(version)) => VersionSelector::Exactly(version),
            Some(Err(_)) => {
                return Err(self.record_violation(self.label(&name), None, DenyReason::InvalidVersion).await);
            }
        };
        let permit = self.authorize_get(&name, &requested, Purpose::Get, started).await?;
        let key = self.cache_key(name, requested.clone(), permit);
        let (secret, cache) = match self.broker.lookup(&key, started) {
            Some(entry) => (entry.secret.clone(), entry.state(started)),
            None => match self.fetch(&key, FetchMode::Read).await {
                Ok(secret) => (secret, CacheState::Miss),
                // stale-if-error: the failed fetch may have allowed stale use.
                Err(error) => match self.broker.lookup(&key, now()) {
                    Some(entry) if matches!(error, AccessError::Secret(_)) => {
                        (entry.secret.clone(), entry.state(now()))
                    }
                    _ => return Err(error),
                },
            },
        };
        self.inject(secret, requested, permit.when_leaked, cache, started).await
    }

    /// Reads the current version from the backend, at most once per minimum interval.
    ///
    /// # Errors
    ///
    /// [`AccessError`]; earlier handles are unaffected.
    pub async fn refresh(&self, name: &str) -> Result<Handle, AccessError> {
        let started = now();
        let name = self.parse_name(name, Purpose::Refresh.operation()).await?;
        let permit = self.authorize_get(&name, &VersionSelector::Current, Purpose::Refresh, started).await?;
        let key = self.cache_key(name, VersionSelector::Current, permit);
        let (secret, cache) = match self.broker.lookup(&key, started) {
            Some(entry) if started.duration_since(entry.checked_at) < self.broker.settings.refresh_interval => {
                match entry.last_error {
                    None => (entry.secret, CacheState::Hit),
                    Some(error) => return Err(self.report_fetch_error(error)),
                }
            }
            Some(entry) if !entry.secret.is_stale(started) => {
                (self.fetch(&key, FetchMode::Refresh(entry.secret)).await?, CacheState::Miss)
            }
            _ => (self.fetch(&key, FetchMode::Read).await?, CacheState::Miss),
        };
        self.inject(secret, VersionSelector::Current, permit.when_leaked, cache, started).await
    }

    /// Lists the secrets that the task may use now, by name. Calls no backend.
    ///
    /// # Errors
    ///
    /// [`AccessError::Stopped`] outside `run`, or if the record was not accepted.
    pub async fn list(&self) -> Result<Vec<ListedSecret>, AccessError> {
        self.ensure_running(None).await?;
        let started = now();
        let is_valid = |permit: &Permit| permit.expires.is_none_or(|expires| expires > started);
        let mut listed: Vec<_> = self.context.capability.permits().filter(|(_, permit)| is_valid(permit)).collect();
        listed.sort_unstable_by_key(|(name, _)| *name);
        self.record(Event::secret_listed()).await?;
        let now = now();
        let describe = |(name, permit): (&SecretName, &Permit)| {
            let cached = self.broker.lookup(&self.cache_key(name.clone(), VersionSelector::Current, permit), now);
            ListedSecret {
                name: name.clone(),
                operations: permit.operations,
                expires_in: cached.map(|entry| entry.secret.expires_in(now)),
            }
        };
        Ok(listed.into_iter().map(describe).collect())
    }

    /// Records that the engine stopped a guest that called the host where no call is allowed, such
    /// as from `cabi_realloc`. The engine does not report which call it was.
    pub async fn report_forbidden_reentry(&self) {
        let _ = self.record_violation(self.broker.labels.unlisted(""), None, DenyReason::OutsideRun).await;
    }

    /// Returns the redaction of the task's output, which knows every value that the task had a
    /// handle to. Redact before the task ends: afterwards, redaction lets nothing through.
    pub fn redaction(&self) -> &Arc<Redaction> {
        &self.redaction
    }

    /// Returns the reason why the task must end.
    pub fn stop_reason(&self) -> Option<&Stop> {
        self.stop_reason.get()
    }

    /// Waits until the task must end for a reason that no call of the guest can return, such as a
    /// violation in a request in flight.
    pub async fn cancelled(&self) {
        let mut cancelled = std::pin::pin!(self.cancelled.notified());
        loop {
            // Enabled before the check, so that no notification is missed.
            cancelled.as_mut().enable();
            if self.stop_reason().is_some() {
                return;
            }
            cancelled.as_mut().await;
            cancelled.set(self.cancelled.notified());
        }
    }

    /// Returns true if a backend failed to answer the task.
    pub fn backend_failed(&self) -> bool {
        self.backend_failed.load(Ordering::Acquire)
    }

    /// Returns the number of provider calls that the task started.
    pub fn provider_calls(&self) -> u64 {
        self.provider_calls.load(Ordering::Acquire)
    }

    /// Steps 1 and 2: the capability at the time of the call, and the task state.
    pub(super) async fn authorize(&self, access: &Access<'_>, now: std::time::Instant) -> Result<&Permit, AccessError> {
        let permit = match self.context.capability.check(access, now) {
            Decision::Allowed(permit) => permit,
            Decision::Expired => {
                self.ensure_running(Some(access.secret)).await?;
                return Err(SecretError::Expired.into());
            }
            Decision::Denied(reason) => {
                return Err(self.record_violation(self.label(access.secret), access.purpose.operation(), reason).await);
            }
        };
        self.ensure_running(Some(access.secret)).await?;
        Ok(permit)
    }

    /// Steps 1 and 2 for a new handle. Records the refusal of an expired grant; a use of a handle
    /// records its own.
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

    /// Steps 3 and 4 for a secret that is not cached: records the request, then calls the backend.
    async fn fetch(&self, key: &CacheKey, mode: FetchMode) -> Result<Arc<Secret>, AccessError> {
        let requested = Event::secret_requested(&key.entry.name, &key.entry.provider, None);
        self.record(requested).await?;
        let fetched = match self.broker.fetch(key, mode, &self.subject, None) {
            Ok(JoinedFetch { answer, started }) => {
                self.provider_calls.fetch_add(u64::from(started), Ordering::AcqRel);
                answer.await
            }
            Err(error) => Err(FetchError::Provider(error)),
        };
        fetched.map_err(|error| self.report_fetch_error(error))
    }

    /// Returns the skill's error for a failed fetch, and notes a failure of the backend.
    fn report_fetch_error(&self, error: FetchError) -> AccessError {
        match error {
            FetchError::Audit(unavailable) => self.stop(unavailable.into()).into(),
            // The backend answered: the task can free memory and try again.
            FetchError::QuotaExceeded(_) => SecretError::Exhausted.into(),
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
            Err(_) => {
                Err(self.record_violation(self.broker.labels.unlisted(name), operation, DenyReason::InvalidName).await)
            }
        }
    }

    pub(super) async fn ensure_running(&self, name: Option<&SecretName>) -> Result<(), AccessError> {
        if let Some(stop) = self.stop_reason.get() {
            return Err(stop.clone().into());
        }
        self.ensure_unfinished()?;
        if self.phase.load(Ordering::Acquire) == RUNNING {
            return Ok(());
        }
        let label = name.map_or_else(|| self.broker.labels.unlisted(""), |name| self.label(name));
        Err(self.record_violation(label, None, DenyReason::OutsideRun).await)
    }

    pub(super) fn label(&self, name: &SecretName) -> SecretLabel {
        if self.context.capability.is_listed(name) {
            SecretLabel::Listed(name.clone())
        } else {
            self.broker.labels.unlisted(name.as_str())
        }
    }

    fn cache_key(&self, name: SecretName, version: VersionSelector, permit: &Permit) -> CacheKey {
        let scope = match &permit.scope {
            Scope::Task => ScopeOwner::Task(self.context.task_id.clone()),
            Scope::Skill => ScopeOwner::Skill(self.context.skill_digest),
            Scope::Tool(tool) => ScopeOwner::Tool(tool.clone()),
            Scope::Agent | Scope::Node => ScopeOwner::Agent,
        };
        let quota = matches!(scope, ScopeOwner::Task(_)).then(|| self.quota.clone());
        let entry = EntryKey { name, version, provider: permit.provider.clone(), reference: permit.reference.clone() };
        let Permit { ttl, stale, rotation, .. } = *permit;
        CacheKey { scope, entry, policy: CachePolicy { ttl, stale, rotation }, quota }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("task", &self.context.task_id).finish_non_exhaustive()
    }
}
