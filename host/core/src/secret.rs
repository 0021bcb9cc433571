//! A fetched secret: its identity, its end, and its bytes for as long as it lives.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use far_capability::{ProviderId, SecretName, Version};
use far_memory::SecretBytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::provider::Lease;

/// One version of one secret, shared by all who hold a handle to it.
///
/// A handle outlives the value: when the secret expires or is revoked, its bytes go at once and every later use answers
/// [`Gone`].
///
/// # Security
///
/// Readers take a counted reference to the bytes, not a lock: a guest that stalls while a value is copied into its
/// memory cannot hold up the wiping of anything but that one copy's source, and that for its own deadline at most.
pub struct Secret {
    name: SecretName,
    version: Version,
    provider: ProviderId,
    time: Mutex<Time>,
    /// Told when its end was brought forward.
    hurried: Arc<Notify>,
    lease: Option<Lease>,
    derived: bool,
    value: Mutex<Result<Arc<SecretBytes>, Gone>>,
    /// Whether the bytes are gone; and they are when there is nobody any more who could say so.
    gone: watch::Sender<bool>,
    /// What wipes the secret when its time ends; nobody needs it longer than the secret.
    end: OnceLock<AbortHandle>,
}

/// Whether a secret's bytes are there; of the secret itself, it holds nothing.
#[derive(Clone, Debug)]
pub struct Presence(watch::Receiver<bool>);

impl Presence {
    /// Whether they are gone, whatever took them.
    pub fn is_over(&self) -> bool {
        // Whoever could say so is gone with them.
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until they are.
    pub async fn over(mut self) {
        let _ = self.0.wait_for(|gone| *gone).await;
    }
}

/// When a secret can be used.
#[derive(Clone, Copy, Debug)]
struct Time {
    /// When its time ends.
    expires: Instant,
    /// How long that can be put off.
    most: Instant,
    /// How long after its end the bytes stay, for when the backend does not answer.
    stale: Duration,
    /// Until when it can be used after its end all the same.
    revived: Option<Instant>,
    /// Whether another version took its place.
    replaced: bool,
}

impl Time {
    /// When the bytes go.
    fn ends(&self) -> Instant {
        self.expires.checked_add(self.stale).unwrap_or(self.expires)
    }

    fn is_fresh(&self, now: Instant) -> bool {
        now < self.expires
    }

    fn is_usable(&self, now: Instant) -> bool {
        let revived = self.revived.is_some_and(|until| now < until);
        self.is_fresh(now) || (revived && now < self.ends())
    }
}

/// Why a secret has no bytes any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Gone {
    /// Its time ended.
    #[error("the secret expired")]
    Expired,
    /// It was revoked.
    #[error("the secret was revoked")]
    Revoked,
    /// All who shared it ended.
    #[error("the secret's scope ended")]
    ScopeEnded,
}

impl Secret {
    /// A secret that lives until `expires`.
    pub fn new(name: SecretName, version: Version, provider: ProviderId, expires: Instant, value: SecretBytes) -> Self {
        let time = Time { expires, most: expires, stale: Duration::ZERO, revived: None, replaced: false };
        Self {
            name,
            version,
            provider,
            time: Mutex::new(time),
            hurried: Arc::default(),
            lease: None,
            derived: false,
            value: Mutex::new(Ok(Arc::new(value))),
            gone: watch::Sender::new(false),
            end: OnceLock::new(),
        }
    }

    /// The same secret, which its backend made for who asked, and which may be renewed until then.
    #[must_use]
    pub(crate) fn leased(mut self, lease: Option<Lease>, most: Instant) -> Self {
        self.lease = lease;
        self.time.get_mut().most = most;
        self
    }

    /// The same secret, whose bytes stay so long after its time for when its backend does not answer. What has a lease ends with
    /// that.
    #[must_use]
    pub(crate) fn kept_for(mut self, stale: Duration) -> Self {
        if self.lease.is_none() {
            self.time.get_mut().stale = stale;
        }
        self
    }

    /// What it ends by in its backend, if it was made for who asked.
    pub fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// What was made by this secret, such as a token that it signed: of the same name, version and backend, with bytes and an
    /// end of its own.
    pub fn derive(&self, expires: Instant, value: SecretBytes) -> Self {
        let (name, version, provider) = (self.name.clone(), self.version.clone(), self.provider.clone());
        let mut derived = Self::new(name, version, provider, expires, value);
        derived.derived = true;
        derived
    }

    /// Whether it was derived, and is not what the backend has.
    pub fn is_derived(&self) -> bool {
        self.derived
    }

    /// The name that it is asked for by.
    pub fn name(&self) -> &SecretName {
        &self.name
    }

    /// The version that the backend says it is.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The backend that it came from.
    pub fn provider(&self) -> &ProviderId {
        &self.provider
    }

    /// When its time ends.
    pub fn expires(&self) -> Instant {
        self.time.lock().expires
    }

    /// When its bytes go: with its time, or so long after that as they stay for a backend that does not answer.
    pub(crate) fn ends(&self) -> Instant {
        self.time.lock().ends()
    }

    /// How long its time can be put off.
    pub(crate) fn most(&self) -> Instant {
        self.time.lock().most
    }

    /// Puts its end off, if it has not ended; answers whether it is later now.
    pub(crate) fn extend(&self, to: Instant) -> bool {
        let value = self.value.lock();
        let mut time = self.time.lock();
        let to = to.min(time.most);
        let is_later = value.is_ok() && time.expires < to;
        if is_later {
            time.expires = to;
        }
        is_later
    }

    /// Has it end by then: since another version takes its place, or, if it is not `replaced`, since its backend says that there is
    /// none any more.
    pub(crate) fn end_by(&self, end: Instant, replaced: bool) {
        let mut time = self.time.lock();
        let expires = time.expires.min(end);
        *time = Time { expires, most: time.most.min(end), stale: Duration::ZERO, revived: None, replaced };
        drop(time);
        self.hurried.notify_one();
    }

    /// Has it be used until then although its time is over, since its backend does not answer; no longer than its bytes stay.
    /// Answers whether it can be.
    pub(crate) fn revive(&self, until: Instant, now: Instant) -> bool {
        let value = self.value.lock();
        let mut time = self.time.lock();
        if value.is_ok() && !time.is_fresh(now) && !time.stale.is_zero() {
            time.revived = Some(until.min(time.ends()));
        }
        value.is_ok() && time.is_usable(now)
    }

    /// Whether its time is over, and it can be used because its backend does not answer.
    pub(crate) fn is_stale(&self, now: Instant) -> bool {
        let time = self.time.lock();
        !time.is_fresh(now) && time.is_usable(now)
    }

    /// Whether it can be used, as far as that is a matter of time.
    pub(crate) fn is_usable(&self, now: Instant) -> bool {
        self.time.lock().is_usable(now)
    }

    /// Whether another version took its place.
    pub(crate) fn is_replaced(&self) -> bool {
        self.time.lock().replaced
    }

    /// Told when its end was brought forward.
    pub(crate) fn hurried(&self) -> Arc<Notify> {
        self.hurried.clone()
    }

    /// Time left; zero when it has none.
    pub fn expires_in(&self, now: Instant) -> Duration {
        self.expires().saturating_duration_since(now)
    }

    /// Whether the bytes are still there.
    pub fn is_live(&self) -> bool {
        self.value.lock().is_ok()
    }

    /// The bytes, if the secret lives.
    ///
    /// # Errors
    ///
    /// [`Gone`], with the first reason for which the bytes went. A secret whose time has ended goes here if nothing
    /// wiped it before, unless they stay for a backend that does not answer.
    pub fn value(&self, now: Instant) -> Result<Arc<SecretBytes>, Gone> {
        let time = *self.time.lock();
        if !time.is_usable(now) {
            if time.ends() <= now {
                self.wipe(Gone::Expired);
            }
            return self.value.lock().clone().and(Err(Gone::Expired));
        }
        self.value.lock().clone()
    }

    /// The bytes, for as long as there are any, whether or not they may be used: what a task may come to use, it is redacted of.
    pub(crate) fn bytes(&self) -> Result<Arc<SecretBytes>, Gone> {
        self.value.lock().clone()
    }

    /// Gives up the bytes, and says whether there were any. They are overwritten when the last reader is done, which is
    /// now unless a copy is being made at this moment.
    pub fn wipe(&self, reason: Gone) -> bool {
        let mut value = self.value.lock();
        if value.is_err() {
            return false;
        }
        *value = Err(reason);
        self.gone.send_replace(true);
        true
    }

    /// Whether the bytes are there, for whoever is not to keep them there.
    pub(crate) fn presence(&self) -> Presence {
        Presence(self.gone.subscribe())
    }

    /// Hands over the timer that wipes the secret.
    pub(crate) fn end_with(&self, timer: AbortHandle) {
        let _ = self.end.set(timer);
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        if let Some(timer) = self.end.get() {
            timer.abort();
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).field("version", &self.version).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(lives: Duration) -> (Secret, Instant) {
        let now = Instant::now();
        let value = SecretBytes::copy_of(b"canary-value").unwrap();
        let secret = Secret::new(
            SecretName::parse("token").unwrap(),
            Version::parse("1").unwrap(),
            ProviderId::parse("memory").unwrap(),
            now + lives,
            value,
        );
        (secret, now)
    }

    #[test]
    fn a_secret_has_its_value_until_its_time_ends() {
        let (secret, now) = secret(Duration::from_secs(10));
        assert_eq!(secret.value(now).unwrap().expose(), b"canary-value");
        assert_eq!(secret.value(now + Duration::from_secs(10)).err(), Some(Gone::Expired));
        assert_eq!(secret.value(now).err(), Some(Gone::Expired), "it does not come back with the clock");
    }

    #[test]
    fn the_first_reason_stays() {
        let (secret, now) = secret(Duration::from_secs(10));
        assert!(secret.wipe(Gone::Revoked));
        assert!(!secret.wipe(Gone::ScopeEnded));
        assert_eq!(secret.value(now).err(), Some(Gone::Revoked));
    }

    #[test]
    fn a_reader_keeps_what_it_reads_and_nothing_longer() {
        let (secret, now) = secret(Duration::from_secs(10));
        let reading = secret.value(now).unwrap();
        secret.wipe(Gone::Revoked);
        assert_eq!(reading.expose(), b"canary-value");
        assert_eq!(Arc::strong_count(&reading), 1, "dropping it wipes");
    }

    #[test]
    fn debug_has_no_value() {
        let (secret, _) = secret(Duration::from_secs(10));
        assert!(!format!("{secret:?}").contains("canary"));
    }
}
