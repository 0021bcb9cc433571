//! A folder in which commits are made, before there is a server for them.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{in_folder, run};
use crate::failure::{Failure, OrFailure};

/// A repository with its files, on the branch `main`.
pub struct Work(TempDir);

impl Work {
    /// One without a commit.
    ///
    /// # Errors
    ///
    /// Git refuses it.
    pub fn new() -> Result<Self, Failure> {
        let work = Self(tempfile::tempdir().or_failure("make a temporary folder")?);
        work.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(work)
    }

    /// Where its files are.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and makes the folders that it is in.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let path = self.path().join(name);
        let parent = path.parent().unwrap_or(self.path());
        fs::create_dir_all(parent).or_failure(format!("make {}", parent.display()))?;
        fs::write(&path, content).or_failure(format!("write {}", path.display()))
    }

    /// Commits all files as they are, and answers with the commit.
    ///
    /// # Errors
    ///
    /// Git refuses it.
    pub fn commit(&self, message: &str) -> Result<String, Failure> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", message])?;
        Ok(self.git(&["rev-parse", "HEAD"])?.trim().to_owned())
    }

    /// What git says, asked here.
    ///
    /// # Errors
    ///
    /// It refuses.
    pub fn git(&self, args: &[&str]) -> Result<String, Failure> {
        run(in_folder(self.path()).args(args))
    }
}
