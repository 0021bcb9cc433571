//! The file sink on a real file system: who may open what, one at a time, and what a crash leaves.

#![expect(clippy::unwrap_used, reason = "tests panic where something is not as it should be")]

mod crash;
mod folder;
mod sink;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use far_audit::{FileError, FileOptions, FileSink, Head, Trust, Verdict, verify};
use far_core::AgentId;
use far_core::pal::{AuditUnavailable, Event, Pal, Subject};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(20);

/// A folder that is its owner's alone, and a file in it that is not there yet.
fn folder() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    mode(dir.path(), 0o700);
    let path = dir.path().join("far.jsonl");
    (dir, path)
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn open(path: &Path) -> Result<Arc<FileSink>, FileError> {
    FileSink::open(path, FileOptions::default())
}

fn gated(sink: &Arc<FileSink>) -> Arc<Pal> {
    Pal::builder().required_sink(sink.clone(), SOON).build()
}

async fn record(pal: &Pal) -> Result<(), AuditUnavailable> {
    let agent_id = AgentId::parse("a1").unwrap();
    let subject = Arc::new(Subject { task_id: None, agent_id, skill: None, skill_digest: None });
    pal.record(&subject, Event::secret_listed()).await
}

/// Opens a file, records so many events, and closes it.
async fn written(path: &Path, records: usize) -> Head {
    let sink = open(path).unwrap();
    let pal = gated(&sink);
    for _ in 0..records {
        record(&pal).await.unwrap();
    }
    sink.close(SOON).unwrap()
}

fn checked(path: &Path, trust: Trust) -> Verdict {
    verify(fs::File::open(path).unwrap(), trust).unwrap()
}
