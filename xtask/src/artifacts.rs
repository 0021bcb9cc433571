//! Builds programs and components with cargo, and finds the built files.

use std::path::{Path, PathBuf};

use cargo_metadata::{Artifact, Message};

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::repository::{GUESTS_MANIFEST, Repository, SKILLS_MANIFEST};
use crate::setup::WASM_TARGET;

/// Makes cargo list its artifacts as JSON and print its diagnostics as usual.
const LIST_ARTIFACTS: &str = "--message-format=json-render-diagnostics";

/// Builds the `far` command.
pub(crate) fn far(repository: &Repository) -> Result<PathBuf, Failure> {
    let [far] = programs(repository, ["far"], |build| build.arg(&repository.target))?;
    Ok(far)
}

/// Builds `far`, and the program that runs skills against a test server in place of GitHub.
pub(crate) fn issue(repository: &Repository) -> Result<[PathBuf; 2], Failure> {
    programs(repository, ["issue", "far"], |build| build.arg(&repository.target))
}

/// Builds the conformance suite of the backends.
pub(crate) fn conformance(repository: &Repository) -> Result<PathBuf, Failure> {
    let [conformance] = programs(repository, ["conformance"], |build| build.arg(&repository.target))?;
    Ok(conformance)
}

/// Builds the program that attacks the host.
pub(crate) fn attacks(repository: &Repository) -> Result<PathBuf, Failure> {
    let [attacks] = programs(repository, ["attacks"], |build| build.arg(&repository.target))?;
    Ok(attacks)
}

/// Builds the attacks of a copy of the repository incrementally, with guests that are already
/// built.
pub(crate) fn attacks_of_copy(copy: &Repository, guests: &Path) -> Result<PathBuf, Failure> {
    let [attacks] = programs(copy, ["attacks"], |build| {
        let build = build.arg(&copy.target).env("FAR_TESTS_GUESTS", guests);
        build.env("CARGO_INCREMENTAL", "1").env("CARGO_PROFILE_DEV_DEBUG", "0")
    })?;
    Ok(attacks)
}

/// Builds the components that the attacks run, like the build script of far-tests.
pub(crate) fn guests(repository: &Repository) -> Result<(), Failure> {
    for (manifest, targets) in [(GUESTS_MANIFEST, "--examples"), (SKILLS_MANIFEST, "")] {
        let build = Invocation::cargo("build --locked --manifest-path").arg(manifest).words(targets);
        let build = build.arg("--target").arg(WASM_TARGET).arg("--target-dir").arg(repository.guests());
        build.run(&repository.root)?;
    }
    Ok(())
}

/// Builds the driver of the fuzz targets.
pub(crate) fn fuzz(repository: &Repository) -> Result<PathBuf, Failure> {
    let [fuzz] = programs(repository, ["fuzz"], |build| build.arg(&repository.target))?;
    Ok(fuzz)
}

/// Builds the soak test with optimizations, since it measures.
pub(crate) fn soak(repository: &Repository) -> Result<PathBuf, Failure> {
    let [soak] = programs(repository, ["soak"], |build| build.arg(&repository.target).words("--release"))?;
    Ok(soak)
}

/// Builds programs and returns their paths. The next argument of the invocation is the target
/// folder.
///
/// Builds with `--workspace`: a part of the workspace selects other features of its dependencies,
/// and cargo would build the engine again.
fn programs<const N: usize>(
    repository: &Repository,
    names: [&str; N],
    complete: impl FnOnce(Invocation) -> Invocation,
) -> Result<[PathBuf; N], Failure> {
    let build = Invocation::cargo("build --locked --workspace");
    let build = names.iter().fold(build, |build, name| build.arg("--bin").arg(name));
    let artifacts = build_with(repository, complete(build.arg("--target-dir")))?;
    let mut paths = [const { PathBuf::new() }; N];
    for (path, name) in paths.iter_mut().zip(names) {
        let found = artifacts.iter().find(|artifact| artifact.target.name == name && artifact.executable.is_some());
        let found = found.and_then(|artifact| artifact.executable.clone());
        *path = found.ok_or_else(|| Failure::new(format!("cargo built no program '{name}'")))?.into();
    }
    Ok(paths)
}

/// A build profile of cargo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// The programs of a memory search.
pub(crate) struct SearchPrograms {
    pub(crate) residue: PathBuf,
    pub(crate) far: PathBuf,
}

impl SearchPrograms {
    /// Builds both programs with one invocation of cargo.
    pub(crate) fn build(repository: &Repository, profile: Profile) -> Result<Self, Failure> {
        let profile = if profile == Profile::Release { "--release" } else { "" };
        let [residue, far] =
            programs(repository, ["residue", "far"], |build| build.arg(&repository.target).words(profile))?;
        Ok(Self { residue, far })
    }
}

/// Builds the two benchmark programs with optimizations: with the system's allocator, and with the
/// wiping allocator.
pub(crate) fn bench(repository: &Repository) -> Result<[PathBuf; 2], Failure> {
    let names = ["far-bench", "far-bench-wiping"];
    programs(repository, names, |build| build.arg(&repository.target).words("--release"))
}

/// Builds the measured guest with optimizations.
pub(crate) fn meter(repository: &Repository) -> Result<PathBuf, Failure> {
    let build = Invocation::cargo("build --locked --release --example meter --manifest-path").arg(GUESTS_MANIFEST);
    let build = build.arg("--target").arg(WASM_TARGET).arg("--target-dir").arg(repository.guests());
    let files = build_with(repository, build)?.into_iter().flat_map(|artifact| artifact.filenames);
    let meter = files.filter(|file| file.file_name() == Some("meter.wasm")).map(PathBuf::from).next_back();
    meter.ok_or_else(|| Failure::new(format!("{GUESTS_MANIFEST} built no component 'meter'")))
}

/// The example skills, as components.
pub(crate) struct Skills(Vec<PathBuf>);

impl Skills {
    pub(crate) fn build(repository: &Repository) -> Result<Self, Failure> {
        let build = Invocation::cargo("build --locked --manifest-path")
            .arg(SKILLS_MANIFEST)
            .arg("--target")
            .arg(WASM_TARGET)
            .arg("--target-dir")
            .arg(repository.guests());
        let files = build_with(repository, build)?.into_iter().flat_map(|artifact| artifact.filenames);
        Ok(Self(files.filter(|file| file.extension() == Some("wasm")).map(Into::into).collect()))
    }

    /// Returns the component of a skill, by the name of its crate.
    pub(crate) fn component(&self, name: &str) -> Result<&Path, Failure> {
        let found = self.0.iter().find(|file| file.file_stem().is_some_and(|stem| stem == name));
        found
            .map(PathBuf::as_path)
            .ok_or_else(|| Failure::new(format!("{SKILLS_MANIFEST} built no component '{name}'")))
    }
}

fn build_with(repository: &Repository, build: Invocation) -> Result<Vec<Artifact>, Failure> {
    let build = build.arg(LIST_ARTIFACTS);
    let mut artifacts = Vec::new();
    let status = build.for_each_line(&repository.root, |line| artifacts.extend(artifact(line)))?;
    build
        .succeeded(status)
        .map_err(|failure| failure.or_next("fix the errors of cargo above, then run this command again"))?;
    Ok(artifacts)
}

fn artifact(line: &str) -> Option<Artifact> {
    match Message::parse_stream(line.as_bytes()).next()? {
        Ok(Message::CompilerArtifact(artifact)) => Some(artifact),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINISHED: &str = r#"{"reason":"build-finished","success":true}"#;
    const ARTIFACT: &str = r#"{"reason":"compiler-artifact","package_id":"path+file:///r/snoop#0.1.0",
        "manifest_path":"/r/snoop/Cargo.toml","target":{"kind":["cdylib"],"crate_types":["cdylib"],"name":"snoop",
        "src_path":"/r/snoop/src/lib.rs","edition":"2024","doc":true,"doctest":false,"test":true},
        "profile":{"opt_level":"1","debuginfo":0,"debug_assertions":true,"overflow_checks":true,"test":false},
        "features":[],"filenames":["/r/target/snoop.wasm"],"executable":null,"fresh":true}"#;

    #[test]
    fn artifacts_are_parsed_and_other_messages_ignored() {
        let artifact = artifact(&ARTIFACT.replace('\n', "")).unwrap();
        assert_eq!(artifact.filenames, ["/r/target/snoop.wasm"]);
        assert!(super::artifact(FINISHED).is_none());
        assert!(super::artifact("text of a build script").is_none());
    }

    #[test]
    fn component_is_found_by_crate_name() {
        let skills = Skills(vec!["/r/target/github_webhook.wasm".into(), "/r/target/snoop.wasm".into()]);
        assert_eq!(skills.component("snoop").unwrap(), Path::new("/r/target/snoop.wasm"));
        let failure = skills.component("absent").unwrap_err();
        assert_eq!(failure.message(), "skills-examples/Cargo.toml built no component 'absent'");
    }
}
