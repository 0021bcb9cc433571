//! A task's connections, which end with it; and with the first of the secrets that they carried.
//!
//! What a connection carried last is still in its buffers, in memory that is not locked: a secret that was revoked, whose time is over,
//! or which another version took the place of, would be there for as long as the connection is idle. And a server may go on
//! taking a connection for whom it was opened by.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use far_core::broker::{Session, StandIn};
use far_core::secret::Presence;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::Clients;

/// The client that a task's requests leave by, as long as nothing that it carried is gone.
pub(super) struct Connections {
    clients: Arc<Clients>,
    state: Mutex<State>,
    /// Those who wait for the end of what was carried; they end with the task.
    ends: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct State {
    /// Made with the first request: most tasks send none.
    client: Option<reqwest::Client>,
    carried: HashMap<StandIn, Presence>,
}

impl Connections {
    pub(super) fn new(clients: Arc<Clients>) -> Arc<Self> {
        Arc::new(Self { clients, state: Mutex::default(), ends: Mutex::default() })
    }

    /// The task's own client. What carries a certificate has another: no connection that a server takes for one identity is used
    /// without it, or after it was revoked.
    pub(super) fn client(&self) -> Option<reqwest::Client> {
        let mut state = self.state.lock();
        state.drain();
        if state.client.is_none() {
            state.client = self.clients.client().ok();
        }
        state.client.clone()
    }

    /// Has connections end with what stands behind this, which is about to be carried.
    pub(super) fn carry(self: &Arc<Self>, session: &Session, stand_in: &StandIn) {
        let Some(presence) = session.presence(stand_in) else { return };
        if self.state.lock().carried.insert(stand_in.clone(), presence.clone()).is_some() {
            return;
        }
        let connections = Arc::downgrade(self);
        self.ends.lock().spawn(async move {
            presence.over().await;
            Self::ended(&connections);
        });
    }

    fn ended(connections: &Weak<Self>) {
        if let Some(connections) = connections.upgrade() {
            connections.state.lock().drain();
        }
    }
}

impl State {
    /// Ends connections that are idle, if something that they may have carried is gone; one that is in use ends with its request.
    fn drain(&mut self) {
        if self.carried.values().any(Presence::is_over) {
            self.client = None;
            self.carried.clear();
        }
    }
}
