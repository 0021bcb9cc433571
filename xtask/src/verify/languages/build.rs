//! Builds a component with a declaration from a source file.

use std::fs;
use std::path::{Path, PathBuf};

use super::tools::Language;
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;

/// The source of a skill.
pub(super) struct Source {
    /// The file name without the extension, in the folder of the language.
    name: &'static str,
    /// The Rust skill whose declaration it uses.
    declaration: &'static str,
}

/// The shared modules of the Python skills.
const PYTHON_MODULES: [&str; 1] = ["outgoing.py"];

impl Source {
    /// Returns two skills, each followed by a hostile one.
    pub(super) fn of(language: Language) -> [Self; 4] {
        let (webhook, issue) = match language {
            Language::Python => ("github_webhook", "github_issue"),
            Language::JavaScript => ("github-webhook", "github-issue"),
        };
        let source = |name, declaration| Self { name, declaration };
        [
            source(webhook, "github-webhook"),
            source("snoop", "snoop"),
            source(issue, "github-issue"),
            source("exfiltrate", "github-issue"),
        ]
    }

    /// Builds the component, unless all of its inputs are unchanged.
    pub(super) fn component(
        &self,
        repository: &Repository,
        far: &Path,
        language: Language,
        componentizer: &Path,
    ) -> Result<PathBuf, Failure> {
        let folder = repository.target.join("languages").join(language.name());
        fs::create_dir_all(&folder).or_failure("create the folder for components")?;
        let skills = repository.root.join("skills-examples");
        let source = |name: &str| skills.join(language.name()).join(name);
        let sources = match language {
            Language::Python => {
                let own = source(&format!("{}.py", self.name));
                [own].into_iter().chain(PYTHON_MODULES.map(source)).collect()
            }
            Language::JavaScript => vec![source(&format!("{}.js", self.name))],
        };
        let declaration = skills.join(self.declaration).join("skill.json");
        let (component, stamp) = (folder.join(self.name).with_extension("wasm"), folder.join(self.name));
        let inputs = inputs(repository, sources.iter().chain([&declaration, &componentizer.to_owned()]))?;
        if component.is_file() && fs::read_to_string(&stamp).is_ok_and(|previous| previous == inputs) {
            println!("{}: up to date", component.display());
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
        // Written last, so that an interrupted build is repeated.
        fs::write(stamp, inputs).or_failure("write the inputs of a component")?;
        Ok(component)
    }
}

fn python(repository: &Repository, tool: &Path, sources: &[PathBuf], name: &str, to: &Path) -> Result<(), Failure> {
    // Python writes its cache next to the source.
    let folder = tempfile::tempdir().or_failure("create a temporary folder")?;
    for source in sources {
        let copy = folder.path().join(source.file_name().unwrap_or_default());
        fs::copy(source, copy).or_failure(format!("copy {}", source.display()))?;
    }
    let build = Invocation::new(tool).words("--wit-path wit --world skill componentize --python-path");
    build.arg(folder.path()).arg(name).arg("--output").arg(to).run(&repository.root)
}

/// Returns the concatenated inputs of a component.
fn inputs<'a>(repository: &Repository, files: impl Iterator<Item = &'a PathBuf>) -> Result<String, Failure> {
    let wit = repository.files()?.into_iter().filter(|file| file.starts_with("wit/"));
    let wit = wit.map(|file| repository.root.join(file));
    let mut all = String::new();
    for file in files.cloned().chain(wit) {
        all.push_str(&fs::read_to_string(&file).or_failure(format!("read {}", file.display()))?);
    }
    Ok(all)
}
