//! Compiled components, whose code the engine trusts and runs.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use far_runtime::ArtifactCache;
use serde_json::json;

use super::Case;
use super::summary::describe_end;
use super::trial::Trial;
use crate::host::Parts;
use crate::{TestHost, guests};

pub(super) fn cases() -> Vec<Case> {
    let twin = || Trial::new("completed, reused", || after(|_, _| {}));
    vec![
        Case {
            id: "62-swapped-artifact",
            description: "another component's compiled code in place of a skill's",
            attack: Trial::new("completed, compiled again", || {
                after(|own, other| {
                    fs::copy(other, own).unwrap();
                })
            }),
            twin: twin(),
        },
        Case {
            id: "62-others-can-write",
            description: "compiled code that other users can write",
            attack: Trial::new("completed, compiled again", || {
                after(|own, _| fs::set_permissions(own, Permissions::from_mode(0o666)).unwrap())
            }),
            twin: twin(),
        },
        Case {
            id: "62-cut-artifact",
            description: "truncated compiled code",
            // No mutation: the engine detects truncation itself.
            attack: Trial::new("completed, compiled again", || {
                after(|own, _| {
                    let file = fs::OpenOptions::new().write(true).open(own).unwrap();
                    file.set_len(file.metadata().unwrap().len() - 4096).unwrap();
                })
            }),
            twin: twin(),
        },
    ]
}

/// Compiles two skills, tampers with the first artifact, and runs the first skill on another host.
async fn after(attack: fn(&Path, &Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("artifacts");
    let own = compile(&cache, guests::REQUIRED).await;
    let other = compile(&cache, guests::PROBE).await;
    attack(&own, &other);
    let before = fs::metadata(&own).unwrap().ino();
    let seen = run(&cache, guests::REQUIRED).await;
    let now = fs::metadata(&own).unwrap().ino();
    format!("{seen}, {}", if now == before { "reused" } else { "compiled again" })
}

async fn run(cache: &Path, guest: &str) -> String {
    let artifacts = Some(ArtifactCache::open(cache).unwrap());
    let host = TestHost::of(Parts { artifacts, ..Parts::default() });
    let report = host.run(guest, &["alpha:sign", "beta:sign"], &json!({ "steps": [] })).await;
    describe_end(&report.end)
}

/// Runs a skill and returns the artifact that the run leaves.
async fn compile(cache: &Path, guest: &str) -> PathBuf {
    let list = |cache: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(cache).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
        entries.unwrap_or_default()
    };
    let before = list(cache);
    run(cache, guest).await;
    let is_new = |path: &PathBuf| !before.contains(path) && path.file_stem().is_some_and(|name| name.len() == 64);
    list(cache).into_iter().find(is_new).unwrap()
}
