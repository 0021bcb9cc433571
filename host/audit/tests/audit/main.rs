//! The file sink on a real file system: permissions, locking and crashes.

#![expect(clippy::unwrap_used, reason = "tests panic on failure")]

mod crash;
mod folder;
mod sink;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use far_audit::{FileError, FileOptions, FileSink, Head, TrustAnchors, Verdict, verify};
use far_core::AgentId;
use far_core::pal::{AuditUnavailable, Event, Pal, Subject};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(20);

/// Returns an owner-only folder, and the path of a missing file in it.
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

/// Opens a file, records this number of events, and closes it.
async fn written(path: &Path, records: usize) -> Head {
    let sink = open(path).unwrap();
    let pal = gated(&sink);
    for _ in 0..records {
        record(&pal).await.unwrap();
    }
    sink.close(SOON).unwrap()
}

fn checked(path: &Path, trust: TrustAnchors) -> Verdict {
    verify(fs::File::open(path).unwrap(), trust).unwrap()
}
