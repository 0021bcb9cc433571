//! The lease journal: unrevoked leases on disk, so that the next process can revoke the leases of a
//! killed one.
//!
//! Each process has one file per provider, and holds a lock on it while it runs. A file contains
//! token accessors, lease ids and certificate serial numbers. They permit revocation but no access;
//! the journal contains no token and no value.
//!
//! # Security
//!
//! An attacker who could append lines could revoke other leases. Each line therefore has a MAC
//! under a key of the directory. The MAC covers the provider's name, the server's address, the
//! agent's id, the file's name and identity, and all earlier lines. A line that was edited, moved
//! or copied is ignored, and so are the lines after it. The directory and the key are owner-only.

mod folder;
mod record;
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

pub(super) use self::record::EntryKind;

use self::folder::JournalDir;
use self::record::{ChainState, LineMac};
use super::Address;

/// The maximum number of lines in a file. Open entries then move to a new file.
const MAX_LINES: usize = 1024;
/// The maximum number of bytes read from a file.
const MAX_LEN: u64 = 16 * 1024 * 1024;

/// The location and the agent of a lease journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseJournalConfig {
    /// An owner-only directory. It is created if it does not exist.
    pub folder: PathBuf,
    /// The agent. Other agents do not revoke its leases.
    pub agent_id: AgentId,
}

/// The lease journal of one provider in this process.
pub(super) struct LeaseJournal {
    folder: JournalDir,
    line_mac: LineMac,
    scope: [Vec<u8>; 3],
    prefix: String,
    current: Mutex<Option<JournalFile>>,
}

/// The current file. None exists while no lease is open.
struct JournalFile {
    file: File,
    name: String,
    chain: ChainState,
    length: u64,
    lines: usize,
    open: HashMap<String, EntryKind>,
}

/// The journal of an earlier process.
pub(super) struct OrphanedJournal {
    name: String,
    /// Holds the lock.
    _file: File,
    /// The unrevoked entries, tokens last.
    pub(super) entries: Vec<(EntryKind, String)>,
    /// Reports whether all lines passed verification.
    pub(super) verified: bool,
}

impl LeaseJournal {
    /// Opens a journal directory. Blocks the thread.
    pub(super) fn open(
        config: &LeaseJournalConfig,
        provider: &ProviderId,
        address: &Address,
    ) -> Result<Self, TrustError> {
        let folder = JournalDir::open(&config.folder)?;
        let line_mac = LineMac::new(&*folder.key()?);
        let scope =
            [provider.as_str(), address.as_str(), config.agent_id.as_str()].map(|text| text.as_bytes().to_vec());
        let prefix = line_mac.prefix(&scope.each_ref().map(Vec::as_slice));
        Ok(Self { folder, line_mac, scope, prefix, current: Mutex::new(None) })
    }

    /// Records an issued lease or token, and syncs it to disk. Blocks the thread.
    pub(super) fn record_issued(&self, kind: EntryKind, id: &str) -> Result<(), TrustError> {
        let mut current = self.current.lock();
        match &mut *current {
            Some(current) if current.lines < MAX_LINES => self.write(current, &[(kind, id)]),
            full => {
                let mut next = self.create()?;
                // The old file remains until the new one contains all open entries.
                let before = full.iter().flat_map(|current| current.open.iter());
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

    /// Makes every later write fail.
    #[cfg(test)]
    pub(super) fn break_writes(&self) {
        let file = File::open("/dev/null").unwrap();
        self.current.lock().as_mut().unwrap().file = file;
    }

    /// Records a revocation. Blocks the thread.
    pub(super) fn record_revoked(&self, id: &str) {
        let mut current = self.current.lock();
        let Some(file) = &mut *current else { return };
        if !file.open.contains_key(id) {
            return;
        }
        if file.open.len() == 1 {
            self.folder.remove(&file.name);
            *current = None;
        } else {
            // If this fails, the lease is revoked twice, which is harmless.
            let _ = self.write(file, &[(EntryKind::Revocation, id)]);
        }
    }

    fn create(&self) -> Result<JournalFile, TrustError> {
        let name = format!("{}-{}", self.prefix, folder::random()?);
        let file = self.folder.create_locked(&name)?;
        let chain = self.chain(&name, &file).ok_or_else(|| TrustError::NotRegular { path: PathBuf::from(&name) })?;
        Ok(JournalFile { file, name, chain, length: 0, lines: 0, open: HashMap::new() })
    }

    fn chain(&self, name: &str, file: &File) -> Option<ChainState> {
        let identity = folder::identity(file)?;
        let [provider, address, agent] = self.scope.each_ref().map(Vec::as_slice);
        Some(self.line_mac.begin(&[provider, address, agent, name.as_bytes(), &identity]))
    }

    /// Appends lines, all or none.
    fn write(&self, current: &mut JournalFile, entries: &[(EntryKind, &str)]) -> Result<(), TrustError> {
        let (mut text, mut chain) = (String::new(), current.chain);
        for (kind, id) in entries {
            let (line, next) = self.line_mac.line(&chain, *kind, id);
            text.push_str(&line);
            chain = next;
        }
        if let Err(source) = current.file.write_all(text.as_bytes()).and_then(|()| current.file.sync_data()) {
            // A partial line would hide later ones.
            let _ = current.file.set_len(current.length);
            return Err(TrustError::Io { path: PathBuf::from(&current.name), source });
        }
        current.chain = chain;
        current.length += text.len() as u64;
        current.lines += entries.len();
        for (kind, id) in entries {
            match kind {
                EntryKind::Revocation => drop(current.open.remove(*id)),
                EntryKind::Accessor | EntryKind::Lease | EntryKind::Certificate => {
                    current.open.insert((*id).to_owned(), *kind);
                }
            }
        }
        Ok(())
    }

    /// Returns the journals of earlier processes, without those of running ones. Blocks the thread.
    pub(super) fn orphaned(&self) -> Vec<OrphanedJournal> {
        let names = self.folder.names(&format!("{}-", self.prefix));
        names.into_iter().filter_map(|name| self.read(name)).collect()
    }

    fn read(&self, name: String) -> Option<OrphanedJournal> {
        let file = self.folder.file(&name, OFlags::RDONLY).ok()?;
        match file.try_lock() {
            Ok(()) => {}
            // Its process is still running.
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
        }
        // The file was removed before it was locked, or has another hard link.
        if !folder::is_named_once(&file) {
            return None;
        }
        let mut bytes = Vec::new();
        (&file).take(MAX_LEN).read_to_end(&mut bytes).ok()?;
        let (entries, verified) = self.entries(self.chain(&name, &file)?, &bytes);
        Some(OrphanedJournal { name, _file: file, entries, verified })
    }

    /// Returns the unrevoked entries of the verified lines, and whether all lines passed
    /// verification. A partial last line is the result of a crash, and ignored.
    fn entries(&self, mut chain: ChainState, bytes: &[u8]) -> (Vec<(EntryKind, String)>, bool) {
        let mut open: Vec<(EntryKind, String)> = Vec::new();
        let mut verified = true;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(whole) = line.strip_suffix(b"\n") else { break };
            let Some((kind, id, next)) = self.line_mac.read(&chain, whole) else {
                verified = false;
                break;
            };
            chain = next;
            match kind {
                EntryKind::Revocation => open.retain(|(_, other)| *other != id),
                EntryKind::Accessor | EntryKind::Lease | EntryKind::Certificate => open.push((kind, id)),
            }
        }
        open.sort_by_key(|(kind, _)| *kind == EntryKind::Accessor);
        (open, verified)
    }

    /// Removes a journal whose entries are revoked.
    pub(super) fn remove(&self, left: &OrphanedJournal) {
        self.folder.remove(&left.name);
    }
}
