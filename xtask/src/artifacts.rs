//! Building what is run, and finding where cargo put it.

use std::path::{Path, PathBuf};

use cargo_metadata::{Artifact, Message};

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::repository::{GUESTS_MANIFEST, Repository, SKILLS_MANIFEST};
use crate::setup::WASM_TARGET;

/// Has cargo say what it made, and show its own messages as always.
const SAY_WHAT: &str = "--message-format=json-render-diagnostics";

/// Builds the `far` command.
pub(crate) fn far(repository: &Repository) -> Result<PathBuf, Failure> {
    let [far] = programs(repository, ["far"], |build| build.arg(&repository.target))?;
    Ok(far)
}

/// Builds the program that runs skills against what stands in for GitHub, and `far`.
pub(crate) fn issue(repository: &Repository) -> Result<[PathBuf; 2], Failure> {
    programs(repository, ["issue", "far"], |build| build.arg(&repository.target))
}

/// Builds the program that asks backends.
pub(crate) fn conformance(repository: &Repository) -> Result<PathBuf, Failure> {
    let [conformance] = programs(repository, ["conformance"], |build| build.arg(&repository.target))?;
    Ok(conformance)
}

/// Builds the program that attacks the host.
pub(crate) fn attacks(repository: &Repository) -> Result<PathBuf, Failure> {
    let [attacks] = programs(repository, ["attacks"], |build| build.arg(&repository.target))?;
    Ok(attacks)
}

/// Builds the same of a copy of the repository, incrementally, with guests that are built already.
pub(crate) fn attacks_of_copy(copy: &Repository, guests: &Path) -> Result<PathBuf, Failure> {
    let [attacks] = programs(copy, ["attacks"], |build| {
        let build = build.arg(&copy.target).env("FAR_TESTS_GUESTS", guests);
        build.env("CARGO_INCREMENTAL", "1").env("CARGO_PROFILE_DEV_DEBUG", "0")
    })?;
    Ok(attacks)
}

/// Builds the components that attacks run, as the build of far-tests does.
pub(crate) fn guests(repository: &Repository) -> Result<(), Failure> {
    for (manifest, what) in [(GUESTS_MANIFEST, "--examples"), (SKILLS_MANIFEST, "")] {
        let build = Invocation::cargo("build --locked --manifest-path").arg(manifest).words(what);
        let build = build.arg("--target").arg(WASM_TARGET).arg("--target-dir").arg(repository.guests());
        build.run(&repository.root)?;
    }
    Ok(())
}

/// Builds the driver of fuzz targets.
pub(crate) fn fuzz(repository: &Repository) -> Result<PathBuf, Failure> {
    let [fuzz] = programs(repository, ["fuzz"], |build| build.arg(&repository.target))?;
    Ok(fuzz)
}

/// Builds the program that runs honest and hostile tasks at once, optimised: it measures.
pub(crate) fn soak(repository: &Repository) -> Result<PathBuf, Failure> {
    let [soak] = programs(repository, ["soak"], |build| build.arg(&repository.target).words("--release"))?;
    Ok(soak)
}

/// Builds programs, and answers with where they are. The target folder is the next argument.
///
/// Of the whole workspace: a part of it takes other features of what it depends on, and would build the engine again.
fn programs<const N: usize>(
    repository: &Repository,
    names: [&str; N],
    into: impl FnOnce(Invocation) -> Invocation,
) -> Result<[PathBuf; N], Failure> {
    let build = Invocation::cargo("build --locked --workspace");
    let build = names.iter().fold(build, |build, name| build.arg("--bin").arg(name));
    let made = build_with(repository, into(build.arg("--target-dir")))?;
    let mut paths = [const { PathBuf::new() }; N];
    for (path, name) in paths.iter_mut().zip(names) {
        let found = made.iter().find(|artifact| artifact.target.name == name && artifact.executable.is_some());
        let found = found.and_then(|artifact| artifact.executable.clone());
        *path = found.ok_or_else(|| Failure::new(format!("cargo made no program '{name}'")))?.into();
    }
    Ok(paths)
}

/// A build profile of cargo's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// What a search of memory runs: the searching program, and `far`.
pub(crate) struct Searched {
    pub(crate) residue: PathBuf,
    pub(crate) far: PathBuf,
}

impl Searched {
    /// Builds both at once, so that what they share is built once.
    pub(crate) fn build(repository: &Repository, profile: Profile) -> Result<Self, Failure> {
        let profile = if profile == Profile::Release { "--release" } else { "" };
        let [residue, far] =
            programs(repository, ["residue", "far"], |build| build.arg(&repository.target).words(profile))?;
        Ok(Self { residue, far })
    }
}

/// The two programs that measure, optimised: with the system's allocator, and with the one that overwrites.
pub(crate) fn bench(repository: &Repository) -> Result<[PathBuf; 2], Failure> {
    let names = ["far-bench", "far-bench-wiping"];
    programs(repository, names, |build| build.arg(&repository.target).words("--release"))
}

/// The guest that is measured, optimised.
pub(crate) fn meter(repository: &Repository) -> Result<PathBuf, Failure> {
    let build = Invocation::cargo("build --locked --release --example meter --manifest-path").arg(GUESTS_MANIFEST);
    let build = build.arg("--target").arg(WASM_TARGET).arg("--target-dir").arg(repository.guests());
    let files = build_with(repository, build)?.into_iter().flat_map(|artifact| artifact.filenames);
    let meter = files.filter(|file| file.file_name() == Some("meter.wasm")).map(PathBuf::from).next_back();
    meter.ok_or_else(|| Failure::new(format!("{GUESTS_MANIFEST} made no component 'meter'")))
}

/// The example skills, as components.
pub(crate) struct Skills(Vec<PathBuf>);

impl Skills {
    /// Builds them.
    pub(crate) fn build(repository: &Repository) -> Result<Self, Failure> {
        let build = Invocation::cargo("build --locked --manifest-path")
            .arg(SKILLS_MANIFEST)
            .arg("--target")
            .arg(WASM_TARGET)
            .arg("--target-dir")
            .arg(repository.guests());
        let made = build_with(repository, build)?;
        let files = made.into_iter().flat_map(|artifact| artifact.filenames);
        Ok(Self(files.filter(|file| file.extension() == Some("wasm")).map(Into::into).collect()))
    }

    /// The component of a skill, by its crate's name.
    pub(crate) fn component(&self, name: &str) -> Result<&Path, Failure> {
        let found = self.0.iter().find(|file| file.file_stem().is_some_and(|stem| stem == name));
        found.map(PathBuf::as_path).ok_or_else(|| Failure::new(format!("{SKILLS_MANIFEST} made no component '{name}'")))
    }
}

fn build_with(repository: &Repository, build: Invocation) -> Result<Vec<Artifact>, Failure> {
    let build = build.arg(SAY_WHAT);
    let mut made = Vec::new();
    let status = build.for_each_line(&repository.root, |line| made.extend(artifact(line)))?;
    build.succeeded(status).map_err(|failure| failure.or_next("mend what cargo says above, then run this again"))?;
    Ok(made)
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
    const MADE: &str = r#"{"reason":"compiler-artifact","package_id":"path+file:///r/snoop#0.1.0",
        "manifest_path":"/r/snoop/Cargo.toml","target":{"kind":["cdylib"],"crate_types":["cdylib"],"name":"snoop",
        "src_path":"/r/snoop/src/lib.rs","edition":"2024","doc":true,"doctest":false,"test":true},
        "profile":{"opt_level":"1","debuginfo":0,"debug_assertions":true,"overflow_checks":true,"test":false},
        "features":[],"filenames":["/r/target/snoop.wasm"],"executable":null,"fresh":true}"#;

    #[test]
    fn what_cargo_made_is_told_from_what_it_says_besides() {
        let artifact = artifact(&MADE.replace('\n', "")).unwrap();
        assert_eq!(artifact.filenames, ["/r/target/snoop.wasm"]);
        assert!(super::artifact(FINISHED).is_none());
        assert!(super::artifact("text of a build script").is_none());
    }

    #[test]
    fn a_component_is_found_by_its_crate() {
        let skills = Skills(vec!["/r/target/github_webhook.wasm".into(), "/r/target/snoop.wasm".into()]);
        assert_eq!(skills.component("snoop").unwrap(), Path::new("/r/target/snoop.wasm"));
        let failure = skills.component("absent").unwrap_err();
        assert_eq!(failure.what(), "skills-examples/Cargo.toml made no component 'absent'");
    }
}
