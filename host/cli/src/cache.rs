//! The cache of compiled skills of `far run`.
//!
//! A cache that cannot be used is a warning: the skill is then compiled without it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use far_runtime::ArtifactCache;

use crate::config::environment;
use crate::messages::notice::{CacheError, Notice};
use crate::output::printer::Printer;

/// Opens the cache in `folder`, or in the default folder. Returns `None` if the cache cannot be
/// used.
pub(crate) fn open(folder: Option<&Path>, printer: &Printer) -> Option<ArtifactCache> {
    let opened = match folder {
        Some(folder) => ArtifactCache::open(folder).map_err(CacheError::from),
        None => open_default(),
    };
    opened.inspect_err(|error| printer.notice(&Notice::cache(error))).ok()
}

fn open_default() -> Result<ArtifactCache, CacheError> {
    let path = environment::cache_home().ok_or(CacheError::Nowhere)?.join("far");
    match DirBuilder::new().recursive(true).mode(0o700).create(&path) {
        Ok(()) => Ok(ArtifactCache::open(&path.join("artifacts"))?),
        Err(source) => Err(CacheError::Parent { path, source }),
    }
}
