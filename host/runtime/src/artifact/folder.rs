//! A folder that is its owner's alone, held open: what is done in it by name is done in this folder, wherever its path
//! leads by then.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, linkat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::ArtifactError;

/// Such a folder.
pub(super) struct Folder {
    path: PathBuf,
    dir: OwnedFd,
}

impl Folder {
    /// Opens a folder, or makes it, for its owner only.
    pub(super) fn open(path: &Path) -> Result<Self, ArtifactError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failure(path, error)),
            _ => {}
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = match openat(CWD, path, flags, Mode::empty()) {
            Ok(dir) => dir,
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(ArtifactError::NotAFolder(path.to_owned())),
            Err(error) => return Err(failure(path, error.into())),
        };
        check_owner(path, &fstat(&dir).map_err(|error| failure(path, error.into()))?)?;
        Ok(Self { path: path.to_owned(), dir })
    }

    /// Where a file of this name is, for people.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a regular file that is its owner's alone, once, into one buffer of so many bytes at most.
    pub(super) fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, ArtifactError> {
        let path = self.path_of(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = openat(&self.dir, name, flags, Mode::empty()).map_err(|error| failure(&path, error.into()))?;
        let stat = fstat(&file).map_err(|error| failure(&path, error.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(ArtifactError::NotAFile(path));
        }
        check_owner(&path, &stat)?;
        let length = u64::try_from(stat.st_size).unwrap_or_default().min(most);
        let mut buffer = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        File::from(file).take(most).read_to_end(&mut buffer).map_err(|error| failure(&path, error))?;
        Ok(buffer)
    }

    /// Whether there is anything of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Writes a file beside its place and renames it: a reader sees a whole one or none.
    pub(super) fn put(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        self.beside(name, parts, |_, beside| Ok(renameat(&self.dir, beside, &self.dir, name)?))
    }

    /// Writes a file beside its place and links it: of several that are put at once, the first stays, and whole.
    pub(super) fn put_first(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.beside(name, &[content], |file, beside| {
            // Of what is never written again, a crash must not leave the name alone.
            file.sync_all()?;
            match linkat(&self.dir, beside, &self.dir, name, AtFlags::empty()) {
                Err(Errno::EXIST) => Ok(()),
                linked => Ok(linked?),
            }
        })
    }

    fn beside(&self, name: &str, parts: &[&[u8]], place: impl FnOnce(&File, &str) -> io::Result<()>) -> io::Result<()> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random)?;
        let beside = format!("{name}.{}", hex::encode(random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.dir, &beside, flags, Mode::RUSR | Mode::WUSR)?);
        let written = parts.iter().try_for_each(|part| file.write_all(part));
        let placed = written.and_then(|()| place(&file, &beside));
        // Gone already, if it was renamed.
        let _ = unlinkat(&self.dir, &beside, AtFlags::empty());
        placed
    }

    /// Removes the oldest of some files: the newest stay, so many, and so many bytes of them. What cannot be removed
    /// stays until the next time.
    pub(super) fn keep_newest(&self, some: impl Fn(&str) -> bool, files: usize, bytes: u64) {
        let Ok(entries) = Dir::read_from(&self.dir) else { return };
        let described = |entry: rustix::io::Result<rustix::fs::DirEntry>| {
            let name = entry.ok()?.file_name().to_str().ok().filter(|name| some(name))?.to_owned();
            let stat = statat(&self.dir, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            Some((stat.st_mtime, stat.st_mtime_nsec, u64::try_from(stat.st_size).unwrap_or_default(), name))
        };
        let mut found: Vec<_> = entries.filter_map(described).collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        let mut total = 0_u64;
        for (index, (.., size, name)) in found.iter().enumerate() {
            total = total.saturating_add(*size);
            if index >= files || total > bytes {
                let _ = unlinkat(&self.dir, name, AtFlags::empty());
            }
        }
    }
}

fn check_owner(path: &Path, stat: &Stat) -> Result<(), ArtifactError> {
    let own = stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o077 == 0;
    if own { Ok(()) } else { Err(ArtifactError::NotOwnersAlone(path.to_owned())) }
}

fn failure(path: &Path, source: io::Error) -> ArtifactError {
    ArtifactError::Io { path: path.to_owned(), source }
}
