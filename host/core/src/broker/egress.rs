//! Requests: which are let out. What they carry is [`sealed`](super::sealed)'s.

use super::{AccessError, Session, StandIn, Stop};
use crate::capability::Target;
use crate::guard::Guard;
use crate::pal::{DestinationLabel, Event, EventKind, Outcome, Reason};

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

impl Session {
    /// Whether a request without a secret may go where it is meant to go; recorded.
    ///
    /// # Errors
    ///
    /// [`EgressError`].
    pub async fn let_out(&self, target: &Target) -> Result<(), EgressError> {
        self.ensure_open().await?;
        let covering = self.context().egress.iter().find(|destination| destination.covers(target));
        if covering.is_none() && Guard::Egress.stands() {
            self.denied(Some(target), "destination").await?;
            return Err(EgressError::Denied);
        }
        let event = Event {
            destination: covering.map(DestinationLabel::from),
            outcome: Some(Outcome::Completed),
            ..Event::new(EventKind::EgressAllowed)
        };
        Ok(self.record(event).await?)
    }

    /// Whether a request with these stand-ins, and no other secret, carries all that it must carry to go there; recorded if it
    /// does not. Answers whether there is anything that it must.
    ///
    /// # Errors
    ///
    /// [`EgressError`].
    pub async fn carries_all(&self, target: &Target, carried: &[&StandIn]) -> Result<bool, EgressError> {
        if !Guard::OnlySealed.stands() {
            return Ok(false);
        }
        let sealed: Vec<_> = carried.iter().filter_map(|stand_in| self.stands_for(stand_in)).collect();
        let mut demanded = self.context().capability.demanded(target).peekable();
        let any = demanded.peek().is_some();
        if demanded.all(|demanded| sealed.contains(demanded)) {
            return Ok(any);
        }
        self.denied(Some(target), "only-sealed").await?;
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

    /// Records that a request was not let out, and why, as a fixed token.
    ///
    /// # Errors
    ///
    /// [`Stop::Audit`] if the record was not accepted.
    pub async fn denied(&self, target: Option<&Target>, reason: &'static str) -> Result<(), Stop> {
        let event = Event {
            destination: target.map(|target| self.label_of(target)),
            outcome: Some(Outcome::Failed),
            reason: Some(Reason::Token(reason)),
            ..Event::new(EventKind::EgressDenied)
        };
        self.record(event).await
    }

    fn label_of(&self, target: &Target) -> DestinationLabel {
        match self.context().egress.iter().find(|destination| destination.covers(target)) {
            Some(destination) => destination.into(),
            None if !Guard::UnlistedLabel.stands() => DestinationLabel::Listed(target.host().to_owned()),
            None => self.broker.labels.unlisted_host(target.host()),
        }
    }
}
