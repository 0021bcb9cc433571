//! Constructors of events, by kind and case, as `docs/reference/events.md` lists them.

use std::time::Duration;

use far_capability::{DenyReason, Operation, ProviderId, SecretName};
use jiff::Timestamp;

use super::{Completion, EgressEnd, Event, LeaseRecovery, SecretRef, SecretUse, Transfer};
use crate::pal::{
    CacheState, Cause, DestinationLabel, EgressReason, EventKind, HostReason, LogLevel, Outcome, Reason, SecretLabel,
    SendState,
};

impl Event {
    /// `task.admitted`.
    pub fn task_admitted() -> Self {
        Self::new(EventKind::TaskAdmitted)
    }

    /// `task.refused`.
    pub fn task_refused(reason: &'static str) -> Self {
        let mut event = Self::new(EventKind::TaskRefused);
        event.outcome = Some(Outcome::Refused);
        event.reason = Some(Reason::Token(reason));
        event
    }

    /// `task.started`.
    pub fn task_started() -> Self {
        Self::new(EventKind::TaskStarted)
    }

    /// `task.finished`; with the number of records if the task reached its limit on them.
    pub fn task_finished(outcome: Outcome, reason: Option<Reason>, records: Option<u64>, duration: Duration) -> Self {
        let mut event = Self::new(EventKind::TaskFinished);
        event.outcome = Some(outcome);
        event.reason = reason;
        event.count = records;
        event.duration = Some(duration);
        event
    }

    /// `secret.requested`; with a cause for a request of the agent.
    pub fn secret_requested(name: &SecretName, provider: &ProviderId, cause: Option<Cause>) -> Self {
        Self::about(EventKind::SecretRequested, SecretRef::new(name, provider)).with_cause(cause)
    }

    /// `secret.fetched`: the result of a backend's read.
    pub fn secret_fetched(secret: SecretRef, completion: Completion, cause: Option<Cause>) -> Self {
        Self::about_read(EventKind::SecretFetched, secret, completion, cause)
    }

    /// `secret.refreshed`: the result of a backend's refresh.
    pub fn secret_refreshed(secret: SecretRef, completion: Completion, cause: Option<Cause>) -> Self {
        Self::about_read(EventKind::SecretRefreshed, secret, completion, cause)
    }

    /// `secret.rotated`: the result of reissuing a leased secret.
    pub fn secret_reissued(secret: SecretRef, completion: Completion, cause: Option<Cause>) -> Self {
        Self::about_read(EventKind::SecretRotated, secret, completion, cause)
    }

    /// `secret.rotated`: the result of rotating a static secret, without a value.
    pub fn secret_rotated(secret: SecretRef, completion: Completion, cause: Cause) -> Self {
        Self::about(EventKind::SecretRotated, secret).with_completion(completion).with_cause(Some(cause))
    }

    /// `secret.injected`: a handle, or the failure to redact its value.
    pub fn secret_injected(secret: impl Into<SecretRef>, completion: Completion, cache: CacheState) -> Self {
        let mut event = Self::about(EventKind::SecretInjected, secret).with_completion(completion);
        event.cache = Some(cache);
        event
    }

    /// `secret.injected`: a summary of `count` more handles from the cache.
    pub fn secret_injected_again(secret: SecretRef, count: u64, first: Timestamp, last: Timestamp) -> Self {
        let mut event = Self::about(EventKind::SecretInjected, secret);
        event.outcome = Some(Outcome::Completed);
        event.cache = Some(CacheState::Hit);
        event.count = Some(count);
        (event.first, event.last) = (Some(first), Some(last));
        event
    }

    /// `secret.injected`, failed: the grant has expired, and no version is known.
    pub fn secret_injection_refused(name: SecretLabel, operation: Option<Operation>, reason: &'static str) -> Self {
        let mut event = Self::new(EventKind::SecretInjected);
        event.secret_name = Some(name);
        event.operation = operation;
        event.outcome = Some(Outcome::Failed);
        event.reason = Some(Reason::Token(reason));
        event
    }

    /// `secret.listed`.
    pub fn secret_listed() -> Self {
        Self::new(EventKind::SecretListed)
    }

    /// `secret.revealed`.
    pub fn secret_revealed(secret: SecretRef, completion: Completion) -> Self {
        Self::about(EventKind::SecretRevealed, secret).with_operation(Operation::Reveal).with_completion(completion)
    }

    /// `secret.signed`.
    pub fn secret_signed(secret: SecretRef, completion: Completion) -> Self {
        Self::about(EventKind::SecretSigned, secret).with_operation(Operation::Sign).with_completion(completion)
    }

    /// `secret.sealed`.
    pub fn secret_sealed(secret: SecretRef, completion: Completion) -> Self {
        Self::about(EventKind::SecretSealed, secret).with_operation(Operation::Seal).with_completion(completion)
    }

    /// `secret.used`.
    pub fn secret_used(secret: impl Into<SecretRef>, destination: DestinationLabel, state: SecretUse) -> Self {
        let (outcome, reason) = match state {
            SecretUse::Started => (Outcome::Started, None),
            SecretUse::Completed => (Outcome::Completed, None),
            SecretUse::Unknown(reason) => (Outcome::Unknown, reason),
            SecretUse::Failed(reason) => (Outcome::Failed, reason),
        };
        let mut event = Self::about(EventKind::SecretUsed, secret).with_operation(Operation::Seal);
        event.destination = Some(destination);
        event.outcome = Some(outcome);
        event.reason = reason.map(Reason::Token);
        event
    }

    /// `secret.derived`.
    pub fn secret_derived(secret: impl Into<SecretRef>, completion: Completion) -> Self {
        Self::about(EventKind::SecretDerived, secret).with_completion(completion)
    }

    /// `secret.denied`: a violation.
    pub fn secret_denied(name: SecretLabel, operation: Option<Operation>, reason: DenyReason) -> Self {
        let mut event = Self::new(EventKind::SecretDenied);
        event.secret_name = Some(name);
        event.operation = operation;
        event.outcome = Some(Outcome::ScopeViolation);
        event.reason = Some(Reason::Denied(reason));
        event
    }

    /// `secret.expired`.
    pub fn secret_expired(secret: impl Into<SecretRef>, cause: Cause) -> Self {
        Self::about(EventKind::SecretExpired, secret).with_cause(Some(cause))
    }

    /// `secret.renewed`: its lease was about to end.
    pub fn secret_renewed(secret: impl Into<SecretRef>, completion: Completion) -> Self {
        Self::about(EventKind::SecretRenewed, secret).with_completion(completion).with_cause(Some(Cause::Lease))
    }

    /// `secret.revoked`: the result of revoking a lease or a version.
    pub fn secret_revoked(secret: impl Into<SecretRef>, completion: Completion, cause: Option<Cause>) -> Self {
        Self::about(EventKind::SecretRevoked, secret).with_completion(completion).with_cause(cause)
    }

    /// `secret.revoked`, failed: the provider may not have revoked all leases of an owner.
    pub fn owner_revocation_failed(
        provider: &ProviderId,
        reason: &'static str,
        duration: Duration,
        cause: Option<Cause>,
    ) -> Self {
        let event = Self::new(EventKind::SecretRevoked).with_completion(Completion::new(Some(reason), duration));
        Self { provider: Some(provider.clone()), ..event }.with_cause(cause)
    }

    /// `secret.revoked`: the leases that an earlier process of the agent left.
    pub fn leases_recovered(provider: &ProviderId, recovery: LeaseRecovery) -> Self {
        let (outcome, count, reason) = match recovery {
            LeaseRecovery::Revoked(count) => (Outcome::Completed, Some(count), None),
            LeaseRecovery::Failed(count) => (Outcome::Failed, count, None),
            LeaseRecovery::CorruptJournal(files) => {
                (Outcome::Failed, Some(files), Some(HostReason::CorruptJournal.token()))
            }
        };
        let mut event = Self::new(EventKind::SecretRevoked).with_cause(Some(Cause::Recovery));
        event.provider = Some(provider.clone());
        event.outcome = Some(outcome);
        event.count = count;
        event.reason = reason.map(Reason::Token);
        event
    }

    /// `secret.wiped`.
    pub fn secret_wiped(secret: impl Into<SecretRef>, cause: Option<Cause>) -> Self {
        Self::about(EventKind::SecretWiped, secret).with_cause(cause)
    }

    /// `egress.allowed`.
    pub fn egress_allowed(destination: DestinationLabel) -> Self {
        let mut event = Self::new(EventKind::EgressAllowed);
        event.destination = Some(destination);
        event.outcome = Some(Outcome::Completed);
        event
    }

    /// `egress.denied`; without a destination if the request has none.
    pub fn egress_denied(destination: Option<DestinationLabel>, reason: EgressReason) -> Self {
        let mut event = Self::new(EventKind::EgressDenied);
        event.destination = destination;
        event.outcome = Some(Outcome::Failed);
        event.reason = Some(Reason::Token(reason.token()));
        event
    }

    /// `egress.finished`.
    pub fn egress_finished(
        destination: DestinationLabel,
        end: EgressEnd,
        transfer: Transfer,
        duration: Duration,
    ) -> Self {
        let (outcome, reason) = match end {
            EgressEnd::Completed => (Outcome::Completed, None),
            EgressEnd::Failed(reason) => (Outcome::Failed, Some(reason.token())),
            EgressEnd::Cancelled => (Outcome::Cancelled, None),
        };
        let mut event = Self::new(EventKind::EgressFinished);
        event.destination = Some(destination);
        event.outcome = Some(outcome);
        event.reason = reason.map(Reason::Token);
        event.status = transfer.status;
        event.sent = Some(transfer.sent);
        event.bytes_sent = Some(if transfer.sent == SendState::No { 0 } else { transfer.bytes_sent });
        event.bytes_received = Some(transfer.bytes_received);
        event.duration = Some(duration);
        event
    }

    /// `skill.logged`: a line of `length` bytes.
    pub fn skill_logged(level: LogLevel, length: u64) -> Self {
        let mut event = Self::new(EventKind::SkillLogged);
        event.level = Some(level);
        event.length = Some(length);
        event
    }

    /// `skill.logged`: a summary of `count` more lines, `length` bytes in total.
    pub fn skill_logged_more(count: u64, length: u64) -> Self {
        let mut event = Self::new(EventKind::SkillLogged);
        event.count = Some(count);
        event.length = Some(length);
        event
    }

    /// `output.redacted`: `count` matches of the value.
    pub fn output_redacted(name: SecretName, count: u64) -> Self {
        let mut event = Self::new(EventKind::OutputRedacted);
        event.secret_name = Some(SecretLabel::Listed(name));
        event.count = Some(count);
        event
    }

    fn about(kind: EventKind, secret: impl Into<SecretRef>) -> Self {
        let SecretRef { name, version, provider } = secret.into();
        let mut event = Self::new(kind);
        event.secret_name = Some(name);
        event.secret_version = version;
        event.provider = Some(provider);
        event
    }

    fn about_read(kind: EventKind, secret: SecretRef, completion: Completion, cause: Option<Cause>) -> Self {
        let mut event = Self::about(kind, secret).with_completion(completion).with_cause(cause);
        event.cache = Some(CacheState::Miss);
        event
    }

    fn with_completion(mut self, completion: Completion) -> Self {
        self.outcome = Some(if completion.failed.is_none() { Outcome::Completed } else { Outcome::Failed });
        self.reason = completion.failed.map(Reason::Token);
        self.duration = Some(completion.duration);
        self
    }

    fn with_cause(mut self, cause: Option<Cause>) -> Self {
        self.cause = cause;
        self
    }

    fn with_operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }
}
