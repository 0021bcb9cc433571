//! The only path from a task to a value.
//!
//! ```text
//! resolve   1 capability check      pure; a denial is recorded, and ends the task
//!           2 task state            running, not poisoned, uses left
//!           3 cache                 per scope owner; one single-flight fetch per entry
//!           4 provider              with a deadline; the request is recorded first
//!           5 record accepted       no record, no value
//!           6 handle                counted against the task
//! ```
//!
//! Every use of a handle repeats steps 1, 2 and 5: a handle is not a permission.
//!
//! # Invariants
//!
//! - Nothing else in the program calls a [`SecretProvider`].
//! - A denial reaches neither the cache nor a provider.
//! - After a violation, or a record that a required sink rejected, the session refuses every call.
//!
//! # Hidden items
//!
//! The session of a task, its handles and its requests are public for `far-runtime` only, and
//! hidden from the documentation. A program that opens sessions itself takes over duties of the
//! runtime. It must run the guest that was checked, end the guest after a denial, and redact its
//! output.

#![expect(clippy::disallowed_methods, reason = "only the broker calls providers")]

mod access;
mod cache;
mod cache_key;
mod call;
mod egress;
mod error;
mod exchange;
mod fetch;
mod fetch_mode;
mod finish;
mod handle;
mod inject;
mod lifecycle;
mod operator;
mod placeholder;
mod probe;
mod record;
mod repeats;
mod rotation;
mod seal;
mod session;
mod signing;
mod slot;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use far_capability::{DenyReason, ProviderId};

#[doc(hidden)]
pub use egress::EgressError;
pub use error::Violation;
#[doc(hidden)]
pub use error::{AccessError, SecretError, Stop};
#[doc(hidden)]
pub use exchange::Exchange;
#[doc(hidden)]
pub use handle::{Handle, ListedSecret};
pub use operator::{CachedSecret, OperatorError, RevocationReport, RotationReport};
pub use placeholder::Placeholder;
pub use probe::probe;
pub use repeats::RepeatRecording;
pub use rotation::RereadReport;
#[doc(hidden)]
pub use session::Session;

use self::cache::Cache;
use self::rotation::Schedules;
use self::seal::Placeholders;
use crate::context::TaskContext;
use crate::pal::{AuditUnavailable, Event, Labels, Outcome, Pal, Reason, Subject};
use crate::provider::SecretProvider;

/// Provides secrets to the tasks of one agent.
pub struct Broker {
    providers: HashMap<ProviderId, Arc<dyn SecretProvider>>,
    cache: Cache,
    placeholders: Placeholders,
    schedules: Schedules,
    pal: Arc<Pal>,
    labels: Labels,
    settings: BrokerSettings,
}

/// Settings of a broker: deadlines, limits and recording.
#[derive(Clone, Copy, Debug)]
pub struct BrokerSettings {
    /// The deadline of one provider call. 10 s by default.
    pub provider_deadline: Duration,
    /// The minimum time between two reads of one secret by a guest's `refresh`. 10 s by default.
    pub refresh_interval: Duration,
    /// The deadline of each step of a revocation, also at the end of a task. 5 s by default.
    pub revoke_deadline: Duration,
    /// The locked memory for values of task scope, in bytes per task. 256 KiB by default.
    pub task_memory: usize,
    /// The recording of repeated handles. [`RepeatRecording::Each`] by default.
    pub repeats: RepeatRecording,
}

impl Default for BrokerSettings {
    fn default() -> Self {
        Self {
            provider_deadline: Duration::from_secs(10),
            refresh_interval: Duration::from_secs(10),
            revoke_deadline: Duration::from_secs(5),
            task_memory: 256 * 1024,
            repeats: RepeatRecording::Each,
        }
    }
}

/// Reasons why a broker cannot be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// Two providers have the same name.
    #[error("two providers have the name '{0}'")]
    Duplicate(ProviderId),
    /// The operating system's random source failed.
    #[error("the operating system's random source failed")]
    Random,
}

/// Reasons why a task is not admitted.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmitError {
    /// The admission could not be recorded.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// A task with this id is running. The two would share values of task scope.
    #[error("a task with this id is already running")]
    Running,
}

impl Broker {
    /// Creates a broker that calls these providers and records in this log.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] if two providers have the same name, or if the random source failed.
    pub fn new(
        providers: impl IntoIterator<Item = Arc<dyn SecretProvider>>,
        pal: Arc<Pal>,
        settings: BrokerSettings,
    ) -> Result<Arc<Self>, BrokerError> {
        let mut by_id = HashMap::new();
        for provider in providers {
            let id = provider.id().clone();
            if by_id.insert(id.clone(), provider).is_some() {
                return Err(BrokerError::Duplicate(id));
            }
        }
        let labels = Labels::new().map_err(|_| BrokerError::Random)?;
        Ok(Arc::new(Self {
            providers: by_id,
            cache: Cache::default(),
            placeholders: Placeholders::default(),
            schedules: Schedules::default(),
            pal,
            labels,
            settings,
        }))
    }

    /// Admits a task: records the admission, and opens the session.
    ///
    /// # Errors
    ///
    /// [`AdmitError`]: the task is not admitted.
    #[doc(hidden)]
    pub async fn admit(self: &Arc<Self>, context: TaskContext) -> Result<Session, AdmitError> {
        let subject = Arc::new(Subject::from(&context));
        // Opened before the record: every recorded admission is then followed by a recorded end.
        let session = Session::open(self.clone(), context, subject.clone()).ok_or(AdmitError::Running)?;
        match self.pal.record(&subject, Event::task_admitted()).await {
            Ok(()) => Ok(session),
            Err(unavailable) => {
                session.stop(unavailable.clone().into());
                let _ = session.finish(Outcome::AuditUnavailable).await;
                Err(AdmitError::Audit(unavailable))
            }
        }
    }

    /// Records that a task was refused, with a fixed token as the reason.
    ///
    /// # Errors
    ///
    /// [`AuditUnavailable`] if the record was not accepted.
    #[doc(hidden)]
    pub async fn refuse(&self, subject: &Arc<Subject>, reason: &'static str) -> Result<(), AuditUnavailable> {
        self.pal.record(subject, Event::task_refused(reason)).await
    }

    /// Returns true if a provider has this name.
    pub fn has_provider(&self, id: &ProviderId) -> bool {
        self.providers.contains_key(id)
    }

    /// Returns the log in which the broker records.
    pub fn pal(&self) -> &Arc<Pal> {
        &self.pal
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("providers", &self.providers.keys()).finish_non_exhaustive()
    }
}

impl From<DenyReason> for Reason {
    fn from(reason: DenyReason) -> Self {
        Self::Denied(reason)
    }
}
