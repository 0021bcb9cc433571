//! A work tree for commits to publish on a server.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{in_folder, run};
use crate::failure::{Failure, OrFailure};

/// A repository with a work tree, on the branch `main`.
pub struct WorkTree(TempDir);

impl WorkTree {
    /// Creates a repository without commits.
    ///
    /// # Errors
    ///
    /// An error if git fails.
    pub fn new() -> Result<Self, Failure> {
        let work = Self(tempfile::tempdir().or_failure("create a temporary folder")?);
        work.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(work)
    }

    /// Returns the path of the work tree.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and creates its folders.
    ///
    /// # Errors
    ///
    /// An error if the file cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let path = self.path().join(name);
        let parent = path.parent().unwrap_or(self.path());
        fs::create_dir_all(parent).or_failure(format!("create {}", parent.display()))?;
        fs::write(&path, content).or_failure(format!("write {}", path.display()))
    }

    /// Commits all files and returns the commit.
    ///
    /// # Errors
    ///
    /// An error if git fails.
    pub fn commit(&self, message: &str) -> Result<String, Failure> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", message])?;
        Ok(self.git(&["rev-parse", "HEAD"])?.trim().to_owned())
    }

    /// Runs git in the work tree and returns its output.
    ///
    /// # Errors
    ///
    /// An error if git fails.
    pub fn git(&self, args: &[&str]) -> Result<String, Failure> {
        run(in_folder(self.path()).args(args))
    }
}
