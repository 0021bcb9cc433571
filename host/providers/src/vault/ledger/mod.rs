//! What the server made for tasks and has not ended yet, on disk: whoever starts next ends what a process left that was killed.
//!
//! One file for each process and provider, locked by its process as long as that lives. It has accessors, lease ids and serial numbers, which end
//! things and give access to nothing; never a token, never a value.
//!
//! # Security
//!
//! Who can write lines could have others' leases ended. Each line is sealed under a key of the folder; the seal is over the
//! provider's name, the server's address, the agent's id, the file's name, which file it is, and every line before. A line that was
//! edited, moved, copied with its file, or is another's ends nothing, nor does any line after it. Whoever can read the key can
//! do all of this: it is the owner's alone, as the folder is.

mod folder;
mod line;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::PathBuf;

use far_core::{AgentId, ProviderId};
use far_files::TrustError;
use parking_lot::Mutex;
use rustix::fs::OFlags;

pub(super) use self::line::Kind;

use self::folder::Folder;
use self::line::{Chain, Sealer};
use super::Address;

/// How many lines a file has before those that still matter go on in another.
const LINES: usize = 1024;
/// How much of a file is read.
const MAX_LEN: u64 = 16 * 1024 * 1024;

/// Where a ledger is kept, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerConfig {
    /// A folder that is the process's user's alone. It is made if it is not there.
    pub folder: PathBuf,
    /// The agent, whose leases no other agent ends.
    pub agent_id: AgentId,
}

/// One provider's ledger in this process.
pub(super) struct Ledger {
    folder: Folder,
    sealer: Sealer,
    owner: [Vec<u8>; 3],
    prefix: String,
    writing: Mutex<Option<Writing>>,
}

/// The file that is written to. There is none while nothing is to be ended.
struct Writing {
    file: File,
    name: String,
    chain: Chain,
    length: u64,
    lines: usize,
    open: HashMap<String, Kind>,
}

/// A file of a process that is no more.
pub(super) struct Left {
    name: String,
    /// It is locked as long as this is held.
    _file: File,
    /// What was not ended: leases first.
    pub(super) entries: Vec<(Kind, String)>,
    /// Whether all of it is as it was written.
    pub(super) sound: bool,
}

impl Ledger {
    /// Opens a folder. Blocks the thread.
    pub(super) fn open(config: &LedgerConfig, provider: &ProviderId, address: &Address) -> Result<Self, TrustError> {
        let folder = Folder::open(&config.folder)?;
        let sealer = Sealer::new(&*folder.key()?);
        let owner =
            [provider.as_str(), address.as_str(), config.agent_id.as_str()].map(|text| text.as_bytes().to_vec());
        let prefix = sealer.prefix(&owner.each_ref().map(Vec::as_slice));
        Ok(Self { folder, sealer, owner, prefix, writing: Mutex::new(None) })
    }

    /// Writes down what was made, and answers when it is on the disk. Blocks the thread.
    pub(super) fn made(&self, kind: Kind, id: &str) -> Result<(), TrustError> {
        let mut writing = self.writing.lock();
        match &mut *writing {
            Some(writing) if writing.lines < LINES => self.write(writing, &[(kind, id)]),
            full => {
                let mut next = self.create()?;
                // Those before it stay in their file until all of them are in the new one.
                let before = full.iter().flat_map(|writing| writing.open.iter());
                let all: Vec<_> = before.map(|(id, kind)| (*kind, &**id)).chain([(kind, id)]).collect();
                let written = self.write(&mut next, &all);
                if written.is_err() {
                    self.folder.remove(&next.name);
                    return written;
                }
                if let Some(old) = full.replace(next) {
                    self.folder.remove(&old.name);
                }
                Ok(())
            }
        }
    }

    /// Has nothing more be written to the file that there is.
    #[cfg(test)]
    pub(super) fn fail(&self) {
        let file = File::open("/dev/null").unwrap();
        self.writing.lock().as_mut().unwrap().file = file;
    }

    /// Writes down that something was ended. Blocks the thread.
    pub(super) fn ended(&self, id: &str) {
        let mut writing = self.writing.lock();
        let Some(open) = &mut *writing else { return };
        if !open.open.contains_key(id) {
            return;
        }
        if open.open.len() == 1 {
            self.folder.remove(&open.name);
            *writing = None;
        } else {
            // What is not written down is ended twice, which is once.
            let _ = self.write(open, &[(Kind::Ended, id)]);
        }
    }

    fn create(&self) -> Result<Writing, TrustError> {
        let name = format!("{}-{}", self.prefix, folder::random()?);
        let file = self.folder.create_locked(&name)?;
        let chain = self.chain(&name, &file).ok_or_else(|| TrustError::NotRegular { path: PathBuf::from(&name) })?;
        Ok(Writing { file, name, chain, length: 0, lines: 0, open: HashMap::new() })
    }

    fn chain(&self, name: &str, file: &File) -> Option<Chain> {
        let identity = folder::identity(file)?;
        let [provider, address, agent] = self.owner.each_ref().map(Vec::as_slice);
        Some(self.sealer.begin(&[provider, address, agent, name.as_bytes(), &identity]))
    }

    /// Adds lines, all or none.
    fn write(&self, writing: &mut Writing, entries: &[(Kind, &str)]) -> Result<(), TrustError> {
        let (mut text, mut chain) = (String::new(), writing.chain);
        for (kind, id) in entries {
            let (line, next) = self.sealer.line(&chain, *kind, id);
            text.push_str(&line);
            chain = next;
        }
        if let Err(source) = writing.file.write_all(text.as_bytes()).and_then(|()| writing.file.sync_data()) {
            // Half a line would hide those after it.
            let _ = writing.file.set_len(writing.length);
            return Err(TrustError::Io { path: PathBuf::from(&writing.name), source });
        }
        writing.chain = chain;
        writing.length += text.len() as u64;
        writing.lines += entries.len();
        for (kind, id) in entries {
            match kind {
                Kind::Ended => drop(writing.open.remove(*id)),
                Kind::Accessor | Kind::Lease | Kind::Certificate => drop(writing.open.insert((*id).to_owned(), *kind)),
            }
        }
        Ok(())
    }

    /// What processes left that are no more: none of one that runs. Blocks the thread.
    pub(super) fn left(&self) -> Vec<Left> {
        let names = self.folder.names(&format!("{}-", self.prefix));
        names.into_iter().filter_map(|name| self.read(name)).collect()
    }

    fn read(&self, name: String) -> Option<Left> {
        let file = self.folder.file(&name, OFlags::RDONLY).ok()?;
        match file.try_lock() {
            Ok(()) => {}
            // Its process runs.
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
        }
        // It was there to be found, and was ended with before it could be locked; or has other names.
        if !folder::is_named_once(&file) {
            return None;
        }
        let mut bytes = Vec::new();
        (&file).take(MAX_LEN).read_to_end(&mut bytes).ok()?;
        let (entries, sound) = self.entries(self.chain(&name, &file)?, &bytes);
        Some(Left { name, _file: file, entries, sound })
    }

    /// What was made and not ended, as far as lines are sound; and whether all are, but for one that was cut off by a crash.
    fn entries(&self, mut chain: Chain, bytes: &[u8]) -> (Vec<(Kind, String)>, bool) {
        let mut open: Vec<(Kind, String)> = Vec::new();
        let mut sound = true;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(whole) = line.strip_suffix(b"\n") else { break };
            let Some((kind, id, next)) = self.sealer.read(&chain, whole) else {
                sound = false;
                break;
            };
            chain = next;
            match kind {
                Kind::Ended => open.retain(|(_, other)| *other != id),
                Kind::Accessor | Kind::Lease | Kind::Certificate => open.push((kind, id)),
            }
        }
        open.sort_by_key(|(kind, _)| *kind == Kind::Accessor);
        (open, sound)
    }

    /// Removes a file whose entries were ended.
    pub(super) fn forget(&self, left: &Left) {
        self.folder.remove(&left.name);
    }
}
