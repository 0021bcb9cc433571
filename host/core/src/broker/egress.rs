//! Requests. The broker decides on a request as a whole, records the decision, and only then lets
//! the request out. [`Exchange`] records its end.

use std::sync::Arc;
use std::time::Instant;

use far_capability::{Access, DenyReason, Operation, Placement, Purpose, Target};
use far_memory::SecretBytes;

use super::exchange::{Carried, Exchange};
use super::sealed::Sealed;
use super::{AccessError, SecretError, Session, StandIn, Stop};
use crate::clock::now;
use crate::pal::{DestinationLabel, EgressReason, Event, SecretUse};
use crate::secret::Secret;

/// Why a request is not let out. The skill is told so, and may go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The task ends here: the error must become a trap.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// The task may not send it.
    #[error("the task may not send requests there")]
    Denied,
}

/// An unusable secret of a request, the token for the secret's own event, and the reason for the
/// request's event.
type Unusable = (Arc<Secret>, &'static str, EgressReason);

impl Session {
    /// Lets a request out if the task may send it with these placeholders, each the whole of a part
    /// of the request. Calls `put` with the index of each placeholder and with its value, which
    /// replaces the placeholder.
    ///
    /// # Errors
    ///
    /// [`EgressError`], recorded. A placeholder of another task is a violation, and so is a
    /// placeholder that does not belong in this request or in this part of it. After an error, drop
    /// the request: `put` may have been called.
    ///
    /// # Security
    ///
    /// This is the one place where a value enters a request. Each replacement is a use, counted and
    /// recorded. The broker decides on the whole request before it takes a use. All records are
    /// accepted before this returns.
    pub async fn authorize_egress(
        self: &Arc<Self>,
        target: &Target,
        placed: &[(&StandIn, &Placement)],
        put: impl FnMut(usize, &SecretBytes) -> Result<(), EgressReason> + Send,
    ) -> Result<Exchange, EgressError> {
        self.ensure_open().await?;
        let started = now();
        let carried = match self.carried(target, placed, started).await? {
            Ok(carried) if carried.is_empty() => return self.authorize_plain(target, started).await,
            Ok(carried) => self.put_all(carried, started, put),
            Err(unusable) => Err(unusable),
        };
        let carried = match carried {
            Ok(carried) => carried,
            Err((secret, token, reason)) => {
                let failed = SecretUse::Failed(Some(token));
                self.record(Event::secret_used(&*secret, self.label_of(target), failed)).await?;
                self.denied(Some(target), reason).await?;
                return Err(EgressError::Denied);
            }
        };
        let destination = carried.first().map_or_else(|| self.label_of(target), |one| one.destination.clone());
        let exchange = Exchange::new(self, destination, carried, started);
        for event in exchange.uses() {
            self.record(event).await?;
        }
        // Checked now, not earlier: a value that is gone by the time its record is accepted is not
        // released.
        match exchange.gone() {
            None => Ok(exchange),
            Some(gone) => {
                exchange.fail_for(SecretError::from(gone).kind(), EgressReason::Secret).await?;
                Err(EgressError::Denied)
            }
        }
    }

    /// Lets a request without a secret out, if it goes where the task may send one.
    async fn authorize_plain(self: &Arc<Self>, target: &Target, started: Instant) -> Result<Exchange, EgressError> {
        let covering = self.context().egress.iter().find(|destination| destination.covers(target));
        if covering.is_none() {
            self.denied(Some(target), EgressReason::Destination).await?;
            return Err(EgressError::Denied);
        }
        let label = covering.map_or_else(|| self.label_of(target), DestinationLabel::from);
        self.record(Event::egress_allowed(label.clone())).await?;
        Ok(Exchange::new(self, label, Vec::new(), started))
    }

    /// Returns the secrets behind the placeholders, if the task may send all of them to `target`,
    /// or else the first secret that it cannot send now.
    async fn carried(
        &self,
        target: &Target,
        placed: &[(&StandIn, &Placement)],
        started: Instant,
    ) -> Result<Result<Vec<Carried>, Unusable>, EgressError> {
        let (mut carried, mut unusable) = (Vec::with_capacity(placed.len()), None);
        for (stand_in, placement) in placed {
            let Some(Sealed { secret, asked_for, .. }) = self.own(stand_in).await? else {
                self.denied(Some(target), EgressReason::Placeholder).await?;
                return Err(EgressError::Denied);
            };
            let purpose = Purpose::Seal(target, Some(placement));
            let access = Access { secret: secret.name(), version: &asked_for, purpose, derived: secret.is_derived() };
            match self.authorize(&access, started).await {
                Ok(permit) => {
                    let destination = permit.destination(target).map(DestinationLabel::from);
                    let destination = destination.unwrap_or_else(|| self.label_of(target));
                    carried.push(Carried::new(secret, destination, permit));
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
    fn put_all(
        &self,
        mut carried: Vec<Carried>,
        started: Instant,
        mut put: impl FnMut(usize, &SecretBytes) -> Result<(), EgressReason>,
    ) -> Result<Vec<Carried>, Unusable> {
        for (index, one) in carried.iter().enumerate() {
            let value = one
                .secret
                .value(started)
                .map_err(|gone| (one.secret.clone(), SecretError::from(gone).kind(), EgressReason::Secret))?;
            put(index, &value).map_err(|reason| (one.secret.clone(), reason.token(), reason))?;
        }
        let mut exhausted = None;
        for one in &mut carried {
            if let Err(error) = one.take_use(self) {
                exhausted = Some((one.secret.clone(), error.kind(), EgressReason::Secret));
                break;
            }
        }
        let Some(exhausted) = exhausted else { return Ok(carried) };
        carried.iter_mut().for_each(|one| one.return_use(self));
        Err(exhausted)
    }

    /// Reports a placeholder of this or another task as a violation, where no placeholder may
    /// stand. Returns whether the placeholder refers to a secret.
    ///
    /// # Errors
    ///
    /// [`EgressError::Stopped`] for the violation.
    pub async fn forbid_placeholder(&self, stand_in: &StandIn, target: &Target) -> Result<bool, EgressError> {
        let Some(Sealed { secret, asked_for, .. }) = self.own(stand_in).await? else { return Ok(false) };
        let (purpose, derived) = (Purpose::Seal(target, None), secret.is_derived());
        let access = Access { secret: secret.name(), version: &asked_for, purpose, derived };
        match self.authorize(&access, now()).await {
            Err(AccessError::Stopped(stop)) => Err(stop.into()),
            Ok(_) | Err(AccessError::Secret(_)) => Ok(true),
        }
    }

    /// Looks a placeholder up. One of another task is a violation.
    async fn own(&self, stand_in: &StandIn) -> Result<Option<Sealed>, EgressError> {
        let Some(sealed) = self.broker.stand_ins.get(stand_in) else { return Ok(None) };
        if sealed.task == self.context().task_id {
            return Ok(Some(sealed));
        }
        // The owner and the secret are hidden from this task, and from readers of its events.
        let label = self.broker.labels.unlisted(stand_in.as_str());
        match self.violate(label, Some(Operation::Seal), DenyReason::ForeignToken).await {
            AccessError::Stopped(stop) => Err(stop.into()),
            AccessError::Secret(_) => Err(EgressError::Denied),
        }
    }

    /// Whether a request with these stand-ins, and no other secret, carries all that it must carry to go there; recorded if it
    /// does not. Answers whether there is anything that it must.
    ///
    /// # Errors
    ///
    /// [`EgressError`].
    pub async fn carries_all(&self, target: &Target, carried: &[&StandIn]) -> Result<bool, EgressError> {
        let sealed: Vec<_> = carried.iter().filter_map(|stand_in| self.stands_for(stand_in)).collect();
        let mut demanded = self.context().capability.demanded(target).peekable();
        let any = demanded.peek().is_some();
        if demanded.all(|demanded| sealed.contains(demanded)) {
            return Ok(any);
        }
        self.denied(Some(target), EgressReason::OnlySealed).await?;
        Err(EgressError::Denied)
    }

    /// No request leaves of a task that is not running, or must not go on.
    async fn ensure_open(&self) -> Result<(), EgressError> {
        match self.ensure_running(None).await {
            Ok(()) => Ok(()),
            Err(AccessError::Stopped(stop)) => Err(stop.into()),
            Err(AccessError::Secret(_)) => Err(EgressError::Denied),
        }
    }

    /// Records that a request was not let out, and why.
    ///
    /// # Errors
    ///
    /// [`Stop`] if the record was not accepted, or was one too many.
    pub async fn denied(&self, target: Option<&Target>, reason: EgressReason) -> Result<(), Stop> {
        let destination = target.map(|target| self.label_of(target));
        self.record(Event::egress_denied(destination, reason)).await
    }

    /// The label of where a request goes: an origin that author, grants or operator list, or a hash.
    fn label_of(&self, target: &Target) -> DestinationLabel {
        let context = self.context();
        let mut listed = context.egress.iter().chain(&context.listed).chain(context.capability.destinations());
        match listed.find(|destination| destination.is_of_origin(target)) {
            Some(destination) => destination.into(),
            None => self.broker.labels.unlisted_host(target.host()),
        }
    }
}
