//! The provider's token: obtained by a login, renewed, and replaced before it expires.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use far_core::clock;
use far_core::provider::ProviderError;
use far_core::single_flight::SingleFlight;
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::client::{Client, Request, Token};
use super::login::{IssuedToken, LOOKUP_SELF, Login, parse_token};
use crate::network::Metrics;

/// The minimum time between two lookups of a valid token. Repeated denied requests must not cause
/// as many lookups.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(1);
/// The same, after a new token is denied too: logins are expensive.
const NEW_TOKEN_LOOKUP_INTERVAL: Duration = Duration::from_secs(10);
/// The tolerated decrease of the TTL from one renewal to the next: a fraction of it, and a minimum.
/// Servers truncate to seconds.
const RENEWAL_TOLERANCE: (u32, Duration) = (10, Duration::from_secs(1));
/// The minimum pause between two renewals.
const MIN_RENEWAL_PAUSE: Duration = Duration::from_secs(1);

/// Provides a valid token.
pub(super) struct Session {
    client: Arc<Client>,
    login: Login,
    /// The timeout of a login.
    deadline: Duration,
    state: Mutex<State>,
    logins: SingleFlight<(), Result<(), ProviderError>>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct State {
    current: Option<Arc<SessionToken>>,
    /// The instant until which a denied request causes no lookup.
    trusted_until: Option<Instant>,
    timer: Option<AbortHandle>,
}

/// A token and its expiry.
pub(super) struct SessionToken {
    pub(super) token: Token,
    expires: Option<Instant>,
    lease: Option<Duration>,
    renewable: bool,
}

impl Session {
    pub(super) fn new(client: Arc<Client>, login: Login, deadline: Duration, metrics: Arc<Metrics>) -> Arc<Self> {
        let (state, logins) = (Mutex::default(), SingleFlight::new(Err(ProviderError::Unavailable)));
        Arc::new(Self { client, login, deadline, state, logins, metrics })
    }

    /// Returns the current token; logs in first if necessary.
    ///
    /// # Errors
    ///
    /// The errors of the login.
    pub(super) async fn current(self: &Arc<Self>) -> Result<Arc<SessionToken>, ProviderError> {
        if let Some(current) = self.cached() {
            return Ok(current);
        }
        self.log_in().await?;
        self.cached().ok_or(ProviderError::Unauthenticated)
    }

    /// Returns true if a denied request was caused by an expired token, which is then dropped. The
    /// server's response to an expired token equals that to a missing permission.
    pub(super) async fn is_expired(&self, current: &Arc<SessionToken>) -> bool {
        {
            let state = self.state.lock();
            if !state.current.as_ref().is_some_and(|other| Arc::ptr_eq(other, current)) {
                return true;
            }
            if state.trusted_until.is_some_and(|until| until > clock::now()) {
                return false;
            }
        }
        match self.client.send(Request::get(LOOKUP_SELF).with_token(&current.token)).await {
            Ok(response) if matches!(response.status.as_u16(), 401 | 403) => {
                let mut state = self.state.lock();
                state.current.take_if(|other| Arc::ptr_eq(other, current));
                true
            }
            Ok(response) => {
                if response.ok().is_ok() {
                    self.state.lock().trusted_until = Some(clock::now() + LOOKUP_INTERVAL);
                }
                false
            }
            Err(_) => false,
        }
    }

    /// Records that a new token was denied too, so that later denials cause no lookup for a while.
    pub(super) fn trust_new_token(&self) {
        self.state.lock().trusted_until = Some(clock::now() + NEW_TOKEN_LOOKUP_INTERVAL);
    }

    fn cached(&self) -> Option<Arc<SessionToken>> {
        let current = self.state.lock().current.clone()?;
        current.expires.is_none_or(|expires| expires > clock::now()).then_some(current)
    }

    /// Logs in, once for all concurrent callers. The login continues if they are cancelled, because
    /// a wrapping token can be used only once.
    async fn log_in(self: &Arc<Self>) -> Result<(), ProviderError> {
        let session = self.clone();
        let login = || async move {
            let token = timeout(session.deadline, session.login.log_in(&session.client)).await;
            let token = token.unwrap_or(Err(ProviderError::Timeout))?;
            session.metrics.logins.increment();
            session.store(token);
            Ok(())
        };
        self.logins.join((), login).await.answer
    }

    /// Stores a token and schedules its renewal.
    fn store(self: &Arc<Self>, issued: IssuedToken) {
        let IssuedToken { token, lease, renewable } = issued;
        let expires = lease.map(|lease| clock::now() + lease);
        let current = Arc::new(SessionToken { token, expires, lease, renewable });
        {
            let mut state = self.state.lock();
            state.current = Some(current.clone());
            state.trusted_until = None;
        }
        if let Some(lease) = lease {
            self.schedule_renewal(&current, lease * 2 / 3);
        }
    }

    /// Schedules the next renewal. The timer holds weak references only.
    fn schedule_renewal(self: &Arc<Self>, current: &Arc<SessionToken>, pause: Duration) {
        let (session, current) = (Arc::downgrade(self), Arc::downgrade(current));
        let timer = tokio::spawn(async move {
            sleep(pause.max(MIN_RENEWAL_PAUSE)).await;
            renew_or_log_in(&session, &current).await;
        });
        self.state.lock().timer = Some(timer.abort_handle());
    }

    /// Renews a token.
    ///
    /// # Security
    ///
    /// The server decides the new TTL. A shrinking TTL means that the token approaches its maximum
    /// TTL and must be replaced.
    async fn renew(&self, current: &SessionToken) -> Result<IssuedToken, ProviderError> {
        let request = Request::post("auth/token/renew-self").with_token(&current.token).with_strings(&[]);
        let mut renewed = parse_token(&self.client.send(request).await?.ok()?)?;
        let lives_on = |before: Duration| {
            let (part, least) = RENEWAL_TOLERANCE;
            renewed.lease.is_none_or(|lease| lease + least.max(before / part) >= before)
        };
        renewed.renewable &= current.lease.is_none_or(lives_on);
        Ok(renewed)
    }
}

async fn renew_or_log_in(session: &Weak<Session>, current: &Weak<SessionToken>) {
    // A dropped token was replaced.
    let (Some(session), Some(current)) = (session.upgrade(), current.upgrade()) else { return };
    let renewed = match current.renewable {
        true => timeout(session.deadline, session.renew(&current)).await.unwrap_or(Err(ProviderError::Timeout)),
        false => Err(ProviderError::Unsupported),
    };
    match renewed {
        Ok(token) => session.store(token),
        Err(_) => {
            if session.log_in().await.is_ok() {
                return;
            }
            let left =
                current.expires.map(|expires| expires.saturating_duration_since(clock::now())).unwrap_or_default();
            if !left.is_zero() {
                session.schedule_renewal(&current, left / 3);
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(timer) = self.state.get_mut().timer.take() {
            timer.abort();
        }
    }
}
