//! From a source file to a component with a declaration.

use std::fs;
use std::path::{Path, PathBuf};

use super::tools::Language;
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;

/// A skill: one file, and what it has beside it.
pub(super) struct Source {
    /// Its name without the extension, in the language's folder.
    name: &'static str,
    /// Whose declaration it has: the skill in Rust that does the same, or that it claims to be.
    like: &'static str,
}

/// What Python's skills import besides their own file.
const PYTHON_MODULES: [&str; 1] = ["outgoing.py"];

impl Source {
    /// The webhook's skill and its hostile one; the one that opens an issue and its hostile one.
    pub(super) fn of(language: Language) -> [Self; 4] {
        let (webhook, issue) = match language {
            Language::Python => ("github_webhook", "github_issue"),
            Language::JavaScript => ("github-webhook", "github-issue"),
        };
        let source = |name, like| Self { name, like };
        [
            source(webhook, "github-webhook"),
            source("snoop", "snoop"),
            source(issue, "github-issue"),
            source("exfiltrate", "github-issue"),
        ]
    }

    /// Makes the component, unless nothing that it is made of has changed.
    pub(super) fn component(
        &self,
        repository: &Repository,
        far: &Path,
        language: Language,
        componentizer: &Path,
    ) -> Result<PathBuf, Failure> {
        let folder = repository.target.join("languages").join(language.name());
        fs::create_dir_all(&folder).or_failure("make a folder for components")?;
        let skills = repository.root.join("skills-examples");
        let source = |name: &str| skills.join(language.name()).join(name);
        let sources = match language {
            Language::Python => {
                let own = source(&format!("{}.py", self.name));
                [own].into_iter().chain(PYTHON_MODULES.map(source)).collect()
            }
            Language::JavaScript => vec![source(&format!("{}.js", self.name))],
        };
        let declaration = skills.join(self.like).join("skill.json");
        let (component, mark) = (folder.join(self.name).with_extension("wasm"), folder.join(self.name));
        let made_of = made_of(repository, sources.iter().chain([&declaration, &componentizer.to_owned()]))?;
        if component.is_file() && fs::read_to_string(&mark).is_ok_and(|before| before == made_of) {
            println!("{}: made before", component.display());
            return Ok(component);
        }
        match language {
            Language::Python => python(repository, componentizer, &sources, self.name, &component)?,
            Language::JavaScript => {
                let node = sources.iter().fold(Invocation::new("node").arg(componentizer), Invocation::arg);
                node.arg(repository.root.join("wit")).arg(&component).run(&repository.root)?;
            }
        }
        Invocation::new(far).arg("embed").arg(&component).arg(&declaration).run(&repository.root)?;
        // Last: what was interrupted is made anew.
        fs::write(mark, made_of).or_failure("note what a component was made of")?;
        Ok(component)
    }
}

fn python(repository: &Repository, tool: &Path, sources: &[PathBuf], name: &str, to: &Path) -> Result<(), Failure> {
    // What Python makes of a source it leaves beside it.
    let folder = tempfile::tempdir().or_failure("make a temporary folder")?;
    for source in sources {
        let copy = folder.path().join(source.file_name().unwrap_or_default());
        fs::copy(source, copy).or_failure(format!("copy {}", source.display()))?;
    }
    let make = Invocation::new(tool).words("--wit-path wit --world skill componentize --python-path");
    make.arg(folder.path()).arg(name).arg("--output").arg(to).run(&repository.root)
}

/// All that decides what a component is.
fn made_of<'a>(repository: &Repository, files: impl Iterator<Item = &'a PathBuf>) -> Result<String, Failure> {
    let wit = repository.files()?.into_iter().filter(|file| file.starts_with("wit/"));
    let wit = wit.map(|file| repository.root.join(file));
    let mut all = String::new();
    for file in files.cloned().chain(wit) {
        all.push_str(&fs::read_to_string(&file).or_failure(format!("read {}", file.display()))?);
    }
    Ok(all)
}
