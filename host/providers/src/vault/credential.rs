//! Files with the provider's own credentials.
//!
//! Each file is opened first and checked through the descriptor, so that the checked file is the
//! one that is read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use far_core::memory::SecretBytes;
use far_files::{Trust, TrustError, TrustedFile};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// The maximum file size in bytes.
const MAX_LEN: u64 = 64 * 1024;

/// An error in a credential file.
///
/// # Security
///
/// Names the file, never its content.
#[derive(Debug, thiserror::Error)]
#[error("'{path}' {problem}")]
pub struct CredentialError {
    /// The file.
    pub path: PathBuf,
    /// The problem with the file.
    #[source]
    pub problem: CredentialProblem,
}

/// A problem with a credential file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialProblem {
    /// The file does not exist.
    #[error("does not exist")]
    Missing,
    /// The last component of the path is a symbolic link.
    #[error("is a symbolic link")]
    Link,
    /// The path names a directory, a pipe, a socket or a device.
    #[error("is not a regular file")]
    NotRegular,
    /// The owner is neither root nor this process's user.
    #[error("belongs to another user (uid {0})")]
    Owner(u32),
    /// Other users have access.
    #[error("is accessible to other users (mode {0:04o})")]
    Exposed(u32),
    /// The file is larger than 64 KiB.
    #[error("has more than {MAX_LEN} bytes")]
    TooLarge,
    /// The content is not one line of visible ASCII.
    #[error("is not one line of visible characters")]
    NotOneLine,
    /// The file contains no certificate or key in PEM.
    #[error("has no valid {0} in PEM")]
    NotPem(&'static str),
    /// No locked memory is left for the content.
    #[error("does not fit into locked memory")]
    Memory,
    /// The operating system could not read the file.
    #[error("cannot be read")]
    Io(#[source] io::Error),
}

impl CredentialProblem {
    /// Returns the help line for the operator.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Missing => "create the file, readable only by the user that runs far",
            Self::Link => "name the target of the link",
            Self::NotRegular => "name a regular file",
            Self::Owner(_) => "change the owner to root or to the user that runs far",
            Self::Exposed(_) => "run 'chmod 600' on the file, and replace the credential if other users could read it",
            Self::TooLarge | Self::NotOneLine => "write only the credential into the file",
            Self::NotPem(_) => "name a PEM file, which contains '-----BEGIN'",
            Self::Memory => "allow the process more locked memory ('ulimit -l')",
            Self::Io(_) => "check the permissions of the file and its parent directories",
        }
    }
}

/// Reads a file with one word, without the line ending. Blocks the thread.
pub(super) fn word(path: &Path, trust: Trust) -> Result<SecretBytes, CredentialError> {
    let bytes = read(path, trust)?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let problem = |problem| CredentialError { path: path.to_owned(), problem };
    if line.is_empty() || !line.iter().all(u8::is_ascii_graphic) {
        return Err(problem(CredentialProblem::NotOneLine));
    }
    SecretBytes::copy_of(line).map_err(|_| problem(CredentialProblem::Memory))
}

/// Reads a whole file. Blocks the thread.
pub(super) fn read(path: &Path, trust: Trust) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    bytes(path, trust).map_err(|problem| CredentialError { path: path.to_owned(), problem })
}

/// Reads one or more certificates in PEM. Blocks the thread.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CredentialError> {
    let pem = read(path, Trust::Unwritable)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    read.ok().filter(|all| !all.is_empty()).ok_or_else(|| not_pem(path, "certificate"))
}

/// Reads a private key in PEM. Blocks the thread.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, CredentialError> {
    let pem = read(path, Trust::Credential)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| not_pem(path, "private key"))
}

fn not_pem(path: &Path, what: &'static str) -> CredentialError {
    CredentialError { path: path.to_owned(), problem: CredentialProblem::NotPem(what) }
}

fn bytes(path: &Path, trust: Trust) -> Result<Zeroizing<Vec<u8>>, CredentialProblem> {
    let file = File::from(TrustedFile::open(path, trust)?);
    let size = file.metadata().map_err(CredentialProblem::Io)?.len();
    let length = usize::try_from(size).ok().filter(|_| size <= MAX_LEN).ok_or(CredentialProblem::TooLarge)?;
    // Allocated once, with room to detect growth: a buffer that reallocates leaves a copy behind.
    let mut buffer = Zeroizing::new(Vec::with_capacity(length.saturating_add(32)));
    file.take(size + 1).read_to_end(&mut buffer).map_err(CredentialProblem::Io)?;
    if buffer.len() == length {
        Ok(buffer)
    } else {
        Err(CredentialProblem::Io(io::Error::other("the file changed while it was read")))
    }
}

impl From<TrustError> for CredentialProblem {
    fn from(error: TrustError) -> Self {
        match error {
            error if error.is_missing() => Self::Missing,
            TrustError::Link { .. } => Self::Link,
            TrustError::NotRegular { .. } => Self::NotRegular,
            TrustError::NotOwned { owner, .. } => Self::Owner(owner),
            TrustError::Exposed { mode, .. } => Self::Exposed(mode),
            TrustError::Io { source, .. } => Self::Io(source),
            other => Self::Io(io::Error::other(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn problem(path: &Path, trust: Trust) -> String {
        let error = word(path, trust).err().unwrap();
        assert!(!format!("{error} {error:?}").contains("canary"));
        error.problem.to_string()
    }

    #[test]
    fn credential_file_is_one_line() {
        for content in ["canary", "canary\n", "canary\r\n"] {
            let (_folder, path) = file(content.as_bytes(), 0o600);
            assert_eq!(word(&path, Trust::Credential).unwrap().expose(), b"canary");
        }
        for content in ["", "\n", "canary\n\n", "canary x", "canary\nx", "\u{e9}", "canary\0"] {
            let (_folder, path) = file(content.as_bytes(), 0o600);
            assert_eq!(problem(&path, Trust::Credential), "is not one line of visible characters", "{content:?}");
        }
        let (_folder, path) = file(&[b'a'; 64 * 1024 + 1], 0o600);
        assert_eq!(problem(&path, Trust::Credential), "has more than 65536 bytes");
    }

    #[test]
    fn exposed_credential_file_is_rejected() {
        for mode in [0o640, 0o604, 0o620, 0o602, 0o644] {
            let (_folder, path) = file(b"canary", mode);
            assert_eq!(problem(&path, Trust::Credential), format!("is accessible to other users (mode {mode:04o})"));
        }
        let (_folder, path) = file(b"canary", 0o666);
        assert_eq!(problem(&path, Trust::Unwritable), "is accessible to other users (mode 0666)");
    }

    #[test]
    fn only_service_account_link_is_followed() {
        let (folder, path) = file(b"canary", 0o644);
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(word(&link, Trust::Unwritable).unwrap().expose(), b"canary");
        assert_eq!(problem(&link, Trust::Credential), "is a symbolic link");
    }

    #[test]
    fn irregular_credential_file_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(problem(folder.path(), Trust::Credential), "is not a regular file");
        assert_eq!(problem(&folder.path().join("absent"), Trust::Credential), "does not exist");
        assert_eq!(problem(Path::new("/dev/null"), Trust::Unwritable), "is not a regular file");
    }
}
