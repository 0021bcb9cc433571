//! The files that the provider's own credentials are in.
//!
//! They are opened first and looked at then, through the descriptor: what was checked is what is read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use far_core::memory::SecretBytes;
use far_files::{Trust, TrustError, TrustedFile};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// The largest file, in bytes.
const MAX_LEN: u64 = 64 * 1024;

/// Why a file is not used.
///
/// # Security
///
/// Names the file, never anything that stands in it.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct CredentialError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub problem: CredentialProblem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialProblem {
    /// There is none.
    #[error("there is no such file")]
    Missing,
    /// Its last part is a symbolic link.
    #[error("is a symbolic link")]
    Link,
    /// A folder, a pipe, a socket or a device.
    #[error("is not a regular file")]
    NotRegular,
    /// Neither root's nor this process's user's.
    #[error("belongs to another user (uid {0})")]
    Owner(u32),
    /// Others may read it, or write to it.
    #[error("is open to other users (mode {0:04o})")]
    Exposed(u32),
    /// More than 64 KiB.
    #[error("has more than {MAX_LEN} bytes")]
    TooLarge,
    /// Something other than one word of visible ASCII, and perhaps a line's end.
    #[error("is not one line of visible characters")]
    NotOneLine,
    /// No certificate, or no key, in PEM.
    #[error("has no {0} in PEM, or one that cannot be read")]
    NotPem(&'static str),
    /// There is no locked memory for what is in it.
    #[error("there is no locked memory for what is in it")]
    Memory,
    /// The operating system gave no bytes.
    #[error("cannot be read")]
    Io(#[source] io::Error),
}

impl CredentialProblem {
    /// What to do about it.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Missing => "put the credential there, readable for the user that runs far alone",
            Self::Link => "name the file that the link leads to",
            Self::NotRegular => "name a regular file",
            Self::Owner(_) => "let root or the user that runs far own the file",
            Self::Exposed(_) => "'chmod 600' it; if others could read it until now, the credential wants replacing",
            Self::TooLarge | Self::NotOneLine => "write the credential into it, and nothing else",
            Self::NotPem(_) => "name a file of PEM, which has '-----BEGIN' in it",
            Self::Memory => "allow the process more locked memory ('ulimit -l')",
            Self::Io(_) => "look at the permissions of the file and of the folders above it",
        }
    }
}

/// The one word that a file has, without the line's end behind it. Blocks the thread.
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

/// All that a file has. Blocks the thread.
pub(super) fn read(path: &Path, trust: Trust) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    bytes(path, trust).map_err(|problem| CredentialError { path: path.to_owned(), problem })
}

/// Certificates in PEM, at least one. Blocks the thread.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CredentialError> {
    let pem = read(path, Trust::Unwritable)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    read.ok().filter(|all| !all.is_empty()).ok_or_else(|| not_pem(path, "certificate"))
}

/// A private key in PEM. Blocks the thread.
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
    // Taken once, with room to see that it grew: a buffer that moved would leave a copy behind.
    let mut buffer = Zeroizing::new(Vec::with_capacity(length.saturating_add(32)));
    file.take(size + 1).read_to_end(&mut buffer).map_err(CredentialProblem::Io)?;
    if buffer.len() == length {
        Ok(buffer)
    } else {
        Err(CredentialProblem::Io(io::Error::other("it changed while it was read")))
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
    fn a_credential_is_one_line() {
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
    fn a_secret_is_nobody_elses() {
        for mode in [0o640, 0o604, 0o620, 0o602, 0o644] {
            let (_folder, path) = file(b"canary", mode);
            assert_eq!(problem(&path, Trust::Credential), format!("is open to other users (mode {mode:04o})"));
        }
        let (_folder, path) = file(b"canary", 0o666);
        assert_eq!(problem(&path, Trust::Unwritable), "is open to other users (mode 0666)");
    }

    #[test]
    fn a_link_is_followed_to_what_kubernetes_projects_alone() {
        let (folder, path) = file(b"canary", 0o644);
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(word(&link, Trust::Unwritable).unwrap().expose(), b"canary");
        assert_eq!(problem(&link, Trust::Credential), "is a symbolic link");
    }

    #[test]
    fn only_a_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(problem(folder.path(), Trust::Credential), "is not a regular file");
        assert_eq!(problem(&folder.path().join("absent"), Trust::Credential), "there is no such file");
        assert_eq!(problem(Path::new("/dev/null"), Trust::Unwritable), "is not a regular file");
    }
}
