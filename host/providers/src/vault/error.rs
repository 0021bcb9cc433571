//! Why there is no provider.

use std::path::PathBuf;

use far_files::TrustError;

use super::{CredentialError, PlaceError};
use crate::network::HttpSetupError;

/// Why a configuration makes no provider: before any request.
///
/// # Security
///
/// Names files and rules, never what stands in a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A file of the provider's own credentials, or of authorities.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The namespace is none.
    #[error("the namespace is not made of visible ASCII characters")]
    Namespace,
    /// The path at which the method of authentication is mounted.
    #[error("the mount of the method of authentication is not a path: {0}")]
    AuthMount(PlaceError),
    /// The client's certificate and key, or the platform's authorities.
    #[error("TLS cannot be set up with the certificates that were named")]
    Tls(#[source] HttpSetupError),
    /// There is nowhere to write down what the server makes.
    #[error("what the server makes cannot be written down")]
    Ledger(#[source] TrustError),
    /// The operating system gave no random numbers for the key that versions are made with.
    #[error("the operating system gave no random numbers")]
    Random,
}

impl VaultError {
    /// What to do about it, for a command line to print below the error.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Credential(error) => error.problem.help(),
            Self::Namespace => "write the namespace as the server has it, such as 'team/a'",
            Self::AuthMount(_) => "write it as it stands below 'auth/', such as 'approle'",
            Self::Tls(_) => "check that certificate and key belong together, and that the platform has authorities",
            Self::Ledger(TrustError::Link { .. } | TrustError::NotADirectory { .. }) => "name the folder itself",
            Self::Ledger(TrustError::NotRegular { .. }) => "take it away",
            Self::Ledger(TrustError::NotOwned { .. } | TrustError::Exposed { .. }) => {
                "let the user that runs far own it, and nobody else use it ('chmod 700')"
            }
            Self::Ledger(TrustError::Key { .. }) => "remove the folder; what an earlier run left ends by its own time",
            Self::Random | Self::Ledger(TrustError::Random(_)) => "look at what keeps the process from 'getrandom'",
            Self::Ledger(_) => "name a folder that can be made and written to",
        }
    }

    /// The file that it is about, if it is about one.
    pub fn path(&self) -> Option<&PathBuf> {
        match self {
            Self::Credential(error) => Some(&error.path),
            _ => None,
        }
    }
}
