//! Compiled components: the engine runs what they hold.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use far_runtime::ArtifactCache;
use serde_json::json;

use super::Case;
use super::told::end;
use super::trial::Trial;
use crate::host::Parts;
use crate::{TestHost, guests};

pub(super) fn cases() -> Vec<Case> {
    let twin = || Trial::new("completed, as it was", || after(|_, _| {}));
    vec![
        Case {
            id: "62-swapped-artefact",
            what: "another component's compiled code in the place of a skill's",
            attack: Trial::new("completed, compiled again", || {
                after(|own, other| {
                    fs::copy(other, own).unwrap();
                })
            }),
            twin: twin(),
        },
        Case {
            id: "62-others-can-write",
            what: "compiled code that others can write",
            attack: Trial::new("completed, compiled again", || {
                after(|own, _| fs::set_permissions(own, Permissions::from_mode(0o666)).unwrap())
            }),
            twin: twin(),
        },
        Case {
            id: "62-cut-artefact",
            what: "compiled code that was cut off",
            // No mutation: the engine sees that by itself.
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

/// Compiles two skills, does something to the first one's artefact, and runs it on another host.
async fn after(attack: fn(&Path, &Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("artefacts");
    let own = compile(&place, guests::REQUIRED).await;
    let other = compile(&place, guests::PROBE).await;
    attack(&own, &other);
    let before = fs::metadata(&own).unwrap().ino();
    let seen = run(&place, guests::REQUIRED).await;
    let now = fs::metadata(&own).unwrap().ino();
    format!("{seen}, {}", if now == before { "as it was" } else { "compiled again" })
}

async fn run(place: &Path, guest: &str) -> String {
    let artifacts = Some(ArtifactCache::open(place).unwrap());
    let host = TestHost::of(Parts { artifacts, ..Parts::default() });
    let report = host.run(guest, &["alpha:sign", "beta:sign"], &json!({ "steps": [] })).await;
    end(&report.end)
}

/// The artefact that running a skill leaves.
async fn compile(place: &Path, guest: &str) -> PathBuf {
    let list = |place: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(place).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
        entries.unwrap_or_default()
    };
    let before = list(place);
    run(place, guest).await;
    let is_new = |path: &PathBuf| !before.contains(path) && path.file_stem().is_some_and(|name| name.len() == 64);
    list(place).into_iter().find(is_new).unwrap()
}
