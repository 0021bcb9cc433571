//! Where `far run` keeps compiled skills, so that the next run has them at once.
//!
//! A folder that cannot be used is no reason for a task not to run: people are told, and the skill is compiled anew.

use std::fs::DirBuilder;
use std::io;
use std::iter;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use far_runtime::{ArtifactCache, ArtifactError};
use serde_json::json;

use crate::args::RunArgs;
use crate::config::environment;
use crate::escape::{escape, escape_json};
use crate::output;

/// Why compiled skills are not kept.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("neither XDG_CACHE_HOME nor HOME says where caches are")]
    Nowhere,
    #[error("cannot make {path}", path = .path.display())]
    Parent { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Folder(#[from] ArtifactError),
}

/// The folder that the arguments ask for, if there is to be one, and it can be used.
pub(crate) fn open(args: &RunArgs) -> Option<ArtifactCache> {
    if args.no_cache {
        return None;
    }
    let opened = match &args.cache {
        Some(folder) => ArtifactCache::open(folder).map_err(Unusable::from),
        None => usual(),
    };
    opened.inspect_err(|why| warn(why, args.json)).ok()
}

fn usual() -> Result<ArtifactCache, Unusable> {
    let path = environment::cache_home().ok_or(Unusable::Nowhere)?.join("far");
    match DirBuilder::new().recursive(true).mode(0o700).create(&path) {
        Ok(()) => Ok(ArtifactCache::open(&path.join("artifacts"))?),
        Err(source) => Err(Unusable::Parent { path, source }),
    }
}

fn warn(why: &Unusable, json: bool) {
    let causes = iter::successors(std::error::Error::source(why), |error| error.source());
    let why = causes.fold(why.to_string(), |why, cause| format!("{why}: {cause}"));
    let line = if json {
        escape_json(&json!({ "v": 1, "event": "cache.unusable", "error": why }).to_string())
    } else {
        format!("warning: compiled skills are not kept: {}", escape(&why))
    };
    output::stderr(&format!("{line}\n"));
}
