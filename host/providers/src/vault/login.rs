//! Auth methods: how the provider obtains its token.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use far_core::memory::SecretBytes;
use far_core::provider::ProviderError;
use far_files::Trust;
use parking_lot::Mutex;

use super::client::{Client, Request, Response, Token};
use super::credential::{self, CredentialError};
use super::path::{VaultPathError, mount_path};
use super::response::{ResponseBody, TokenLookup, UnwrappedSecretId, WrappingLookup};
use crate::network::Metrics;
use crate::network::json;

/// The endpoint that describes the token of the request.
pub(super) const LOOKUP_SELF: &str = "auth/token/lookup-self";
/// The file with a pod's service account token.
pub const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The maximum lifetime assumed for a token. A longer one could overflow `Instant`.
const MAX_LEASE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// An auth method of Vault.
///
/// `mount` is the method's path below `auth/`, by default the name of the method.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auth {
    /// A token from a file, which another program maintains.
    Token {
        /// The file.
        file: PathBuf,
    },
    /// AppRole.
    AppRole {
        /// The mount path.
        mount: String,
        /// The role id, which is not secret.
        role_id: String,
        /// The secret id.
        secret_id: SecretId,
    },
    /// A Kubernetes service account.
    Kubernetes {
        /// The mount path.
        mount: String,
        /// The role.
        role: String,
        /// The service account token; symbolic links are followed.
        token_file: PathBuf,
    },
    /// A JWT from a trusted issuer.
    Jwt {
        /// The mount path.
        mount: String,
        /// The role.
        role: String,
        /// The JWT.
        file: PathBuf,
    },
    /// A TLS client certificate.
    Certificate {
        /// The mount path.
        mount: String,
        /// The role; `None` lets the server choose a matching one.
        role: Option<String>,
        /// The certificate and its chain, in PEM.
        cert_file: PathBuf,
        /// The private key, in PEM.
        key_file: PathBuf,
    },
}

/// The source of the AppRole secret id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretId {
    /// In a file.
    File(PathBuf),
    /// In a response-wrapping token, which is in a file.
    Wrapped(PathBuf),
}

/// A token issued by the server.
pub(super) struct IssuedToken {
    pub(super) token: Token,
    /// `None` if it never expires.
    pub(super) lease: Option<Duration>,
    pub(super) renewable: bool,
}

/// Logs in with one auth method.
pub(super) struct Login {
    auth: Auth,
    path: String,
    /// The path below which a wrapped secret id must have been created.
    roles: String,
    wrapped: Mutex<WrappedSecretId>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct WrappedSecretId {
    secret_id: Option<Arc<SecretBytes>>,
    /// The last wrapping token that was used up.
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

    /// Returns the credential file that must be valid, if the method has one. The files of a
    /// certificate are checked separately.
    fn files(&self) -> Option<(&Path, Trust)> {
        match self {
            Self::Token { file } | Self::Jwt { file, .. } => Some((file, Trust::Credential)),
            Self::AppRole { secret_id: SecretId::File(file) | SecretId::Wrapped(file), .. } => {
                Some((file, Trust::Credential))
            }
            // In a pod: a link to a world-readable file that Kubernetes replaces.
            Self::Kubernetes { token_file, .. } => Some((token_file, Trust::Unwritable)),
            Self::Certificate { .. } => None,
        }
    }

    /// Checks the credential file, so that an error is reported before the first task. Blocks the
    /// thread.
    pub(super) fn check(&self) -> Result<(), CredentialError> {
        self.files().map_or(Ok(()), |(path, trust)| credential::word(path, trust).map(drop))
    }
}

impl Login {
    pub(super) fn new(auth: Auth, metrics: Arc<Metrics>) -> Result<Self, VaultPathError> {
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
    /// `Unauthenticated` if the server rejects the credential, or the credential file is invalid.
    pub(super) async fn log_in(&self, client: &Client) -> Result<IssuedToken, ProviderError> {
        match &self.auth {
            Auth::Token { file } => self.look_up(client, read(file, Trust::Credential).await?).await,
            Auth::AppRole { role_id, secret_id, .. } => {
                let secret_id = self.secret_id(client, secret_id).await?;
                let token = self.log_in_with(client, &[("role_id", role_id), ("secret_id", as_str(&secret_id)?)]).await;
                if token.as_ref().err() == Some(&ProviderError::Unauthenticated) {
                    // The secret id may have expired: the next login reads a new one.
                    self.wrapped.lock().secret_id = None;
                }
                token
            }
            Auth::Kubernetes { role, token_file, .. } => {
                let token = read(token_file, Trust::Unwritable).await?;
                self.log_in_with(client, &[("role", role), ("jwt", as_str(&token)?)]).await
            }
            Auth::Jwt { role, file, .. } => {
                let token = read(file, Trust::Credential).await?;
                self.log_in_with(client, &[("role", role), ("jwt", as_str(&token)?)]).await
            }
            Auth::Certificate { role: Some(role), .. } => self.log_in_with(client, &[("name", role)]).await,
            Auth::Certificate { role: None, .. } => self.log_in_with(client, &[]).await,
        }
    }

    async fn log_in_with(&self, client: &Client, members: &[(&str, &str)]) -> Result<IssuedToken, ProviderError> {
        parse_token(&check_credential(client.send(Request::post(&self.path).with_strings(members)).await?)?)
    }

    async fn look_up(&self, client: &Client, token: SecretBytes) -> Result<IssuedToken, ProviderError> {
        let token = Token::new(token).ok_or(ProviderError::Unauthenticated)?;
        let response = check_credential(client.send(Request::get(LOOKUP_SELF).with_token(&token)).await?)?;
        let lookup: TokenLookup = ResponseBody::parse(&response.body)?.data()?;
        Ok(IssuedToken { token, lease: lease_duration(lookup.ttl), renewable: lookup.renewable })
    }

    async fn secret_id(&self, client: &Client, secret_id: &SecretId) -> Result<Arc<SecretBytes>, ProviderError> {
        let file = match secret_id {
            SecretId::File(file) => return read(file, Trust::Credential).await.map(Arc::new),
            SecretId::Wrapped(file) => file,
        };
        if let Some(secret_id) = self.wrapped.lock().secret_id.clone() {
            return Ok(secret_id);
        }
        let token = read(file, Trust::Credential).await?;
        if self.wrapped.lock().spent.as_ref().is_some_and(|spent| spent.is_same(token.expose())) {
            return Err(ProviderError::Unauthenticated);
        }
        let token = Token::new(token).ok_or(ProviderError::Unauthenticated)?;
        let unwrapped = self.unwrap_once(client, &token).await;
        if !matches!(unwrapped, Err(ProviderError::Unavailable | ProviderError::Timeout)) {
            self.wrapped.lock().spent = Some(token);
        }
        if unwrapped.as_ref().err() == Some(&ProviderError::Unauthenticated) {
            self.metrics.failed_unwraps.increment();
        }
        let secret_id = Arc::new(unwrapped?);
        self.wrapped.lock().secret_id = Some(secret_id.clone());
        Ok(secret_id)
    }

    /// Unwraps a secret id.
    ///
    /// # Security
    ///
    /// An attacker who unwrapped the token could wrap a different secret. The creation path, which
    /// the server reports, must therefore be that of a secret id.
    async fn unwrap_once(&self, client: &Client, token: &Token) -> Result<SecretBytes, ProviderError> {
        let response = client.send(Request::post("sys/wrapping/lookup").with_token(token).with_strings(&[])).await?;
        let response = check_credential(response)?;
        let wrapping: WrappingLookup<'_> = ResponseBody::parse(&response.body)?.data()?;
        let is_role = wrapping.creation_path.starts_with(&self.roles);
        if !is_role || !wrapping.creation_path.ends_with("/secret-id") {
            return Err(ProviderError::Unauthenticated);
        }
        let response = check_credential(client.send(Request::post("sys/wrapping/unwrap").with_token(token)).await?)?;
        let unwrapped: UnwrappedSecretId<'_> = ResponseBody::parse(&response.body)?.data()?;
        json::string(unwrapped.secret_id)
    }
}

/// Parses the token of a login response.
pub(super) fn parse_token(response: &Response) -> Result<IssuedToken, ProviderError> {
    let auth = ResponseBody::parse(&response.body)?.auth.ok_or(ProviderError::Invalid)?;
    let token = Token::new(json::string(auth.client_token)?).ok_or(ProviderError::Invalid)?;
    Ok(IssuedToken { token, lease: lease_duration(auth.lease_duration), renewable: auth.renewable })
}

/// Maps the statuses that reject a credential, including a missing auth method.
pub(super) fn check_credential(response: Response) -> Result<Response, ProviderError> {
    match response.status.as_u16() {
        400 | 401 | 403 | 404 => Err(ProviderError::Unauthenticated),
        _ => response.ok(),
    }
}

/// Converts a lease duration; `None` means that it never expires.
pub(super) fn lease_duration(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds).min(MAX_LEASE))
}

/// Returns a credential as a string, for a JSON body.
fn as_str(credential: &SecretBytes) -> Result<&str, ProviderError> {
    std::str::from_utf8(credential.expose()).map_err(|_| ProviderError::Unauthenticated)
}

/// Reads a credential file on a blocking thread.
async fn read(path: &Path, trust: Trust) -> Result<SecretBytes, ProviderError> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || credential::word(&path, trust));
    read.await.map_err(|_| ProviderError::Unavailable)?.map_err(|_| ProviderError::Unauthenticated)
}
