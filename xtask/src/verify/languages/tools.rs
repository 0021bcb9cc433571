//! Componentizers of other languages, with pinned versions, installed below the target folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;

/// A language other than Rust.
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

    /// Returns a failure if the tools of the language are not installed.
    pub(super) fn missing(self, repository: &Repository) -> Option<Failure> {
        let (program, next) = match self {
            Self::Python => ("python3", "install Python 3.9 or later, with its module 'venv'"),
            Self::JavaScript => ("npm", "install Node.js 20 or later, with npm"),
        };
        let installed = Invocation::new(program).arg("--version").stdout(&repository.root).is_some();
        (!installed).then(|| Failure::new(format!("program '{program}' not found")).or_next(next))
    }

    /// Installs the componentizer if it is missing, and returns its path.
    pub(super) fn install(self, repository: &Repository) -> Result<PathBuf, Failure> {
        match self {
            Self::Python => python(repository),
            Self::JavaScript => javascript(repository),
        }
    }
}

/// Installs the componentizer of Python.
pub(crate) fn python(repository: &Repository) -> Result<PathBuf, Failure> {
    let folder = repository.target.join("tools/python");
    let list = repository.root.join("skills-examples/python/requirements.txt");
    install_once(&folder, &[&list], || {
        let venv = Invocation::new("python3").words("-m venv --clear").arg(&folder).run(&repository.root);
        let pip = Invocation::new(folder.join("bin/pip"))
            .words("install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement")
            .arg(&list);
        venv.and_then(|()| pip.run(&repository.root)).map_err(|failure| {
            failure.or_next("install Python 3 with its module 'venv', and check the connection to the package index")
        })
    })?;
    Ok(folder.join("bin/componentize-py"))
}

/// Installs the componentizer of JavaScript, and the script that calls it.
fn javascript(repository: &Repository) -> Result<PathBuf, Failure> {
    let folder = repository.target.join("tools/javascript");
    let from = repository.root.join("skills-examples/javascript");
    let files = ["package.json", "package-lock.json", "componentize.mjs"].map(|name| from.join(name));
    install_once(&folder, &files.each_ref().map(PathBuf::as_path), || {
        fs::create_dir_all(&folder).or_failure("create the folder for tools")?;
        for file in &files {
            let to = folder.join(file.file_name().unwrap_or_default());
            fs::copy(file, to).or_failure(format!("copy {}", file.display()))?;
        }
        // Packages must not run install scripts.
        let npm = Invocation::new("npm").words("ci --ignore-scripts --no-audit --no-fund --prefix").arg(&folder);
        npm.run(&repository.root).map_err(|failure| failure.or_next("check the connection to the package registry"))
    })?;
    Ok(folder.join("componentize.mjs"))
}

/// Installs packages, unless the same lists are already installed.
fn install_once(folder: &Path, lists: &[&Path], install: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let stamp = folder.join("installed-from");
    let mut wanted = String::new();
    for list in lists {
        wanted.push_str(&fs::read_to_string(list).or_failure(format!("read {}", list.display()))?);
    }
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    // Written last, so that an interrupted installation is repeated.
    fs::write(stamp, wanted).or_failure("write the list of installed packages")
}
