//! Where `far run` keeps compiled skills, so that the next run has them at once.
//!
//! A folder that cannot be used is no reason for a task not to run: people are told, and the skill is compiled anew.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use far_runtime::ArtifactCache;

use crate::config::environment;
use crate::messages::notice::{CacheUnusable, Notice};
use crate::output::printer::Printer;

/// Opens the folder that the arguments name, or the usual one; none if it cannot be used.
pub(crate) fn open(folder: Option<&Path>, printer: &Printer) -> Option<ArtifactCache> {
    let opened = match folder {
        Some(folder) => ArtifactCache::open(folder).map_err(CacheUnusable::from),
        None => usual(),
    };
    opened.inspect_err(|why| printer.notice(&Notice::cache(why))).ok()
}

fn usual() -> Result<ArtifactCache, CacheUnusable> {
    let path = environment::cache_home().ok_or(CacheUnusable::Nowhere)?.join("far");
    match DirBuilder::new().recursive(true).mode(0o700).create(&path) {
        Ok(()) => Ok(ArtifactCache::open(&path.join("artifacts"))?),
        Err(source) => Err(CacheUnusable::Parent { path, source }),
    }
}
