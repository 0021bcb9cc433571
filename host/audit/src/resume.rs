//! The point where a sink resumes the chain of an existing audit file.

use std::io::{self, Read, Seek, SeekFrom};

use crate::head::Head;
use crate::key::PublicKey;
use crate::line::{CHECKPOINT_START, LineKind, LineRange, Link};
use crate::region::Region;
use crate::store::Store;
use crate::verdict::Defect;
use crate::verify::{TrustAnchors, Verifier, VerifierOutput};

/// The size of the tail that is first searched for the last checkpoint, in bytes.
const FIRST_SEARCH: u64 = 64 * 1024;
/// The largest tail that is searched, in bytes. Without a checkpoint in it, the whole file is read.
const LAST_SEARCH: u64 = 64 * 1024 * 1024;

/// The end of an existing file.
#[derive(Debug)]
pub(super) struct ResumePoint {
    pub(super) head: Head,
    /// The number of records since the last checkpoint.
    pub(super) unsigned: u32,
    /// The lines after the last checkpoint, or all lines of a file without a checkpoint.
    pub(super) unsigned_lines: Option<LineRange>,
    pub(super) length: u64,
    pub(super) torn: Option<Region>,
}

/// Reasons not to append to a file.
#[derive(Debug)]
pub(super) enum ResumeError {
    Io(io::Error),
    /// The lines after the last checkpoint have a defect.
    Corrupt,
    /// Another key signed the file.
    KeyMismatch,
}

impl From<io::Error> for ResumeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl ResumePoint {
    /// Finds the end of the file, and verifies its lines from the last checkpoint on.
    ///
    /// # Security
    ///
    /// The next checkpoint signs the existing unsigned lines. The sink therefore verifies them, and
    /// refuses to resume a chain that has a defect.
    pub(super) fn find(store: &mut impl Store, key: PublicKey) -> Result<Self, ResumeError> {
        let length = store.length()?;
        let start = last_checkpoint(store, length)?;
        store.seek(SeekFrom::Start(start))?;
        let trust = TrustAnchors { key: Some(key), head: None };
        let mut verifier = if start == 0 { Verifier::new(trust) } else { Verifier::from_middle(trust) };
        verifier.read(store.by_ref().take(length - start))?;
        let VerifierOutput { verdict, unsigned, torn } = verifier.finish();
        if verdict.findings.iter().any(|finding| finding.defect == Defect::KeyMismatch) {
            return Err(ResumeError::KeyMismatch);
        }
        if !verdict.is_consistent() {
            return Err(ResumeError::Corrupt);
        }
        let unsigned_lines = verdict.unsigned_lines();
        Ok(Self { head: verdict.head, unsigned, unsigned_lines, length, torn })
    }
}

/// Returns the offset of the last checkpoint; 0 without one near the end.
fn last_checkpoint(store: &mut (impl Read + Seek), length: u64) -> io::Result<u64> {
    let mut search = FIRST_SEARCH;
    while search < length && search <= LAST_SEARCH {
        let start = length - search;
        store.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        store.by_ref().take(search).read_to_end(&mut bytes)?;
        if let Some(at) = last_checkpoint_in(&bytes) {
            return Ok(start.saturating_add(at));
        }
        search = search.saturating_mul(8);
    }
    Ok(0)
}

fn last_checkpoint_in(bytes: &[u8]) -> Option<u64> {
    let mut start = bytes.len();
    for line in bytes.split_inclusive(|byte| *byte == b'\n').rev() {
        start = start.saturating_sub(line.len());
        // The first line may lack its beginning; it does not parse then.
        let checkpoint = line.starts_with(CHECKPOINT_START)
            && line.ends_with(b"\n")
            && matches!(Link::parse(line), Some(Link { kind: LineKind::Checkpoint { .. }, .. }));
        if checkpoint {
            return u64::try_from(start).ok();
        }
    }
    None
}
