//! A copy of the repository for mutations.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::catalog::Mutation;
use crate::artifacts;
use crate::failure::{Failure, OrFailure};
use crate::repository::Repository;

/// The copy and its build, which later runs reuse.
pub(super) struct Tree {
    copy: Repository,
    guests: PathBuf,
    /// Locked while the copy is in use.
    _lock: File,
}

impl Tree {
    /// Makes the copy equal to the repository. Equal files keep their modification times, so cargo
    /// does not rebuild them.
    pub(super) fn refreshed(repository: &Repository) -> Result<Self, Failure> {
        let home = repository.target.join("mutants");
        let copy = Repository { root: home.join("tree"), target: home.join("build") };
        fs::create_dir_all(&copy.root).or_failure(format!("create {}", copy.root.display()))?;
        let lock = File::create(home.join("lock")).or_failure("create the lock of the copy")?;
        lock.try_lock().map_err(|_| Failure::new("another 'cargo xtask mutants' is running"))?;
        refresh(&repository.root, &copy.root, &repository.files()?)?;
        Ok(Self { copy, guests: repository.guests(), _lock: lock })
    }

    pub(super) fn root(&self) -> &Path {
        &self.copy.root
    }

    /// Returns the edited text of each file of the mutation.
    pub(super) fn edited<'a>(&self, mutation: &'a Mutation) -> Result<BTreeMap<&'a str, String>, Failure> {
        let edited = mutation.applied(|file| self.copy.read(file));
        edited.map_err(|failure| Failure::new(format!("{}: {}", mutation.guard, failure.message())))
    }

    /// Applies a mutation until the returned guard is dropped.
    pub(super) fn apply(&self, mutation: &Mutation) -> Result<AppliedMutation, Failure> {
        let mut applied = AppliedMutation { originals: Vec::new() };
        for (file, text) in self.edited(mutation)? {
            let path = self.copy.root.join(file);
            applied.originals.push((path.clone(), self.copy.read(file)?));
            fs::write(&path, text).or_failure(format!("write {}", path.display()))?;
        }
        Ok(applied)
    }

    /// Builds the attacks of the copy with the guests of the repository.
    pub(super) fn build(&self) -> Result<PathBuf, Failure> {
        artifacts::attacks_of_copy(&self.copy, &self.guests)
    }
}

/// The original texts of mutated files, restored on drop.
pub(super) struct AppliedMutation {
    originals: Vec<(PathBuf, String)>,
}

impl Drop for AppliedMutation {
    fn drop(&mut self) {
        for (path, text) in &self.originals {
            // If this fails, the next run restores the file.
            let _ = fs::write(path, text);
        }
    }
}

fn refresh(from: &Path, to: &Path, files: &[String]) -> Result<(), Failure> {
    let wanted: BTreeSet<_> = files.iter().map(|file| to.join(file)).collect();
    remove_others(to, &wanted)?;
    for file in files {
        let (source, copy) = (from.join(file), to.join(file));
        let text = fs::read(&source).or_failure(format!("read {file}"))?;
        let is_equal = match fs::read(&copy) {
            Ok(copied) => copied == text,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(Failure::new(format!("cannot read {}: {error}", copy.display()))),
        };
        if !is_equal {
            let folder = copy.parent().unwrap_or(to);
            fs::create_dir_all(folder).or_failure(format!("create {}", folder.display()))?;
            fs::copy(&source, &copy).or_failure(format!("copy {file}"))?;
        }
    }
    Ok(())
}

/// Removes files that are not in the repository, and empty folders.
fn remove_others(folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<(), Failure> {
    let action = || format!("clear {}", folder.display());
    for entry in fs::read_dir(folder).or_failure(action())? {
        let entry = entry.or_failure(action())?;
        let path = entry.path();
        if entry.file_type().or_failure(action())?.is_dir() {
            remove_others(&path, wanted)?;
            // Fails if the folder is not empty.
            let _ = fs::remove_dir(&path);
        } else if !wanted.contains(&path) {
            fs::remove_file(&path).or_failure(format!("remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn modified(path: &Path) -> SystemTime {
        path.metadata().unwrap().modified().unwrap()
    }

    #[test]
    fn refresh_keeps_times_of_equal_files() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let files = ["a/one".to_owned(), "two".to_owned()];
        fs::create_dir(from.path().join("a")).unwrap();
        files.iter().for_each(|file| fs::write(from.path().join(file), file).unwrap());
        refresh(from.path(), to.path(), &files).unwrap();
        let [one, two] = [to.path().join("a/one"), to.path().join("two")];
        let before = modified(&one);

        fs::write(from.path().join("two"), "2").unwrap();
        fs::create_dir(to.path().join("b")).unwrap();
        fs::write(to.path().join("b/three"), "").unwrap();
        refresh(from.path(), to.path(), &files).unwrap();
        assert_eq!(modified(&one), before);
        assert_eq!(fs::read_to_string(&two).unwrap(), "2");
        assert!(!to.path().join("b").exists());
    }

    #[test]
    fn dropped_mutation_restores_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "mutated").unwrap();
        drop(AppliedMutation { originals: vec![(path.clone(), "original".to_owned())] });
        assert_eq!(fs::read_to_string(&path).unwrap(), "original");
    }
}
