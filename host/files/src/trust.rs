//! Policies on the owner and the mode of a file or a directory.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;

use crate::error::TrustError;

/// A policy: the users that may own a file or a directory, and the permissions of other users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Owned by the effective user, without permissions for others. Links are refused.
    Private,
    /// As [`Private`](Self::Private), or owned by root, with read permission for the group, as
    /// systemd credentials are. Links are refused.
    Credential,
    /// Owned by the effective user or by root, and not writable by others. Links are followed.
    Unwritable,
}

impl Trust {
    /// Checks the owner and the mode of an open file or directory. Errors report `path`.
    ///
    /// # Errors
    ///
    /// [`TrustError::NotOwned`], [`TrustError::Exposed`], or [`TrustError::Io`].
    pub fn check(self, path: &Path, file: &File) -> Result<(), TrustError> {
        let metadata = file.metadata().map_err(|source| TrustError::io(path, source))?;
        self.allows(path, &metadata)
    }

    pub(crate) fn allows(self, path: &Path, metadata: &Metadata) -> Result<(), TrustError> {
        self.allows_user(path, (metadata.uid(), metadata.mode() & 0o7777), geteuid().as_raw())
    }

    fn allows_user(self, path: &Path, (owner, mode): (u32, u32), user: u32) -> Result<(), TrustError> {
        if owner != user && (owner != 0 || self == Self::Private) {
            return Err(TrustError::NotOwned { path: path.to_owned(), owner });
        }
        // The group bits limit the permissions of an access control list.
        let refused = match self {
            Self::Credential if owner != user => 0o037,
            Self::Private | Self::Credential => 0o077,
            Self::Unwritable => 0o022,
        };
        if mode & refused != 0 {
            return Err(TrustError::Exposed { path: path.to_owned(), mode, wanted: mode & !refused });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(trust: Trust, owner: u32, mode: u32, user: u32) -> bool {
        trust.allows_user(Path::new("file"), (owner, mode), user).is_ok()
    }

    #[test]
    fn another_owner_is_refused() {
        for trust in [Trust::Private, Trust::Credential, Trust::Unwritable] {
            assert!(allowed(trust, 1, 0o600, 1));
            assert!(allowed(trust, 0, 0o600, 0));
            assert!(!allowed(trust, 2, 0o600, 1));
            assert!(!allowed(trust, 2, 0o600, 0), "by root too");
            assert_eq!(allowed(trust, 0, 0o600, 1), trust != Trust::Private, "{trust:?}");
        }
        let error = Trust::Private.allows_user(Path::new("file"), (2, 0o600), 1).unwrap_err();
        assert_eq!(error.to_string(), "'file' belongs to user 2");
    }

    #[test]
    fn permission_for_others_is_refused() {
        for bit in [0o040, 0o020, 0o010, 0o004, 0o002, 0o001] {
            for (owner, user) in [(1, 1), (0, 0), (0, 1)] {
                let allowed = |trust| allowed(trust, owner, 0o600 | bit, user);
                assert!(!allowed(Trust::Private), "{bit:o}");
                assert_eq!(allowed(Trust::Credential), owner != user && bit == 0o040, "{bit:o}");
                assert_eq!(allowed(Trust::Unwritable), bit & 0o022 == 0, "{bit:o}");
            }
        }
        let error = Trust::Unwritable.allows_user(Path::new("file"), (1, 0o666), 1).unwrap_err();
        assert_eq!(error.help(), "chmod 644 file");
    }
}
