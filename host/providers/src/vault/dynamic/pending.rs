//! What is still to be ended, since the server was away: tried again in the background, until it worked or its own time is over.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use far_core::clock;
use far_core::provider::LeaseId;
use parking_lot::Mutex;
use tokio::time::sleep;

use super::super::ledger::Kind;
use super::Dynamic;
use super::calls::LASTS;

/// Something that was made, and is to be ended.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) kind: Kind,
    pub(super) id: LeaseId,
    /// When it has ended by itself.
    pub(super) until: Instant,
}

impl Thing {
    /// An owner's token, by its accessor.
    pub(super) fn token(accessor: &str) -> Self {
        Self { kind: Kind::Accessor, id: LeaseId::new(accessor), until: clock::now() + LASTS }
    }
}

/// What is still to be ended.
#[derive(Default)]
pub(super) struct Pending(Mutex<State>);

#[derive(Default)]
struct State {
    things: HashMap<LeaseId, Thing>,
    /// How often all were tried.
    rounds: usize,
    /// Whether somebody tries.
    tried: bool,
}

impl Pending {
    /// Has something tried again later.
    pub(super) fn add(&self, dynamic: &Arc<Dynamic>, thing: Thing) {
        let mut state = self.0.lock();
        state.things.insert(thing.id.clone(), thing);
        if !std::mem::replace(&mut state.tried, true) {
            tokio::spawn(keep_trying(Arc::downgrade(dynamic)));
        }
    }

    /// What there is, another one first each time: one that always fails is not to keep the others from their turn. What has ended by
    /// itself is no longer; where it is written down it stays, for the next start to see.
    pub(super) fn things(&self) -> Vec<Thing> {
        let mut state = self.0.lock();
        state.things.retain(|_, thing| thing.until > clock::now());
        state.rounds = state.rounds.wrapping_add(1);
        let mut things: Vec<_> = state.things.values().cloned().collect();
        let first = state.rounds.checked_rem(things.len()).unwrap_or_default();
        things.rotate_left(first);
        things
    }

    /// Whatever else ended it.
    pub(super) fn forget(&self, id: &LeaseId) {
        self.0.lock().things.remove(id);
    }

    /// Whether there is nothing left to try; nobody tries then.
    fn is_done(&self) -> bool {
        let mut state = self.0.lock();
        state.tried = !state.things.is_empty();
        !state.tried
    }
}

/// Tries until nothing is left. Does not hold the provider alive, except during a try.
async fn keep_trying(dynamic: Weak<Dynamic>) {
    let Some(mut pauses) = dynamic.upgrade().map(|dynamic| dynamic.access.shell.later()) else { return };
    loop {
        sleep(pauses.next().unwrap_or(Duration::from_secs(60))).await;
        let Some(dynamic) = dynamic.upgrade() else { return };
        let _ = dynamic.try_pending().await;
        if dynamic.pending.is_done() {
            return;
        }
    }
}
