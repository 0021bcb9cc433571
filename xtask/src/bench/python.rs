//! A large component: a Python skill, with all of an interpreter in it, made when it is needed.
//!
//! It needs Python and, the first time, a connection to the network; both the version of the componentizer and the files
//! that it comes in are pinned.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;
use crate::verify::languages::tools;

const SOURCES: &str = "bench/python";

/// Makes the skill, against the WIT package as it is now.
pub(super) fn skill(repository: &Repository, folder: &Path) -> Result<PathBuf, Failure> {
    let skill = folder.join("python-skill.wasm");
    // What Python makes of a source it leaves beside it.
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
