//! The connections of a task. They close with the task, or when a secret that they carried ends.
//!
//! The buffers of a connection are not in locked memory, and keep the bytes that it carried last. A
//! revoked, expired or replaced secret would stay there while the connection is idle. A server may
//! also keep trusting a connection for the identity that opened it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use far_core::broker::{Placeholder, Session};
use far_core::secret::WipeSignal;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::Clients;

/// The client of a task, which is replaced once a secret that it carried has ended.
pub(super) struct Connections {
    clients: Arc<Clients>,
    state: Mutex<State>,
    /// Tasks that wait for the end of a carried secret. They end with the task.
    watchers: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct State {
    /// Created for the first request, since most tasks send none.
    client: Option<reqwest::Client>,
    carried: HashMap<Placeholder, WipeSignal>,
}

impl Connections {
    pub(super) fn new(clients: Arc<Clients>) -> Arc<Self> {
        Arc::new(Self { clients, state: Mutex::default(), watchers: Mutex::default() })
    }

    /// Returns the task's client. A request with a client certificate uses a separate one: a
    /// connection that authenticates as one identity is not reused without it, or after its
    /// revocation.
    pub(super) fn client(&self) -> Option<reqwest::Client> {
        let mut state = self.state.lock();
        state.close_idle();
        if state.client.is_none() {
            state.client = self.clients.client().ok();
        }
        state.client.clone()
    }

    /// Registers a placeholder whose secret is about to be sent: the connections close when it
    /// ends.
    pub(super) fn carry(self: &Arc<Self>, session: &Session, placeholder: &Placeholder) {
        let Some(signal) = session.wipe_signal(placeholder) else { return };
        if self.state.lock().carried.insert(placeholder.clone(), signal.clone()).is_some() {
            return;
        }
        let connections = Arc::downgrade(self);
        self.watchers.lock().spawn(async move {
            signal.wiped().await;
            Self::secret_ended(&connections);
        });
    }

    fn secret_ended(connections: &Weak<Self>) {
        if let Some(connections) = connections.upgrade() {
            connections.state.lock().close_idle();
        }
    }
}

impl State {
    /// Drops idle connections if a secret that they may have carried has ended. A connection in use
    /// closes with its request.
    fn close_idle(&mut self) {
        if self.carried.values().any(WipeSignal::is_wiped) {
            self.client = None;
            self.carried.clear();
        }
    }
}
