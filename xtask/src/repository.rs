//! The checkout: its folders, files and commit.

use std::path::PathBuf;

use cargo_metadata::MetadataCommand;

use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;

/// The manifests of the workspaces that are compiled to WebAssembly.
pub(crate) const GUEST_MANIFESTS: [&str; 2] = [SKILLS_MANIFEST, GUESTS_MANIFEST];
/// The workspace of the example skills.
pub(crate) const SKILLS_MANIFEST: &str = "skills-examples/Cargo.toml";
/// The workspace of the test guests.
pub(crate) const GUESTS_MANIFEST: &str = "tests/guests/Cargo.toml";
/// The workspace of the libFuzzer binaries, which only cargo-fuzz builds.
pub(crate) const FUZZ_MANIFEST: &str = "fuzz/Cargo.toml";

/// A checkout with its target folder.
#[derive(Clone)]
pub(crate) struct Repository {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
}

impl Repository {
    /// Finds the repository of the current folder.
    pub(crate) fn find() -> Result<Self, Failure> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .exec()
            .or_failure("read the workspace")
            .map_err(|failure| failure.or_next("run this command inside the repository"))?;
        Ok(Self { root: metadata.workspace_root.into(), target: metadata.target_directory.into() })
    }

    /// Returns the target folder of components. It is separate, so that builds do not wait for each
    /// other's lock.
    pub(crate) fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// Returns the target folder of native builds of the example skills.
    pub(crate) fn skills_native(&self) -> PathBuf {
        self.target.join("skills-native")
    }

    /// Reads a text file by its path relative to the root.
    pub(crate) fn read(&self, file: &str) -> Result<String, Failure> {
        std::fs::read_to_string(self.root.join(file)).or_failure(format!("read {file}"))
    }

    /// Returns the commit, with `-dirty` if files differ from it.
    pub(crate) fn commit(&self) -> String {
        Invocation::new("git")
            .words("--no-optional-locks describe --always --dirty --abbrev=40 --exclude=*")
            .stdout(&self.root)
            .unwrap_or_else(|| "unknown".to_owned())
    }

    /// Returns the sorted paths of all tracked and new files, relative to the root, without ignored
    /// files.
    pub(crate) fn files(&self) -> Result<Vec<String>, Failure> {
        let list = Invocation::new("git").words("ls-files --cached --others --exclude-standard -z");
        let output = list.output(&self.root)?;
        list.succeeded(output.status)?;
        let mut files: Vec<_> = String::from_utf8_lossy(&output.stdout)
            .split_terminator('\0')
            .filter(|path| self.root.join(path).symlink_metadata().is_ok())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }
}

/// Describes the machine for figures: system, architecture and processors.
pub(crate) fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let model = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|info| processor_model(&info));
    let kind = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    match model {
        Some(model) => format!("{kind}, {processors} × {model}"),
        None => format!("{kind}, {processors} processors"),
    }
}

fn processor_model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_is_found_with_its_files() {
        let repository = Repository::find().unwrap();
        let files = repository.files().unwrap();
        assert!(files.iter().any(|file| file == "xtask/src/repository.rs"));
        assert!(!files.iter().any(|file| file.starts_with("target/")));
        for manifest in GUEST_MANIFESTS {
            assert!(repository.root.join(manifest).is_file(), "{manifest}");
        }
    }

    #[test]
    fn processor_model_is_parsed() {
        let info = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: Some CPU @ 2 GHz\n";
        assert_eq!(processor_model(info).as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(processor_model("processor\t: 0\n"), None);
    }
}
