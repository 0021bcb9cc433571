//! A large component: a Python skill, with all of an interpreter in it, made when it is needed.
//!
//! It needs Python and, the first time, a connection to the network; both the version of the componentizer and the files
//! that it comes in are pinned.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;

const SOURCES: &str = "bench/python";

/// Makes the skill, against the WIT package as it is now.
pub(super) fn skill(repository: &Repository, folder: &Path) -> Result<PathBuf, Failure> {
    let (environment, skill) = (folder.join("python"), folder.join("python-skill.wasm"));
    // What Python makes of a source it leaves beside it.
    let (source, copy) = (repository.root.join(SOURCES).join("app.py"), folder.join("app.py"));
    std::fs::copy(&source, &copy).or_failure(format!("copy {}", source.display()))?;
    let componentizer = environment.join("bin/componentize-py");
    if !componentizer.is_file() {
        install(repository, &environment)?;
    }
    Invocation::new(componentizer)
        .words("--wit-path wit --world skill componentize --python-path")
        .arg(folder)
        .words("app --output")
        .arg(&skill)
        .run(&repository.root)?;
    Ok(skill)
}

fn install(repository: &Repository, environment: &Path) -> Result<(), Failure> {
    let install = Invocation::new("python3").words("-m venv --clear").arg(environment).run(&repository.root);
    let requirements = Path::new(SOURCES).join("requirements.txt");
    let pip =
        Invocation::new(environment.join("bin/pip")).words("install --quiet --require-hashes --only-binary :all:");
    install.and_then(|()| pip.arg("--requirement").arg(requirements).run(&repository.root)).map_err(|failure| {
        failure.or_next("install Python 3 with its module 'venv', and see that the package index can be reached")
    })
}
