//! Failed revocations, retried in the background until they succeed or the lease expires.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use far_core::clock;
use far_core::provider::LeaseId;
use parking_lot::Mutex;
use tokio::time::sleep;

use super::super::lease_journal::EntryKind;
use super::Dynamic;
use super::calls::TOKEN_TTL;

/// A lease, token or certificate to revoke.
#[derive(Clone, Debug)]
pub(super) struct RevocationTarget {
    pub(super) kind: EntryKind,
    pub(super) id: LeaseId,
    /// The instant of its expiry.
    pub(super) expires: Instant,
}

impl RevocationTarget {
    /// Returns the target for an owner's token.
    pub(super) fn token(accessor: &str) -> Self {
        Self { kind: EntryKind::Accessor, id: LeaseId::new(accessor), expires: clock::now() + TOKEN_TTL }
    }
}

/// The revocations to retry.
#[derive(Default)]
pub(super) struct PendingRevocations(Mutex<State>);

#[derive(Default)]
struct State {
    targets: HashMap<LeaseId, RevocationTarget>,
    /// The number of retry rounds.
    rounds: usize,
    /// True while a background task retries.
    running: bool,
}

impl PendingRevocations {
    /// Schedules a retry.
    pub(super) fn add(&self, dynamic: &Arc<Dynamic>, target: RevocationTarget) {
        let mut state = self.0.lock();
        state.targets.insert(target.id.clone(), target);
        if !std::mem::replace(&mut state.running, true) {
            tokio::spawn(keep_trying(Arc::downgrade(dynamic)));
        }
    }

    /// Returns the unexpired targets. Each round begins with a different target, so that one that
    /// always fails does not delay the rest. Expired targets are dropped but stay in the journal
    /// for the next process.
    pub(super) fn targets(&self) -> Vec<RevocationTarget> {
        let mut state = self.0.lock();
        state.targets.retain(|_, target| target.expires > clock::now());
        state.rounds = state.rounds.wrapping_add(1);
        let mut targets: Vec<_> = state.targets.values().cloned().collect();
        let first = state.rounds.checked_rem(targets.len()).unwrap_or_default();
        targets.rotate_left(first);
        targets
    }

    /// Removes a target that has been revoked.
    pub(super) fn forget(&self, id: &LeaseId) {
        self.0.lock().targets.remove(id);
    }

    /// Returns true if no target remains; the background task then stops.
    fn is_done(&self) -> bool {
        let mut state = self.0.lock();
        state.running = !state.targets.is_empty();
        !state.running
    }
}

/// Retries until no target remains. Holds the provider weakly between rounds.
async fn keep_trying(dynamic: Weak<Dynamic>) {
    let Some(mut backoff) = dynamic.upgrade().map(|dynamic| dynamic.access.retry.background_backoff()) else { return };
    loop {
        sleep(backoff.next().unwrap_or(Duration::from_secs(60))).await;
        let Some(dynamic) = dynamic.upgrade() else { return };
        let _ = dynamic.retry_pending().await;
        if dynamic.pending.is_done() {
            return;
        }
    }
}
