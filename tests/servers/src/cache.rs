//! The cache of installed servers: one folder for each, named after its source.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::failure::{Failure, OrFailure};
use crate::skip::say;

/// The file that marks a complete installation and names its source.
const MARKER: &str = "installed-from";

/// A cache directory.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Returns the cache at `$XDG_CACHE_HOME/far-servers` or `~/.cache/far-servers`.
    #[expect(clippy::disallowed_methods, reason = "the environment determines the cache directory")]
    pub(crate) fn for_user() -> Result<Self, Failure> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
        let caches = caches.ok_or_else(|| {
            Failure::new("no cache directory").or_next("set XDG_CACHE_HOME or HOME to an absolute path")
        })?;
        Ok(Self { folder: caches.join("far-servers") })
    }

    #[cfg(test)]
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Returns the folder of an installation, and installs it first if it is missing or incomplete.
    /// `from` identifies the source; `label` describes the installation to people. A lock
    /// serializes processes.
    pub(crate) fn get_or_install(
        &self,
        name: &str,
        from: &str,
        label: &str,
        install: impl FnOnce(&Path) -> Result<(), Failure>,
    ) -> Result<PathBuf, Failure> {
        let key: String = hex::encode(Sha256::digest(from)).chars().take(12).collect();
        let folder = self.folder.join(format!("{name}-{key}"));
        let marker = folder.join(MARKER);
        let is_installed = || fs::read_to_string(&marker).is_ok_and(|installed| installed == from);
        if is_installed() {
            return Ok(folder);
        }
        fs::create_dir_all(&self.folder).or_failure(format!("create {}", self.folder.display()))?;
        let path = self.folder.join(format!("{name}-{key}.lock"));
        let lock = File::create(&path).or_failure(format!("create {}", path.display()))?;
        // Held until it is dropped or the process ends.
        lock.lock().or_failure(format!("lock {}", path.display()))?;
        if is_installed() {
            return Ok(folder);
        }
        say(&format!("[servers] installing {label} in {}", folder.display()));
        if folder.exists() {
            fs::remove_dir_all(&folder).or_failure(format!("remove {}", folder.display()))?;
        }
        fs::create_dir(&folder).or_failure(format!("create {}", folder.display()))?;
        install(&folder)?;
        // Written last, so that an interrupted installation is repeated.
        fs::write(&marker, from).or_failure(format!("write {}", marker.display()))?;
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn concurrent_requests_install_once() {
        let folder = tempfile::tempdir().unwrap();
        let installs = AtomicUsize::new(0);
        let request = || {
            let install = |folder: &Path| {
                installs.fetch_add(1, Ordering::Relaxed);
                fs::write(folder.join("program"), "it").or_failure("write it")
            };
            Cache::at(folder.path()).get_or_install("x", "x==1", "x", install).unwrap()
        };
        let folders: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(request)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(folders.iter().all(|folder| folder.join("program").is_file()));
        assert_eq!(installs.into_inner(), 1);
    }

    #[test]
    fn interrupted_or_changed_installation_is_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let interrupted = cache.get_or_install("x", "x==1", "x", |folder| {
            fs::write(folder.join("half"), "").or_failure("write it")?;
            Err(Failure::new("interrupted"))
        });
        assert!(interrupted.is_err());
        let one = cache.get_or_install("x", "x==1", "x", |folder| {
            assert!(!folder.join("half").exists());
            Ok(())
        });
        let two = cache.get_or_install("x", "x==2", "x", |_| Ok(())).unwrap();
        assert_ne!(one.unwrap(), two);
    }
}
