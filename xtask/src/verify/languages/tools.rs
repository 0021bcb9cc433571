//! What makes components of other languages: pinned, and installed below the target folder alone.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;

/// A language besides Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    JavaScript,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::Python, Self::JavaScript];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
        }
    }

    /// What of it must be on the machine, and is not.
    pub(super) fn missing(self, repository: &Repository) -> Option<Failure> {
        let (program, next) = match self {
            Self::Python => ("python3", "install Python 3.9 or later, with its module 'venv'"),
            Self::JavaScript => ("npm", "install Node.js 20 or later, with npm"),
        };
        let there = Invocation::new(program).arg("--version").answer(&repository.root).is_some();
        (!there).then(|| Failure::new(format!("there is no '{program}'")).or_next(next))
    }

    /// Installs its componentizer, unless that was done, and answers with where.
    pub(super) fn install(self, repository: &Repository) -> Result<PathBuf, Failure> {
        match self {
            Self::Python => python(repository),
            Self::JavaScript => javascript(repository),
        }
    }
}

/// The componentizer of Python.
pub(crate) fn python(repository: &Repository) -> Result<PathBuf, Failure> {
    let folder = repository.target.join("tools/python");
    let list = repository.root.join("skills-examples/python/requirements.txt");
    installed(&folder, &[&list], || {
        let venv = Invocation::new("python3").words("-m venv --clear").arg(&folder).run(&repository.root);
        let pip = Invocation::new(folder.join("bin/pip"))
            .words("install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement")
            .arg(&list);
        venv.and_then(|()| pip.run(&repository.root)).map_err(|failure| {
            failure.or_next("install Python 3 with its module 'venv', and see that the package index can be reached")
        })
    })?;
    Ok(folder.join("bin/componentize-py"))
}

/// The componentizer of JavaScript: the script that calls it, beside what it calls.
fn javascript(repository: &Repository) -> Result<PathBuf, Failure> {
    let folder = repository.target.join("tools/javascript");
    let from = repository.root.join("skills-examples/javascript");
    let files = ["package.json", "package-lock.json", "componentize.mjs"].map(|name| from.join(name));
    installed(&folder, &files.each_ref().map(PathBuf::as_path), || {
        fs::create_dir_all(&folder).or_failure("make a folder for tools")?;
        for file in &files {
            let to = folder.join(file.file_name().unwrap_or_default());
            fs::copy(file, to).or_failure(format!("copy {}", file.display()))?;
        }
        // No script of a package's is run.
        let npm = Invocation::new("npm").words("ci --ignore-scripts --no-audit --no-fund --prefix").arg(&folder);
        npm.run(&repository.root).map_err(|failure| failure.or_next("see that the package registry can be reached"))
    })?;
    Ok(folder.join("componentize.mjs"))
}

/// Installs what a list names, unless it was installed from the same list before.
fn installed(folder: &Path, lists: &[&Path], install: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let mark = folder.join("installed-from");
    let mut wanted = String::new();
    for list in lists {
        wanted.push_str(&fs::read_to_string(list).or_failure(format!("read {}", list.display()))?);
    }
    if fs::read_to_string(&mark).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    install()?;
    // Last: what was interrupted is installed anew.
    fs::write(mark, wanted).or_failure("note what was installed")
}
