//! The one way from a task to a value.
//!
//! ```text
//! resolve   1 capability check      pure; denied is recorded, and ends the task
//!           2 task state            running? poisoned? uses left?
//!           3 cache                 per scope subject; one flight for all who ask at once
//!           4 provider              with a deadline; asked for is recorded first
//!           5 record accepted       no record, no value
//!           6 handle                counted against the task
//! ```
//!
//! Every use of a handle takes steps 1, 2 and 5 again: a handle is not a permission.
//!
//! # Invariants
//!
//! - Nothing else in the program calls a [`SecretProvider`].
//! - A denial makes no call, and touches neither cache nor provider.
//! - After a violation, or a record that a required sink did not take, the session answers nothing any more.
//!
//! # Hidden items
//!
//! The session of a task, its handles and its requests are hidden from the documentation: only
//! `far-runtime` may use them. They are public because it is another crate. A program that opens
//! sessions by itself takes over what the runtime promises: that the guest is the one that was
//! checked, that a denial ends it, and that its output is redacted.

#![expect(clippy::disallowed_methods, reason = "the broker is the one that calls providers")]

mod cache;
mod call;
mod egress;
mod ending;
mod error;
mod exchange;
mod fetch;
mod handle;
mod life;
mod operator;
mod place;
mod reach;
mod record;
mod release;
mod repeats;
mod rotation;
mod sealed;
mod session;
mod signing;
mod slot;
mod stand_in;
mod uses;
mod wanted;

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
pub use operator::{KeptSecret, OperatorError, Revoked, Rotated};
pub use reach::reach;
pub use repeats::Repeats;
pub use rotation::Reread;
#[doc(hidden)]
pub use session::Session;
pub use stand_in::StandIn;

use self::cache::Cache;
use self::rotation::Schedules;
use self::sealed::StandIns;
use crate::context::TaskContext;
use crate::pal::{AuditUnavailable, Event, Labels, Outcome, Pal, Reason, Subject};
use crate::provider::SecretProvider;

/// Hands out secrets to the tasks of one agent.
pub struct Broker {
    providers: HashMap<ProviderId, Arc<dyn SecretProvider>>,
    cache: Cache,
    stand_ins: StandIns,
    schedules: Schedules,
    pal: Arc<Pal>,
    labels: Labels,
    settings: BrokerSettings,
}

/// How a broker behaves towards backends.
#[derive(Clone, Copy, Debug)]
pub struct BrokerSettings {
    /// How long one call of a provider may take. 10 s by default.
    pub provider_deadline: Duration,
    /// How much time passes at least between two reads of one secret that guests ask for by `refresh`. 10 s by default.
    pub refresh_interval: Duration,
    /// How long each step of ending what a backend made may take, at the end of a task too. 5 s by default.
    pub revoke_deadline: Duration,
    /// How much locked memory the values of one task's own may take at a time, in bytes. 256 KiB by default.
    pub task_memory: usize,
    /// How repeated handles are recorded. [`Repeats::Each`] by default.
    pub repeats: Repeats,
}

impl Default for BrokerSettings {
    fn default() -> Self {
        Self {
            provider_deadline: Duration::from_secs(10),
            refresh_interval: Duration::from_secs(10),
            revoke_deadline: Duration::from_secs(5),
            task_memory: 256 * 1024,
            repeats: Repeats::Each,
        }
    }
}

/// Why there is no broker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// Two providers have one name.
    #[error("two providers are called '{0}'")]
    Twice(ProviderId),
    /// The operating system's random source failed.
    #[error("the operating system gave no random numbers")]
    Random,
}

/// Why a task was not let in.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmitError {
    /// Its admission could not be recorded.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// A task of this id is running: the two would share what is a task's own.
    #[error("a task of this id is running already")]
    Running,
}

impl Broker {
    /// A broker over these providers, which records in this log.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] if two providers have one name, or the random source failed.
    pub fn new(
        providers: impl IntoIterator<Item = Arc<dyn SecretProvider>>,
        pal: Arc<Pal>,
        settings: BrokerSettings,
    ) -> Result<Arc<Self>, BrokerError> {
        let mut by_id = HashMap::new();
        for provider in providers {
            let id = provider.id().clone();
            if by_id.insert(id.clone(), provider).is_some() {
                return Err(BrokerError::Twice(id));
            }
        }
        let labels = Labels::new().map_err(|_| BrokerError::Random)?;
        Ok(Arc::new(Self {
            providers: by_id,
            cache: Cache::default(),
            stand_ins: StandIns::default(),
            schedules: Schedules::default(),
            pal,
            labels,
            settings,
        }))
    }

    /// Lets a task in: records it, and opens its session.
    ///
    /// # Errors
    ///
    /// [`AdmitError`]; the task is not let in then.
    #[doc(hidden)]
    pub async fn admit(self: &Arc<Self>, context: TaskContext) -> Result<Session, AdmitError> {
        let subject = Arc::new(Subject::from(&context));
        // Open before it is recorded: however this ends, what was recorded as admitted is recorded as finished.
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

    /// Records that a task was not let in, and why, as a fixed token.
    ///
    /// # Errors
    ///
    /// [`AuditUnavailable`] if the record was not accepted.
    #[doc(hidden)]
    pub async fn refuse(&self, subject: &Arc<Subject>, reason: &'static str) -> Result<(), AuditUnavailable> {
        self.pal.record(subject, Event::task_refused(reason)).await
    }

    /// Whether there is a provider of this name.
    pub fn has_provider(&self, id: &ProviderId) -> bool {
        self.providers.contains_key(id)
    }

    /// The log that the broker records in.
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
