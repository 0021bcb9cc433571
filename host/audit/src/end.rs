//! The end of an audit file that exists: where its chain goes on.

use std::io::{self, Read, Seek, SeekFrom};

use crate::head::Head;
use crate::key::PublicKey;
use crate::line::{CHECKPOINT_START, Kind, LineRange, Link};
use crate::region::Region;
use crate::store::Store;
use crate::verdict::Damage;
use crate::verify::{Ended, Trust, Verifier};

/// How much is read at first to find the last checkpoint, and how much at most before all of the file is.
const FIRST_LOOK: u64 = 64 * 1024;
const LAST_LOOK: u64 = 64 * 1024 * 1024;

/// Where an existing file ends.
#[derive(Debug)]
pub(super) struct End {
    pub(super) head: Head,
    pub(super) unsigned: u32,
    /// The lines after the last checkpoint, if there are any: all lines, if there is no checkpoint.
    pub(super) unsigned_lines: Option<LineRange>,
    pub(super) length: u64,
    pub(super) torn: Option<Region>,
}

/// Why a file cannot be gone on with.
#[derive(Debug)]
pub(super) enum Unusable {
    Io(io::Error),
    /// Something of what follows the last checkpoint is wrong.
    Damaged,
    /// Another key signed it.
    OtherKey,
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl End {
    /// Reads and checks everything from the last checkpoint on.
    ///
    /// # Security
    ///
    /// The sink signs what it finds: so it looks at what nobody has signed yet, and goes on with nothing that is wrong.
    pub(super) fn find(store: &mut impl Store, key: PublicKey) -> Result<Self, Unusable> {
        let length = store.length()?;
        let start = last_checkpoint(store, length)?;
        store.seek(SeekFrom::Start(start))?;
        let trust = Trust { key: Some(key), head: None };
        let mut verifier = if start == 0 { Verifier::new(trust) } else { Verifier::anywhere(trust) };
        verifier.read(store.by_ref().take(length - start))?;
        let Ended { verdict, unsigned, torn } = verifier.finish();
        if verdict.findings.iter().any(|finding| finding.what == Damage::OtherKey) {
            return Err(Unusable::OtherKey);
        }
        if !verdict.is_sound() {
            return Err(Unusable::Damaged);
        }
        let unsigned_lines = verdict.unsigned_lines();
        Ok(Self { head: verdict.head, unsigned, unsigned_lines, length, torn })
    }
}

/// Where the line of the last checkpoint begins; 0 if there is none, or none near the end.
fn last_checkpoint(store: &mut (impl Read + Seek), length: u64) -> io::Result<u64> {
    let mut look = FIRST_LOOK;
    while look < length && look <= LAST_LOOK {
        let start = length - look;
        store.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        store.by_ref().take(look).read_to_end(&mut bytes)?;
        if let Some(at) = last_checkpoint_in(&bytes) {
            return Ok(start.saturating_add(at));
        }
        look = look.saturating_mul(8);
    }
    Ok(0)
}

fn last_checkpoint_in(bytes: &[u8]) -> Option<u64> {
    let mut end = bytes.len();
    let mut found = None;
    for line in bytes.split_inclusive(|byte| *byte == b'\n').rev() {
        end = end.saturating_sub(line.len());
        // The first one may have begun before what was read; it is no line then, and does not parse.
        let checkpoint = line.starts_with(CHECKPOINT_START)
            && line.ends_with(b"\n")
            && matches!(Link::parse(line), Some(Link { kind: Kind::Checkpoint { .. }, .. }));
        if checkpoint {
            found = Some(end);
            break;
        }
    }
    found.and_then(|at| u64::try_from(at).ok())
}
