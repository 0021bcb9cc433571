//! From a source file to a component with a declaration.

use std::fs;
use std::path::{Path, PathBuf};

use super::tools::Language;
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;

/// A skill of one file.
pub(super) struct Source {
    /// Its name without the extension, in the language's folder.
    name: &'static str,
    /// Whose declaration it has: the skill in Rust that does the same.
    like: &'static str,
}

impl Source {
    /// The webhook's skill and the hostile one.
    pub(super) fn of(language: Language) -> [Self; 2] {
        let name = match language {
            Language::Python => "github_webhook",
            Language::JavaScript => "github-webhook",
        };
        [Self { name, like: "github-webhook" }, Self { name: "snoop", like: "snoop" }]
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
        let extension = if language == Language::Python { "py" } else { "js" };
        let source = skills.join(language.name()).join(format!("{}.{extension}", self.name));
        let declaration = skills.join(self.like).join("skill.json");
        let (component, mark) = (folder.join(self.name).with_extension("wasm"), folder.join(self.name));
        let made_of = made_of(repository, &[&source, &declaration, componentizer])?;
        if component.is_file() && fs::read_to_string(&mark).is_ok_and(|before| before == made_of) {
            println!("{}: made before", component.display());
            return Ok(component);
        }
        match language {
            Language::Python => python(repository, componentizer, &source, self.name, &component)?,
            Language::JavaScript => {
                let node = Invocation::new("node").arg(componentizer).arg(&source).arg(repository.root.join("wit"));
                node.arg(&component).run(&repository.root)?;
            }
        }
        Invocation::new(far).arg("embed").arg(&component).arg(&declaration).run(&repository.root)?;
        // Last: what was interrupted is made anew.
        fs::write(mark, made_of).or_failure("note what a component was made of")?;
        Ok(component)
    }
}

fn python(repository: &Repository, tool: &Path, source: &Path, name: &str, to: &Path) -> Result<(), Failure> {
    // What Python makes of a source it leaves beside it.
    let folder = tempfile::tempdir().or_failure("make a temporary folder")?;
    let copy = folder.path().join(name).with_extension("py");
    fs::copy(source, copy).or_failure(format!("copy {}", source.display()))?;
    let make = Invocation::new(tool).words("--wit-path wit --world skill componentize --python-path");
    make.arg(folder.path()).arg(name).arg("--output").arg(to).run(&repository.root)
}

/// All that decides what a component is.
fn made_of(repository: &Repository, files: &[&Path]) -> Result<String, Failure> {
    let wit = repository.files()?.into_iter().filter(|file| file.starts_with("wit/"));
    let wit = wit.map(|file| repository.root.join(file));
    let mut all = String::new();
    for file in files.iter().map(|&file| file.to_owned()).chain(wit) {
        all.push_str(&fs::read_to_string(&file).or_failure(format!("read {}", file.display()))?);
    }
    Ok(all)
}
