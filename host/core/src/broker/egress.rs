//! Authorization of requests. The broker decides on a whole request and records the decision before
//! the request leaves. [`Exchange`] records its end.

use std::sync::Arc;
use std::time::Instant;

use far_capability::{Access, DenyReason, Operation, Placement, Purpose, Target};
use far_memory::SecretBytes;

use super::exchange::{Exchange, SealedSecret};
use super::seal::PlaceholderEntry;
use super::{AccessError, Placeholder, SecretError, Session, Stop};
use crate::clock::now;
use crate::pal::{DestinationLabel, EgressReason, Event, SecretUse};
use crate::secret::Secret;

/// Reasons to reject a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The task must end: the caller turns the error into a trap.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// The task may not send the request. The skill gets an error, and may continue.
    #[error("the task may not send requests there")]
    Denied,
}

/// An unusable secret of a request, the token for the secret's own event, and the reason for the
/// request's event.
type Unusable = (Arc<Secret>, &'static str, EgressReason);

impl Session {
    /// Authorizes a request with these placeholders, each of them the whole of a part of the
    /// request. Calls `put` with the index of each placeholder and with its value, which replaces
    /// the placeholder.
    ///
    /// # Errors
    ///
    /// [`EgressError`], recorded. A placeholder of another task is a violation, and so is a
    /// placeholder that does not belong in this request or in this part of it. After an error, drop
    /// the request: `put` may have been called.
    ///
    /// # Security
    ///
    /// No other function puts a value into a request. Each replacement is a use, counted and
    /// recorded. The broker decides on the whole request before it takes a use. All records are
    /// accepted before this returns.
    pub async fn authorize_egress(
        self: &Arc<Self>,
        target: &Target,
        placed: &[(&Placeholder, &Placement)],
        put: impl FnMut(usize, &SecretBytes) -> Result<(), EgressReason> + Send,
    ) -> Result<Exchange, EgressError> {
        self.ensure_open().await?;
        let started = now();
        let carried = match self.resolve_secrets(target, placed, started).await? {
            Ok(carried) if carried.is_empty() => return self.authorize_plain(target, started).await,
            Ok(carried) => self.substitute(carried, started, put),
            Err(unusable) => Err(unusable),
        };
        let carried = match carried {
            Ok(carried) => carried,
            Err((secret, token, reason)) => {
                let failed = SecretUse::Failed(Some(token));
                self.record(Event::secret_used(&*secret, self.label_of(target), failed)).await?;
                self.record_denied_request(Some(target), reason).await?;
                return Err(EgressError::Denied);
            }
        };
        let destination = carried.first().map_or_else(|| self.label_of(target), |secret| secret.destination.clone());
        let exchange = Exchange::new(self, destination, carried, started);
        for event in exchange.started_events() {
            self.record(event).await?;
        }
        // Checked after the records: a value that was wiped meanwhile must not leave.
        match exchange.end_reason() {
            None => Ok(exchange),
            Some(reason) => {
                exchange.fail_unsent(SecretError::from(reason).kind(), EgressReason::Secret).await?;
                Err(EgressError::Denied)
            }
        }
    }

    /// Authorizes a request without a secret, if the task may send one to `target`.
    async fn authorize_plain(self: &Arc<Self>, target: &Target, started: Instant) -> Result<Exchange, EgressError> {
        let covering = self.context().egress.iter().find(|destination| destination.covers(target));
        if covering.is_none() {
            self.record_denied_request(Some(target), EgressReason::Destination).await?;
            return Err(EgressError::Denied);
        }
        let label = covering.map_or_else(|| self.label_of(target), DestinationLabel::from);
        self.record(Event::egress_allowed(label.clone())).await?;
        Ok(Exchange::new(self, label, Vec::new(), started))
    }

    /// Returns the secrets behind the placeholders, if the task may send all of them to `target`,
    /// or else the first secret that it cannot send now.
    async fn resolve_secrets(
        &self,
        target: &Target,
        placed: &[(&Placeholder, &Placement)],
        started: Instant,
    ) -> Result<Result<Vec<SealedSecret>, Unusable>, EgressError> {
        let (mut carried, mut unusable) = (Vec::with_capacity(placed.len()), None);
        for (placeholder, placement) in placed {
            let Some(PlaceholderEntry { secret, requested, .. }) = self.resolve_placeholder(placeholder).await? else {
                self.record_denied_request(Some(target), EgressReason::Placeholder).await?;
                return Err(EgressError::Denied);
            };
            let purpose = Purpose::Seal(target, Some(placement));
            let access = Access { secret: secret.name(), version: &requested, purpose, derived: secret.is_derived() };
            match self.authorize(&access, started).await {
                Ok(permit) => {
                    let destination = permit.destination(target).map(DestinationLabel::from);
                    let destination = destination.unwrap_or_else(|| self.label_of(target));
                    carried.push(SealedSecret::new(secret, destination, permit));
                }
                Err(AccessError::Stopped(stop)) => return Err(stop.into()),
                Err(AccessError::Secret(error)) => {
                    unusable.get_or_insert((secret, error.kind(), EgressReason::Secret));
                }
            }
        }
        Ok(unusable.map_or(Ok(carried), Err))
    }

    /// Replaces each placeholder with its value, and takes a use of each secret: of all, or of
    /// none.
    fn substitute(
        &self,
        mut carried: Vec<SealedSecret>,
        started: Instant,
        mut put: impl FnMut(usize, &SecretBytes) -> Result<(), EgressReason>,
    ) -> Result<Vec<SealedSecret>, Unusable> {
        for (index, sealed) in carried.iter().enumerate() {
            let value = sealed
                .secret
                .value(started)
                .map_err(|reason| (sealed.secret.clone(), SecretError::from(reason).kind(), EgressReason::Secret))?;
            put(index, &value).map_err(|reason| (sealed.secret.clone(), reason.token(), reason))?;
        }
        let mut exhausted = None;
        for sealed in &mut carried {
            if let Err(error) = sealed.take_use(self) {
                exhausted = Some((sealed.secret.clone(), error.kind(), EgressReason::Secret));
                break;
            }
        }
        let Some(exhausted) = exhausted else { return Ok(carried) };
        carried.iter_mut().for_each(|sealed| sealed.return_use(self));
        Err(exhausted)
    }

    /// Rejects a placeholder in a part of the request that may have none. A placeholder of any task
    /// is a violation. Returns true if the placeholder refers to a secret.
    ///
    /// # Errors
    ///
    /// [`EgressError::Stopped`] for the violation.
    pub async fn forbid_placeholder(&self, placeholder: &Placeholder, target: &Target) -> Result<bool, EgressError> {
        let Some(PlaceholderEntry { secret, requested, .. }) = self.resolve_placeholder(placeholder).await? else {
            return Ok(false);
        };
        let (purpose, derived) = (Purpose::Seal(target, None), secret.is_derived());
        let access = Access { secret: secret.name(), version: &requested, purpose, derived };
        match self.authorize(&access, now()).await {
            Err(AccessError::Stopped(stop)) => Err(stop.into()),
            Ok(_) | Err(AccessError::Secret(_)) => Ok(true),
        }
    }

    /// Looks up a placeholder. A placeholder of another task is a violation.
    async fn resolve_placeholder(&self, placeholder: &Placeholder) -> Result<Option<PlaceholderEntry>, EgressError> {
        let Some(sealed) = self.broker.placeholders.get(placeholder) else { return Ok(None) };
        if sealed.task == self.context().task_id {
            return Ok(Some(sealed));
        }
        // The owner and the secret are hidden from this task, and from readers of its events.
        let label = self.broker.labels.unlisted(placeholder.as_str());
        match self.record_violation(label, Some(Operation::Seal), DenyReason::ForeignToken).await {
            AccessError::Stopped(stop) => Err(stop.into()),
            AccessError::Secret(_) => Err(EgressError::Denied),
        }
    }

    /// Checks that a request carries every secret that `target` requires, given its placeholders.
    /// Records a denial otherwise. Returns true if the target requires a secret.
    ///
    /// # Errors
    ///
    /// [`EgressError`].
    pub async fn check_required_secrets(&self, target: &Target, carried: &[&Placeholder]) -> Result<bool, EgressError> {
        let sealed: Vec<_> = carried.iter().filter_map(|placeholder| self.placeholder_secret(placeholder)).collect();
        let mut required = self.context().capability.required_secrets(target).peekable();
        let any = required.peek().is_some();
        if required.all(|required| sealed.contains(required)) {
            return Ok(any);
        }
        self.record_denied_request(Some(target), EgressReason::MissingSecret).await?;
        Err(EgressError::Denied)
    }

    /// Returns an error unless the task is running.
    async fn ensure_open(&self) -> Result<(), EgressError> {
        match self.ensure_running(None).await {
            Ok(()) => Ok(()),
            Err(AccessError::Stopped(stop)) => Err(stop.into()),
            Err(AccessError::Secret(_)) => Err(EgressError::Denied),
        }
    }

    /// Records the denial of a request.
    ///
    /// # Errors
    ///
    /// [`Stop`] if the record was not accepted, or exceeds the limit on records.
    pub async fn record_denied_request(&self, target: Option<&Target>, reason: EgressReason) -> Result<(), Stop> {
        let destination = target.map(|target| self.label_of(target));
        self.record(Event::egress_denied(destination, reason)).await
    }

    /// Returns the label of a target: a listed origin, or the hash of an unlisted host.
    fn label_of(&self, target: &Target) -> DestinationLabel {
        let context = self.context();
        let mut listed = context.egress.iter().chain(&context.listed).chain(context.capability.destinations());
        match listed.find(|destination| destination.matches_origin(target)) {
            Some(destination) => destination.into(),
            None => self.broker.labels.unlisted_host(target.host()),
        }
    }
}
