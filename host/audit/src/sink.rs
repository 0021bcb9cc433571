//! The sink: a thread that writes all waiting records at once.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use far_core::clock;
use far_core::pal::queue::{send, submit};
use far_core::pal::{Receipt, Record, Sink, SinkError};
use tokio::sync::oneshot;

use crate::appender::Appender;
use crate::error::FileError;
use crate::folder::Folder;
use crate::head::Head;
use crate::key::PublicKey;
use crate::line::LineRange;
use crate::store::Store;

/// The most waiting records. The sink rejects further records with [`SinkError::Full`].
const QUEUE: usize = 4096;
/// The most records in one write.
const GROUP: usize = 1024;

/// Options of an audit file.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileOptions {
    /// Accept a record once it is on the disk (`fdatasync`), not once the operating system has it
    /// (`write`).
    pub synced: bool,
}

/// A sink that appends records to an audit file, see [the crate](crate).
///
/// While the sink is open, no other sink can open the file. Waiting records are written together.
pub struct FileSink {
    queue: SyncSender<Job>,
    key: PublicKey,
    inherited: Option<LineRange>,
}

type Reply = oneshot::Sender<Result<(), SinkError>>;

enum Job {
    Write(Arc<Record>, Reply),
    Close(SyncSender<Result<Head, SinkError>>),
}

impl FileSink {
    /// Opens an audit file. Creates the file, its folder and the folder's key if they do not exist,
    /// but not the parents of the folder.
    ///
    /// # Errors
    ///
    /// [`FileError`], by fault of the operator, or if another sink has the file open.
    pub fn open(path: &Path, options: FileOptions) -> Result<Arc<Self>, FileError> {
        let (folder, name) = Folder::of(path)?;
        let file = folder.open_file(name)?;
        let key = folder.key()?;
        let public = key.public();
        let mut id = [0_u8; 16];
        getrandom::fill(&mut id).map_err(FileError::Random)?;
        let appender = Appender::open(file, key, options.synced, id).map_err(|error| FileError::resume(path, error))?;
        let inherited = appender.inherited();
        let (queue, jobs) = sync_channel(QUEUE);
        far_core::thread::spawn("far-audit", move || write_all(appender, &jobs)).map_err(FileError::Thread)?;
        Ok(Arc::new(Self { queue, key: public, inherited }))
    }

    /// Returns the lines that were unsigned when the file was opened, if there were any. Either an
    /// earlier process was killed, or a writer without the key appended them. The sink names them
    /// in the file before it signs.
    pub fn inherited(&self) -> Option<LineRange> {
        self.inherited
    }

    /// Returns the key that verifies the file's signatures. Saved elsewhere, it detects signatures
    /// with another key.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// Writes and signs all submitted records, closes the file and returns its head. Saved
    /// elsewhere, the head detects later changes and truncations. Blocks for at most `within`.
    ///
    /// # Errors
    ///
    /// [`SinkError::Deadline`], or the error of the last write.
    pub fn close(&self, within: Duration) -> Result<Head, SinkError> {
        let (done, wait) = sync_channel(1);
        let start = clock::machine_now();
        send(&self.queue, Job::Close(done), within)?;
        wait.recv_timeout(within.saturating_sub(clock::machine_since(start))).map_err(|_| SinkError::Deadline)?
    }
}

impl Sink for FileSink {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        submit(&self.queue, |reply| Job::Write(record.clone(), reply))
    }
}

impl fmt::Debug for FileSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSink").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Writes records until a [`Job::Close`], or until the last handle of the sink is dropped. Then
/// writes a checkpoint.
fn write_all(mut appender: Appender<impl Store>, jobs: &Receiver<Job>) {
    let mut group: Vec<(Arc<Record>, Reply)> = Vec::with_capacity(GROUP);
    while let Ok(job) = jobs.recv() {
        let mut next = Some(job);
        while let Some(Job::Write(record, reply)) = next {
            group.push((record, reply));
            next = if group.len() < GROUP { jobs.try_recv().ok() } else { None };
        }
        if !group.is_empty() {
            let written = appender.write(group.iter().map(|(record, _)| &**record));
            // The caller may have stopped waiting.
            group.drain(..).for_each(|(_, reply)| drop(reply.send(written.clone())));
        }
        if let Some(Job::Close(done)) = next {
            let _ = done.send(appender.close());
            return;
        }
    }
    let _ = appender.close();
}
