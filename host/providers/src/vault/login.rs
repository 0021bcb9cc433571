//! How the provider gets its token.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use far_core::memory::SecretBytes;
use far_core::provider::ProviderError;
use far_files::Trust;
use parking_lot::Mutex;

use super::answer::{Answer, SelfLookup, Unwrapped, Wrapping};
use super::client::{Ask, Client, Reply, Token};
use super::credential::{self, CredentialError};
use super::place::{PlaceError, mount_path};
use crate::network::Metrics;
use crate::network::json;

/// Where the server says what a token is to whoever has it.
pub(super) const LOOKUP_SELF: &str = "auth/token/lookup-self";
/// Where Kubernetes puts the token of a pod's service account.
pub const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The longest time that a token is taken to have, whatever the server says: an instant beyond it may not exist.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How the provider says who it is.
///
/// `mount` is where the method is mounted, below `auth/`; each has the name of its kind by default.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auth {
    /// A token that somebody else gets, and puts into a file.
    Token {
        /// The file.
        file: PathBuf,
    },
    /// AppRole.
    AppRole {
        /// Where it is mounted.
        mount: String,
        /// Which role: no secret by itself.
        role_id: String,
        /// The secret that goes with it.
        secret_id: SecretId,
    },
    /// A pod's service account.
    Kubernetes {
        /// Where it is mounted.
        mount: String,
        /// Which role.
        role: String,
        /// The account's token; a link is followed.
        token_file: PathBuf,
    },
    /// A signed token of somebody the server believes.
    Jwt {
        /// Where it is mounted.
        mount: String,
        /// Which role.
        role: String,
        /// The token.
        file: PathBuf,
    },
    /// A certificate for TLS.
    Certificate {
        /// Where it is mounted.
        mount: String,
        /// Which role; any that fits, if none.
        role: Option<String>,
        /// The certificate and its chain, in PEM.
        cert_file: PathBuf,
        /// Its key, in PEM.
        key_file: PathBuf,
    },
}

/// Where AppRole's secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretId {
    /// In a file.
    File(PathBuf),
    /// In a wrapping that opens once, whose token is in a file.
    Wrapped(PathBuf),
}

/// A token that the server gave.
pub(super) struct Granted {
    pub(super) token: Token,
    /// None if it does not end.
    pub(super) lease: Option<Duration>,
    pub(super) renewable: bool,
}

/// Logs in, as often as it takes.
pub(super) struct Login {
    auth: Auth,
    path: String,
    /// Before which a wrapping of a secret id must have been made.
    roles: String,
    wrapped: Mutex<Wrapped>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Wrapped {
    secret_id: Option<Arc<SecretBytes>>,
    /// The token of a wrapping that is no more.
    spent: Option<Token>,
}

impl Auth {
    fn mount(&self) -> &str {
        match self {
            Self::Token { .. } => "token",
            Self::AppRole { mount, .. }
            | Self::Kubernetes { mount, .. }
            | Self::Jwt { mount, .. }
            | Self::Certificate { mount, .. } => mount,
        }
    }

    /// The files that must be there and right, for the provider to be able to log in; not those of a certificate.
    fn files(&self) -> Option<(&Path, Trust)> {
        match self {
            Self::Token { file } | Self::Jwt { file, .. } => Some((file, Trust::Credential)),
            Self::AppRole { secret_id: SecretId::File(file) | SecretId::Wrapped(file), .. } => {
                Some((file, Trust::Credential))
            }
            // A link to a file that all in the pod can read, replaced by another in time.
            Self::Kubernetes { token_file, .. } => Some((token_file, Trust::Unwritable)),
            Self::Certificate { .. } => None,
        }
    }

    /// Looks at the files, so that what is wrong is told before anybody waits for a secret. Blocks the thread.
    pub(super) fn check(&self) -> Result<(), CredentialError> {
        self.files().map_or(Ok(()), |(path, trust)| credential::word(path, trust).map(drop))
    }
}

impl Login {
    pub(super) fn new(auth: Auth, metrics: Arc<Metrics>) -> Result<Self, PlaceError> {
        let mount = mount_path(auth.mount())?;
        Ok(Self {
            path: format!("auth/{mount}/login"),
            roles: format!("auth/{}/role/", auth.mount()),
            auth,
            wrapped: Mutex::default(),
            metrics,
        })
    }

    /// Logs in.
    ///
    /// # Errors
    ///
    /// `Unauthenticated` if the server does not take what it was shown, or there is nothing right to show.
    pub(super) async fn log_in(&self, client: &Client) -> Result<Granted, ProviderError> {
        match &self.auth {
            Auth::Token { file } => self.look_up(client, read(file, Trust::Credential).await?).await,
            Auth::AppRole { role_id, secret_id, .. } => {
                let secret_id = self.secret_id(client, secret_id).await?;
                let granted = self.show(client, &[("role_id", role_id), ("secret_id", shown(&secret_id)?)]).await;
                if granted.as_ref().err() == Some(&ProviderError::Unauthenticated) {
                    // It may have ended: the next login looks for another.
                    self.wrapped.lock().secret_id = None;
                }
                granted
            }
            Auth::Kubernetes { role, token_file, .. } => {
                let token = read(token_file, Trust::Unwritable).await?;
                self.show(client, &[("role", role), ("jwt", shown(&token)?)]).await
            }
            Auth::Jwt { role, file, .. } => {
                let token = read(file, Trust::Credential).await?;
                self.show(client, &[("role", role), ("jwt", shown(&token)?)]).await
            }
            Auth::Certificate { role: Some(role), .. } => self.show(client, &[("name", role)]).await,
            Auth::Certificate { role: None, .. } => self.show(client, &[]).await,
        }
    }

    async fn show(&self, client: &Client, members: &[(&str, &str)]) -> Result<Granted, ProviderError> {
        granted(&accepted(client.ask(Ask::post(&self.path).with(members)).await?)?)
    }

    async fn look_up(&self, client: &Client, token: SecretBytes) -> Result<Granted, ProviderError> {
        let token = Token::new(token).ok_or(ProviderError::Unauthenticated)?;
        let reply = accepted(client.ask(Ask::get(LOOKUP_SELF).with_token(&token)).await?)?;
        let told: SelfLookup = Answer::read(&reply.body)?.data()?;
        Ok(Granted { token, lease: lease(told.ttl), renewable: told.renewable })
    }

    async fn secret_id(&self, client: &Client, secret_id: &SecretId) -> Result<Arc<SecretBytes>, ProviderError> {
        let file = match secret_id {
            SecretId::File(file) => return read(file, Trust::Credential).await.map(Arc::new),
            SecretId::Wrapped(file) => file,
        };
        if let Some(kept) = self.wrapped.lock().secret_id.clone() {
            return Ok(kept);
        }
        let word = read(file, Trust::Credential).await?;
        if self.wrapped.lock().spent.as_ref().is_some_and(|spent| spent.is_same(word.expose())) {
            return Err(ProviderError::Unauthenticated);
        }
        let token = Token::new(word).ok_or(ProviderError::Unauthenticated)?;
        let unwrapped = self.unwrap_once(client, &token).await;
        if !matches!(unwrapped, Err(ProviderError::Unavailable | ProviderError::Timeout)) {
            self.wrapped.lock().spent = Some(token);
        }
        if unwrapped.as_ref().err() == Some(&ProviderError::Unauthenticated) {
            self.metrics.failed_unwraps.add();
        }
        let secret_id = Arc::new(unwrapped?);
        self.wrapped.lock().secret_id = Some(secret_id.clone());
        Ok(secret_id)
    }

    /// Opens a wrapping, if it is of a secret id.
    ///
    /// # Security
    ///
    /// Whoever opened it on the way can have wrapped something again; what was wrapped where is what the server says, and
    /// not what the wrapping holds.
    async fn unwrap_once(&self, client: &Client, token: &Token) -> Result<SecretBytes, ProviderError> {
        let reply = client.ask(Ask::post("sys/wrapping/lookup").with_token(token).with(&[])).await?;
        let reply = accepted(reply)?;
        let wrapping: Wrapping<'_> = Answer::read(&reply.body)?.data()?;
        let of_a_role = wrapping.creation_path.starts_with(&self.roles);
        if !of_a_role || !wrapping.creation_path.ends_with("/secret-id") {
            return Err(ProviderError::Unauthenticated);
        }
        let reply = accepted(client.ask(Ask::post("sys/wrapping/unwrap").with_token(token)).await?)?;
        let unwrapped: Unwrapped<'_> = Answer::read(&reply.body)?.data()?;
        json::string(unwrapped.secret_id)
    }
}

/// A token of an answer that has one.
pub(super) fn granted(reply: &Reply) -> Result<Granted, ProviderError> {
    let auth = Answer::read(&reply.body)?.auth.ok_or(ProviderError::Invalid)?;
    let token = Token::new(json::string(auth.client_token)?).ok_or(ProviderError::Invalid)?;
    Ok(Granted { token, lease: lease(auth.lease_duration), renewable: auth.renewable })
}

/// What says that a credential is not taken: a method that is not there, too.
pub(super) fn accepted(reply: Reply) -> Result<Reply, ProviderError> {
    match reply.status.as_u16() {
        400 | 401 | 403 | 404 => Err(ProviderError::Unauthenticated),
        _ => reply.ok(),
    }
}

/// A time that the server gave; none for one without an end.
pub(super) fn lease(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds).min(LONGEST))
}

/// A credential as a JSON text has it.
fn shown(credential: &SecretBytes) -> Result<&str, ProviderError> {
    std::str::from_utf8(credential.expose()).map_err(|_| ProviderError::Unauthenticated)
}

/// Reads a credential, away from the threads that must not block.
async fn read(path: &Path, trust: Trust) -> Result<SecretBytes, ProviderError> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || credential::word(&path, trust));
    read.await.map_err(|_| ProviderError::Unavailable)?.map_err(|_| ProviderError::Unauthenticated)
}
