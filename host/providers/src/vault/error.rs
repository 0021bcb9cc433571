//! Errors in the configuration of a provider.

use std::path::PathBuf;

use far_files::TrustError;

use super::{CredentialError, VaultPathError};
use crate::network::HttpSetupError;

/// An error that prevents the provider from being created. It occurs before any request.
///
/// # Security
///
/// Names files and rules, never the content of a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A credential or CA file is invalid.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The namespace is invalid.
    #[error("the namespace has characters other than visible ASCII")]
    Namespace,
    /// The mount of the auth method is not a valid path.
    #[error("the mount of the auth method is not a valid path: {0}")]
    AuthMount(VaultPathError),
    /// TLS rejected the client's certificate and key, or the authorities.
    #[error("cannot set up TLS with the configured certificates")]
    Tls(#[source] HttpSetupError),
    /// The lease journal could not be opened.
    #[error("cannot open the lease journal")]
    LeaseJournal(#[source] TrustError),
    /// The operating system returned no random bytes for the version key.
    #[error("the operating system returned no random bytes")]
    Random,
}

impl VaultError {
    /// Returns the help line for the operator.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Credential(error) => error.problem.help(),
            Self::Namespace => "write the namespace as Vault does, such as 'team/a'",
            Self::AuthMount(_) => "write the path below 'auth/', such as 'approle'",
            Self::Tls(_) => "check that the certificate matches the key, and that the platform has CA certificates",
            Self::LeaseJournal(TrustError::Link { .. } | TrustError::NotADirectory { .. }) => {
                "name a directory, not a link or a file"
            }
            Self::LeaseJournal(TrustError::NotRegular { .. }) => "remove the file",
            Self::LeaseJournal(TrustError::NotOwned { .. } | TrustError::Exposed { .. }) => {
                "make the directory accessible only to the user that runs far ('chmod 700')"
            }
            Self::LeaseJournal(TrustError::Key { .. }) => {
                "remove the directory; leases of earlier runs then expire on their own"
            }
            Self::Random | Self::LeaseJournal(TrustError::Random(_)) => "check that the process may call 'getrandom'",
            Self::LeaseJournal(_) => "name a directory that far can create and write to",
        }
    }

    /// Returns the path of the credential file that caused the error.
    pub fn path(&self) -> Option<&PathBuf> {
        match self {
            Self::Credential(error) => Some(&error.path),
            _ => None,
        }
    }
}
