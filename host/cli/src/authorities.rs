//! The certificate authorities that the environment names: `SSL_CERT_FILE` and `SSL_CERT_DIR`, as
//! in OpenSSL.
//!
//! They replace the platform's authorities wherever `far.toml` names no `ca-file`, and are checked
//! like a `ca-file`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::config::{environment, open_trusted_folder, read_authorities, read_authority_of};
use crate::messages::config::ConfigError;
use crate::messages::failure::Failure;

/// The variable that names a file of certificates.
const FILE: &str = "SSL_CERT_FILE";
/// The variable that names folders of such files.
const DIR: &str = "SSL_CERT_DIR";
/// The marker of a certificate in PEM; a folder may hold other files.
const MARKER: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// Bytes of all files of the folders together.
const MAX_TOTAL: usize = 16 << 20;

/// Authorities that the environment names.
#[derive(Debug)]
pub(crate) struct Authorities {
    /// The certificates, in PEM.
    pub(crate) pem: Vec<u8>,
    /// The first path that was named.
    pub(crate) path: PathBuf,
}

impl Authorities {
    /// Reads the authorities that the environment names. Returns `None` if it names none.
    ///
    /// # Errors
    ///
    /// [`Failure::NamedAuthorities`] if a file or a folder cannot be read, or if another user can
    /// change it.
    pub(crate) fn of_environment() -> Result<Option<Self>, Failure> {
        Self::named(environment::certificate_file().as_deref(), &environment::certificate_folders())
    }

    /// Returns the variables that name authorities, with their paths: `SSL_CERT_FILE: /path`. Reads
    /// no file.
    pub(crate) fn origin() -> Option<String> {
        origin(environment::certificate_file().as_deref(), &environment::certificate_folders())
    }

    fn named(file: Option<&Path>, folders: &[PathBuf]) -> Result<Option<Self>, Failure> {
        let Some(path) = file.or(folders.first().map(PathBuf::as_path)) else { return Ok(None) };
        let mut found = Self { pem: Vec::new(), path: path.to_owned() };
        if let Some(file) = file {
            let refused = |source| Failure::NamedAuthorities { variable: FILE, source };
            found.add(read_authorities(file).map_err(refused)?);
        }
        let mut seen = HashSet::new();
        for folder in folders {
            found
                .add_folder(folder, &mut seen)
                .map_err(|source| Failure::NamedAuthorities { variable: DIR, source })?;
        }
        Ok(Some(found))
    }

    fn add(&mut self, pem: Vec<u8>) {
        self.pem.extend(pem);
        // A file may end without a line end.
        self.pem.push(b'\n');
    }

    /// Adds every file of a folder that holds a certificate. A file with several links is added
    /// once.
    fn add_folder(&mut self, folder: &Path, seen: &mut HashSet<(u64, u64)>) -> Result<(), ConfigError> {
        for path in open_trusted_folder(folder)? {
            match read_authority_of(&path, seen)? {
                Some(pem) if pem.windows(MARKER.len()).any(|window| window == MARKER) => self.add(pem),
                _ => {}
            }
            if self.pem.len() > MAX_TOTAL {
                return Err(ConfigError::TooLarge { path: folder.to_owned(), limit: MAX_TOTAL });
            }
        }
        Ok(())
    }
}

fn origin(file: Option<&Path>, folders: &[PathBuf]) -> Option<String> {
    let files = file.iter().map(|path| format!("{FILE}: {}", path.display()));
    let all: Vec<_> = files.chain(folders.iter().map(|path| format!("{DIR}: {}", path.display()))).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";

    fn folder(mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.pem"), CERTIFICATE).unwrap();
        fs::write(folder.path().join("README"), "no certificate").unwrap();
        fs::create_dir(folder.path().join("java")).unwrap();
        symlink("a.pem", folder.path().join("0a1b2c3d.0")).unwrap();
        symlink("absent", folder.path().join("dangling.0")).unwrap();
        fs::set_permissions(folder.path().join("a.pem"), Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(folder.path().join("README"), Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        folder
    }

    fn refused(file: Option<&Path>, folders: &[PathBuf]) -> String {
        let error = Authorities::named(file, folders).unwrap_err();
        format!("{error}: {}", std::error::Error::source(&error).unwrap())
    }

    #[test]
    fn unset_variables_name_nothing() {
        assert!(Authorities::named(None, &[]).unwrap().is_none());
        assert_eq!(origin(None, &[]), None);
    }

    #[test]
    fn file_and_folder_are_read_together() {
        let folder = folder(0o755);
        let file = folder.path().join("a.pem");
        let found = Authorities::named(Some(&file), &[folder.path().to_owned()]).unwrap().unwrap();
        assert_eq!(found.pem, format!("{CERTIFICATE}\n{CERTIFICATE}\n").into_bytes(), "the folder's file once");
        let origin = origin(Some(&file), &[folder.path().to_owned()]).unwrap();
        let (file, folder) = (file.display(), folder.path().display());
        assert_eq!(origin, format!("SSL_CERT_FILE: {file}, SSL_CERT_DIR: {folder}"));
    }

    #[test]
    fn file_others_can_write_is_refused() {
        for mode in [0o620, 0o602, 0o666] {
            let folder = folder(0o755);
            let file = folder.path().join("a.pem");
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let cause = format!("'{}' is writable by other users: its mode is {mode:04o}", file.display());
            assert_eq!(
                refused(Some(&file), &[]),
                format!("cannot use the certificate authorities named by SSL_CERT_FILE: {cause}")
            );
            let error = refused(None, &[folder.path().to_owned()]);
            assert!(error.contains("SSL_CERT_DIR: ") && error.contains("is writable by other users"), "{error}");
        }
    }

    #[test]
    fn folder_others_can_write_is_refused() {
        let folder = folder(0o777);
        let error = refused(None, &[folder.path().to_owned()]);
        assert!(error.contains("SSL_CERT_DIR: ") && error.contains("its mode is 0777"), "{error}");
    }

    #[test]
    fn absent_file_and_device_are_refused() {
        assert!(refused(Some(Path::new("/nowhere/ca.pem")), &[]).contains("failed to read '/nowhere/ca.pem'"));
        assert!(refused(Some(Path::new("/dev/zero")), &[]).contains("is not a regular file"));
        assert!(refused(None, &["/nowhere".into()]).contains("failed to read '/nowhere'"));
        assert!(refused(None, &["/dev/null".into()]).contains("failed to read '/dev/null'"));
    }
}
