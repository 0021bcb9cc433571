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
    let build = Invocation::cargo("build --locked --package far-cli").arg("--target-dir").arg(&repository.target);
    let made = build_with(repository, build)?;
    let far = made.iter().find(|artifact| artifact.target.name == "far").and_then(|far| far.executable.clone());
    far.map(Into::into).ok_or_else(|| Failure::new("the package far-cli has no binary 'far'"))
}

/// The two programs that measure, optimised: with the system's allocator, and with the one that overwrites.
pub(crate) fn bench(repository: &Repository) -> Result<[PathBuf; 2], Failure> {
    let build = Invocation::cargo("build --locked --release --package far-bench --target-dir").arg(&repository.target);
    let made = build_with(repository, build)?;
    let program = |name: &str| {
        let program = made.iter().filter(|artifact| artifact.target.name == name);
        let program = program.filter_map(|artifact| artifact.executable.clone()).next_back();
        program.map(PathBuf::from).ok_or_else(|| Failure::new(format!("the package far-bench has no binary '{name}'")))
    };
    Ok([program("far-bench")?, program("far-bench-wiping")?])
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
