//! A large component: a Python skill with its interpreter, built on demand.
//!
//! The build requires Python and, once, network access. The version of the componentizer and the
//! hashes of its files are pinned.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;
use crate::verify::languages::tools;

const SOURCES: &str = "bench/python";

/// Builds the skill against the current WIT package.
pub(super) fn skill(repository: &Repository, folder: &Path) -> Result<PathBuf, Failure> {
    let skill = folder.join("python-skill.wasm");
    // Python writes its cache next to the source.
    let (source, copy) = (repository.root.join(SOURCES).join("app.py"), folder.join("app.py"));
    std::fs::copy(&source, &copy).or_failure(format!("copy {}", source.display()))?;
    Invocation::new(tools::python(repository)?)
        .words("--wit-path wit --world skill componentize --python-path")
        .arg(folder)
        .words("app --output")
        .arg(&skill)
        .run(&repository.root)?;
    Ok(skill)
}
