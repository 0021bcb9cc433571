//! Where servers are installed: a folder for each, named by what built it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::failure::{Failure, OrFailure};
use crate::skip::say;

/// The file that says that an installation got to its end, and of what.
const MARK: &str = "installed-from";

/// A place for installations.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// `$XDG_CACHE_HOME/far-servers`, or `~/.cache/far-servers`.
    #[expect(clippy::disallowed_methods, reason = "where caches are is told by the environment, as for every program")]
    pub(crate) fn of_user() -> Result<Self, Failure> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
        let caches = caches.ok_or_else(|| {
            Failure::new("there is no folder for caches").or_next("set XDG_CACHE_HOME, or HOME, to an absolute path")
        })?;
        Ok(Self { folder: caches.join("far-servers") })
    }

    #[cfg(test)]
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder of what `from` says how to build. If it is not there, or was interrupted, `install` makes it, with one process
    /// at a time; `what` tells people what that is.
    pub(crate) fn installed(
        &self,
        name: &str,
        from: &str,
        what: &str,
        install: impl FnOnce(&Path) -> Result<(), Failure>,
    ) -> Result<PathBuf, Failure> {
        let key: String = hex::encode(Sha256::digest(from)).chars().take(12).collect();
        let folder = self.folder.join(format!("{name}-{key}"));
        let mark = folder.join(MARK);
        let is_there = || fs::read_to_string(&mark).is_ok_and(|there| there == from);
        if is_there() {
            return Ok(folder);
        }
        fs::create_dir_all(&self.folder).or_failure(format!("make {}", self.folder.display()))?;
        let path = self.folder.join(format!("{name}-{key}.lock"));
        let lock = File::create(&path).or_failure(format!("make {}", path.display()))?;
        // Until it is dropped, or this process ends.
        lock.lock().or_failure(format!("lock {}", path.display()))?;
        if is_there() {
            return Ok(folder);
        }
        say(&format!("[servers] installing {what} in {}", folder.display()));
        if folder.exists() {
            fs::remove_dir_all(&folder).or_failure(format!("remove {}", folder.display()))?;
        }
        fs::create_dir(&folder).or_failure(format!("make {}", folder.display()))?;
        install(&folder)?;
        // Last: what was interrupted is installed anew.
        fs::write(&mark, from).or_failure(format!("write {}", mark.display()))?;
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn it_is_installed_once_however_many_ask() {
        let folder = tempfile::tempdir().unwrap();
        let installs = AtomicUsize::new(0);
        let ask = || {
            let install = |folder: &Path| {
                installs.fetch_add(1, Ordering::Relaxed);
                fs::write(folder.join("program"), "it").or_failure("write it")
            };
            Cache::at(folder.path()).installed("x", "x==1", "x", install).unwrap()
        };
        let folders: Vec<_> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        });
        assert!(folders.iter().all(|there| there.join("program").is_file()));
        assert_eq!(installs.into_inner(), 1);
    }

    #[test]
    fn what_was_interrupted_or_is_built_otherwise_is_installed_anew() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let interrupted = cache.installed("x", "x==1", "x", |folder| {
            fs::write(folder.join("half"), "").or_failure("write it")?;
            Err(Failure::new("interrupted"))
        });
        assert!(interrupted.is_err());
        let one = cache.installed("x", "x==1", "x", |folder| {
            assert!(!folder.join("half").exists());
            Ok(())
        });
        let two = cache.installed("x", "x==2", "x", |_| Ok(())).unwrap();
        assert_ne!(one.unwrap(), two);
    }
}
