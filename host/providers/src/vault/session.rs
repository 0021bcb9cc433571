//! The provider's token: logged in for, kept alive, replaced before it ends.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use far_core::clock;
use far_core::provider::ProviderError;
use far_core::single_flight::SingleFlight;
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::client::{Ask, Client, Token};
use super::login::{Granted, LOOKUP_SELF, Login, granted};
use crate::network::Metrics;

/// For how long a token that was just found to be well is not doubted again: a task that asks for what it may not have, over
/// and over, is no reason to ask about the token as often.
const FOUND_WELL: Duration = Duration::from_secs(1);
/// The same, for one that is new and refused as the one before it was: logins are dear.
const NEW: Duration = Duration::from_secs(10);
/// What a token's time may shrink by from one renewal to the next, as a part of it, and at least: servers cut off what is
/// less than a second.
const SHRINKS: (u32, Duration) = (10, Duration::from_secs(1));
/// The shortest pause between two tries to keep a token.
const SHORTEST: Duration = Duration::from_secs(1);

/// Has a token, whenever one is needed.
pub(super) struct Session {
    client: Arc<Client>,
    login: Login,
    /// How long a login may take.
    deadline: Duration,
    held: Mutex<Held>,
    logins: SingleFlight<(), Result<(), ProviderError>>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Held {
    current: Option<Arc<Current>>,
    /// Until when it is not doubted.
    believed: Option<Instant>,
    timer: Option<AbortHandle>,
}

/// A token, and what is known of its end.
pub(super) struct Current {
    pub(super) token: Token,
    ends: Option<Instant>,
    lease: Option<Duration>,
    renewable: bool,
}

impl Session {
    pub(super) fn new(client: Arc<Client>, login: Login, deadline: Duration, metrics: Arc<Metrics>) -> Arc<Self> {
        let (held, logins) = (Mutex::default(), SingleFlight::new(Err(ProviderError::Unavailable)));
        Arc::new(Self { client, login, deadline, held, logins, metrics })
    }

    /// The token, after a login where there is none.
    ///
    /// # Errors
    ///
    /// The login's.
    pub(super) async fn current(self: &Arc<Self>) -> Result<Arc<Current>, ProviderError> {
        if let Some(current) = self.held() {
            return Ok(current);
        }
        self.log_in().await?;
        self.held().ok_or(ProviderError::Unauthenticated)
    }

    /// Whether a refusal comes of the token's end; it is gone then. The server refuses both in the same words.
    pub(super) async fn has_ended(&self, current: &Arc<Current>) -> bool {
        {
            let held = self.held.lock();
            if !held.current.as_ref().is_some_and(|held| Arc::ptr_eq(held, current)) {
                return true;
            }
            if held.believed.is_some_and(|until| until > clock::now()) {
                return false;
            }
        }
        match self.client.ask(Ask::get(LOOKUP_SELF).with_token(&current.token)).await {
            Ok(reply) if matches!(reply.status.as_u16(), 401 | 403) => {
                let mut held = self.held.lock();
                held.current.take_if(|held| Arc::ptr_eq(held, current));
                true
            }
            Ok(reply) => {
                if reply.ok().is_ok() {
                    self.held.lock().believed = Some(clock::now() + FOUND_WELL);
                }
                false
            }
            Err(_) => false,
        }
    }

    /// The token is new, and refused all the same.
    pub(super) fn believe(&self) {
        self.held.lock().believed = Some(clock::now() + NEW);
    }

    fn held(&self) -> Option<Arc<Current>> {
        let current = self.held.lock().current.clone()?;
        current.ends.is_none_or(|ends| ends > clock::now()).then_some(current)
    }

    /// Logs in, once for all who need it. It goes on if they go away: what opens once is not opened for nobody.
    async fn log_in(self: &Arc<Self>) -> Result<(), ProviderError> {
        let session = self.clone();
        let login = || async move {
            let granted = timeout(session.deadline, session.login.log_in(&session.client)).await;
            let granted = granted.unwrap_or(Err(ProviderError::Timeout))?;
            session.metrics.logins.add();
            session.hold(granted);
            Ok(())
        };
        self.logins.join((), login).await.answer
    }

    /// Takes a token over, and sees to it that it is kept.
    fn hold(self: &Arc<Self>, granted: Granted) {
        let Granted { token, lease, renewable } = granted;
        let ends = lease.map(|lease| clock::now() + lease);
        let current = Arc::new(Current { token, ends, lease, renewable });
        {
            let mut held = self.held.lock();
            held.current = Some(current.clone());
            held.believed = None;
        }
        if let Some(lease) = lease {
            self.keep_after(&current, lease * 2 / 3);
        }
    }

    /// Holds nothing alive: neither the provider nor a token that was replaced.
    fn keep_after(self: &Arc<Self>, current: &Arc<Current>, pause: Duration) {
        let (session, current) = (Arc::downgrade(self), Arc::downgrade(current));
        let timer = tokio::spawn(async move {
            sleep(pause.max(SHORTEST)).await;
            keep(&session, &current).await;
        });
        self.held.lock().timer = Some(timer.abort_handle());
    }

    /// Asks for more time.
    ///
    /// # Security
    ///
    /// How much is asked for is advice: what the server answers is believed. A time that shrinks is the end of all renewals,
    /// which is near: the token is replaced then.
    async fn renew(&self, current: &Current) -> Result<Granted, ProviderError> {
        let ask = Ask::post("auth/token/renew-self").with_token(&current.token).with(&[]);
        let mut renewed = granted(&self.client.ask(ask).await?.ok()?)?;
        let lives_on = |before: Duration| {
            let (part, least) = SHRINKS;
            renewed.lease.is_none_or(|lease| lease + least.max(before / part) >= before)
        };
        renewed.renewable &= current.lease.is_none_or(lives_on);
        Ok(renewed)
    }
}

async fn keep(session: &Weak<Session>, current: &Weak<Current>) {
    // A token that nobody holds any more was replaced.
    let (Some(session), Some(current)) = (session.upgrade(), current.upgrade()) else { return };
    let renewed = match current.renewable {
        true => timeout(session.deadline, session.renew(&current)).await.unwrap_or(Err(ProviderError::Timeout)),
        false => Err(ProviderError::Unsupported),
    };
    match renewed {
        Ok(granted) => session.hold(granted),
        Err(_) => {
            if session.log_in().await.is_ok() {
                return;
            }
            let left = current.ends.map(|ends| ends.saturating_duration_since(clock::now())).unwrap_or_default();
            if !left.is_zero() {
                session.keep_after(&current, left / 3);
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(timer) = self.held.get_mut().timer.take() {
            timer.abort();
        }
    }
}
