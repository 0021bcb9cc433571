//! A fetched secret: its identity, its lifetime and its bytes.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use far_capability::{ProviderId, SecretName, Version};
use far_memory::SecretBytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::provider::Lease;

/// One version of one secret, shared by all handles to it.
///
/// A handle outlives the value. When the secret expires or is revoked, its bytes are wiped at once,
/// and every later use returns [`EndReason`].
///
/// # Security
///
/// Readers take a counted reference to the bytes, not a lock. A guest that stalls while a value is
/// copied into its memory delays the wiping of that value only, until its deadline at most.
pub struct Secret {
    name: SecretName,
    version: Version,
    provider: ProviderId,
    lifetime: Mutex<Lifetime>,
    /// Notified when the lifetime is shortened.
    shortened: Arc<Notify>,
    lease: Option<Lease>,
    derived: bool,
    value: Mutex<Result<Arc<SecretBytes>, EndReason>>,
    /// Set to true when the bytes are wiped; closed when the secret is dropped.
    wiped: watch::Sender<bool>,
    /// The task that wipes the secret at its expiry, aborted when the secret is dropped.
    wipe_timer: OnceLock<AbortHandle>,
}

/// A signal for the wiping of a secret. It keeps neither the secret nor its bytes alive.
#[derive(Clone, Debug)]
pub struct WipeSignal(watch::Receiver<bool>);

impl WipeSignal {
    /// Returns true if the bytes are wiped.
    pub fn is_wiped(&self) -> bool {
        // A closed channel means that the secret was dropped.
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until the bytes are wiped.
    pub async fn wiped(mut self) {
        let _ = self.0.wait_for(|wiped| *wiped).await;
    }
}

/// The time in which a secret can be used.
#[derive(Clone, Copy, Debug)]
struct Lifetime {
    expires: Instant,
    /// The latest expiry to which the secret can be extended.
    max_expiry: Instant,
    /// The time after the expiry during which the bytes stay, for stale-if-error.
    stale: Duration,
    /// The end of stale use, while the backend does not answer.
    stale_until: Option<Instant>,
    /// Set if a newer version replaced this one.
    replaced: bool,
}

impl Lifetime {
    fn wipe_at(&self) -> Instant {
        self.expires.checked_add(self.stale).unwrap_or(self.expires)
    }

    fn is_fresh(&self, now: Instant) -> bool {
        now < self.expires
    }

    fn is_usable(&self, now: Instant) -> bool {
        let may_be_stale = self.stale_until.is_some_and(|until| now < until);
        self.is_fresh(now) || (may_be_stale && now < self.wipe_at())
    }
}

/// The reason why a secret has no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndReason {
    /// The secret expired.
    #[error("the secret expired")]
    Expired,
    /// The secret was revoked.
    #[error("the secret was revoked")]
    Revoked,
    /// The scope ended: no task shares the secret.
    #[error("the secret's scope ended")]
    ScopeEnded,
}

impl Secret {
    /// Creates a secret that expires at `expires`.
    pub fn new(name: SecretName, version: Version, provider: ProviderId, expires: Instant, value: SecretBytes) -> Self {
        let lifetime =
            Lifetime { expires, max_expiry: expires, stale: Duration::ZERO, stale_until: None, replaced: false };
        Self {
            name,
            version,
            provider,
            lifetime: Mutex::new(lifetime),
            shortened: Arc::default(),
            lease: None,
            derived: false,
            value: Mutex::new(Ok(Arc::new(value))),
            wiped: watch::Sender::new(false),
            wipe_timer: OnceLock::new(),
        }
    }

    /// Sets the lease of a dynamic secret, and the latest expiry to which it can be renewed.
    #[must_use]
    pub(crate) fn with_lease(mut self, lease: Option<Lease>, max_expiry: Instant) -> Self {
        self.lease = lease;
        self.lifetime.get_mut().max_expiry = max_expiry;
        self
    }

    /// Sets the time after the expiry during which the bytes stay, for stale-if-error. A leased
    /// secret ignores it: its lease ends at the expiry.
    #[must_use]
    pub(crate) fn with_stale(mut self, stale: Duration) -> Self {
        if self.lease.is_none() {
            self.lifetime.get_mut().stale = stale;
        }
        self
    }

    /// Returns the lease of a dynamic secret; `None` for a static one.
    pub fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// Creates a secret from this one, such as a token that it signed. The derived secret has the
    /// same name, version and backend, and its own bytes and expiry.
    pub fn derive(&self, expires: Instant, value: SecretBytes) -> Self {
        let (name, version, provider) = (self.name.clone(), self.version.clone(), self.provider.clone());
        let mut derived = Self::new(name, version, provider, expires, value);
        derived.derived = true;
        derived
    }

    /// Returns true if the secret was derived from another one, and not fetched.
    pub fn is_derived(&self) -> bool {
        self.derived
    }

    /// Returns the name.
    pub fn name(&self) -> &SecretName {
        &self.name
    }

    /// Returns the version that the backend named.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Returns the backend.
    pub fn provider(&self) -> &ProviderId {
        &self.provider
    }

    /// Returns the expiry.
    pub fn expires(&self) -> Instant {
        self.lifetime.lock().expires
    }

    /// Returns the time at which the bytes are wiped: the expiry plus the time for stale-if-error.
    pub(crate) fn wipe_at(&self) -> Instant {
        self.lifetime.lock().wipe_at()
    }

    /// Returns the latest expiry to which the secret can be extended.
    pub(crate) fn max_expiry(&self) -> Instant {
        self.lifetime.lock().max_expiry
    }

    /// Extends the lifetime, unless the bytes are wiped. Returns true if the expiry is later now.
    pub(crate) fn extend(&self, to: Instant) -> bool {
        let value = self.value.lock();
        let mut lifetime = self.lifetime.lock();
        let to = to.min(lifetime.max_expiry);
        let is_later = value.is_ok() && lifetime.expires < to;
        if is_later {
            lifetime.expires = to;
        }
        is_later
    }

    /// Shortens the lifetime to `end`, because a newer version exists (`replaced`) or because the
    /// backend reported the secret gone.
    pub(crate) fn shorten(&self, end: Instant, replaced: bool) {
        let mut lifetime = self.lifetime.lock();
        let (expires, max_expiry) = (lifetime.expires.min(end), lifetime.max_expiry.min(end));
        *lifetime = Lifetime { expires, max_expiry, stale: Duration::ZERO, stale_until: None, replaced };
        drop(lifetime);
        self.shortened.notify_one();
    }

    /// Allows stale use until `until`, because the backend does not answer, but no longer than the
    /// bytes stay. Returns true if the secret is usable now.
    pub(crate) fn serve_stale_until(&self, until: Instant, now: Instant) -> bool {
        let value = self.value.lock();
        let mut lifetime = self.lifetime.lock();
        if value.is_ok() && !lifetime.is_fresh(now) && !lifetime.stale.is_zero() {
            lifetime.stale_until = Some(until.min(lifetime.wipe_at()));
        }
        value.is_ok() && lifetime.is_usable(now)
    }

    /// Returns true if the secret has expired and stale use is allowed.
    pub(crate) fn is_stale(&self, now: Instant) -> bool {
        let lifetime = self.lifetime.lock();
        !lifetime.is_fresh(now) && lifetime.is_usable(now)
    }

    /// Returns true if the lifetime permits use. The bytes may be wiped all the same.
    pub(crate) fn is_usable(&self, now: Instant) -> bool {
        self.lifetime.lock().is_usable(now)
    }

    /// Returns true if a newer version replaced this one.
    pub(crate) fn is_replaced(&self) -> bool {
        self.lifetime.lock().replaced
    }

    /// Returns a notification for a shortened lifetime.
    pub(crate) fn shortened(&self) -> Arc<Notify> {
        self.shortened.clone()
    }

    /// Returns the time until the expiry; zero after it.
    pub fn expires_in(&self, now: Instant) -> Duration {
        self.expires().saturating_duration_since(now)
    }

    /// Returns true if the bytes are not wiped.
    pub fn is_live(&self) -> bool {
        self.value.lock().is_ok()
    }

    /// Returns the bytes of a usable secret. Wipes an expired one that no timer has wiped yet,
    /// unless its bytes stay for stale-if-error.
    ///
    /// # Errors
    ///
    /// [`EndReason`]: the first reason for which the bytes were wiped, or that the secret expired.
    pub fn value(&self, now: Instant) -> Result<Arc<SecretBytes>, EndReason> {
        let lifetime = *self.lifetime.lock();
        if !lifetime.is_usable(now) {
            if lifetime.wipe_at() <= now {
                self.wipe(EndReason::Expired);
            }
            return self.value.lock().clone().and(Err(EndReason::Expired));
        }
        self.value.lock().clone()
    }

    /// Returns the bytes until they are wiped, even of a secret that is not usable now. Redaction
    /// has to know every value that a task may come to use.
    pub(crate) fn bytes(&self) -> Result<Arc<SecretBytes>, EndReason> {
        self.value.lock().clone()
    }

    /// Drops the bytes. Returns false if they were wiped before. The last reader overwrites them,
    /// which is this call unless a copy is in progress.
    pub fn wipe(&self, reason: EndReason) -> bool {
        let mut value = self.value.lock();
        if value.is_err() {
            return false;
        }
        *value = Err(reason);
        self.wiped.send_replace(true);
        true
    }

    /// Returns a signal for the wiping of the bytes.
    pub(crate) fn wipe_signal(&self) -> WipeSignal {
        WipeSignal(self.wiped.subscribe())
    }

    /// Sets the task that wipes the secret at its expiry.
    pub(crate) fn set_wipe_timer(&self, timer: AbortHandle) {
        let _ = self.wipe_timer.set(timer);
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        if let Some(timer) = self.wipe_timer.get() {
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

    fn secret(lifetime: Duration) -> (Secret, Instant) {
        let now = Instant::now();
        let value = SecretBytes::copy_of(b"canary-value").unwrap();
        let secret = Secret::new(
            SecretName::parse("token").unwrap(),
            Version::parse("1").unwrap(),
            ProviderId::parse("memory").unwrap(),
            now + lifetime,
            value,
        );
        (secret, now)
    }

    #[test]
    fn value_is_readable_until_expiry() {
        let (secret, now) = secret(Duration::from_secs(10));
        assert_eq!(secret.value(now).unwrap().expose(), b"canary-value");
        assert_eq!(secret.value(now + Duration::from_secs(10)).err(), Some(EndReason::Expired));
        assert_eq!(secret.value(now).err(), Some(EndReason::Expired), "an earlier time does not restore it");
    }

    #[test]
    fn first_wipe_reason_is_kept() {
        let (secret, now) = secret(Duration::from_secs(10));
        assert!(secret.wipe(EndReason::Revoked));
        assert!(!secret.wipe(EndReason::ScopeEnded));
        assert_eq!(secret.value(now).err(), Some(EndReason::Revoked));
    }

    #[test]
    fn wiped_value_lives_until_last_reader() {
        let (secret, now) = secret(Duration::from_secs(10));
        let reader = secret.value(now).unwrap();
        secret.wipe(EndReason::Revoked);
        assert_eq!(reader.expose(), b"canary-value");
        assert_eq!(Arc::strong_count(&reader), 1, "dropping it wipes the value");
    }

    #[test]
    fn debug_omits_value() {
        let (secret, _) = secret(Duration::from_secs(10));
        assert!(!format!("{secret:?}").contains("canary"));
    }
}
