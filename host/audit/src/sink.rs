//! The sink itself: a thread that writes all that waits at once.

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

/// How many records may wait before the sink answers [`SinkError::Full`], and how many are written at once.
const QUEUE: usize = 4096;
const GROUP: usize = 1024;

/// How an audit file is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileOptions {
    /// A record is accepted when it is on the disk (`fdatasync`), not when the operating system has it (`write`).
    pub synced: bool,
}

/// A sink that keeps records in an audit file, see [the crate](crate). For as long as it is open, nobody else opens the file.
///
/// A record is accepted when the operating system has taken all of its line. Those that wait are written together.
pub struct FileSink {
    queue: SyncSender<Job>,
    key: PublicKey,
    inherited: Option<LineRange>,
}

type Word = oneshot::Sender<Result<(), SinkError>>;

enum Job {
    Write(Arc<Record>, Word),
    Close(SyncSender<Result<Head, SinkError>>),
}

impl FileSink {
    /// Opens an audit file for what follows, and makes it, its folder (not those above) and the folder's key if they
    /// are not there yet.
    ///
    /// # Errors
    ///
    /// [`FileError`]: something could be used by others, is no audit file of this folder, or is open already.
    pub fn open(path: &Path, options: FileOptions) -> Result<Arc<Self>, FileError> {
        let (folder, name) = Folder::of(path)?;
        let file = folder.log(name)?;
        let key = folder.key()?;
        let public = key.public();
        let mut id = [0_u8; 16];
        getrandom::fill(&mut id).map_err(FileError::Random)?;
        let appender = Appender::open(file, key, options.synced, id).map_err(|why| FileError::unusable(path, why))?;
        let inherited = appender.inherited();
        let (queue, jobs) = sync_channel(QUEUE);
        far_core::thread::spawn("far-audit", move || write_all(appender, &jobs)).map_err(FileError::Thread)?;
        Ok(Arc::new(Self { queue, key: public, inherited }))
    }

    /// Returns the lines that had no signature when the file was opened; `None` as a rule. An
    /// earlier process was killed before it signed them, or somebody without the key wrote them:
    /// the file does not show which. The sink names them in the file before it signs.
    pub fn inherited(&self) -> Option<LineRange> {
        self.inherited
    }

    /// What verifies the file's signatures. Kept elsewhere, it shows that nobody without the folder's key wrote them.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// Writes everything submitted before, signs it, closes the file and answers with its head. Kept elsewhere, that
    /// shows that nothing was changed or cut off since. Blocks, for this time at most.
    ///
    /// # Errors
    ///
    /// [`SinkError::Deadline`], or why the last lines could not be written.
    pub fn close(&self, within: Duration) -> Result<Head, SinkError> {
        let (done, wait) = sync_channel(1);
        let start = clock::machine_now();
        send(&self.queue, Job::Close(done), within)?;
        wait.recv_timeout(within.saturating_sub(clock::machine_since(start))).map_err(|_| SinkError::Deadline)?
    }
}

impl Sink for FileSink {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        submit(&self.queue, |word| Job::Write(record.clone(), word))
    }
}

impl fmt::Debug for FileSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSink").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Ends, with a checkpoint, when it is told to, or when the last holder of the sink is gone.
fn write_all(mut appender: Appender<impl Store>, jobs: &Receiver<Job>) {
    let mut group: Vec<(Arc<Record>, Word)> = Vec::with_capacity(GROUP);
    while let Ok(job) = jobs.recv() {
        let mut next = Some(job);
        while let Some(Job::Write(record, word)) = next {
            group.push((record, word));
            next = if group.len() < GROUP { jobs.try_recv().ok() } else { None };
        }
        if !group.is_empty() {
            let written = appender.write(group.iter().map(|(record, _)| &**record));
            // Whoever asked may have stopped waiting.
            group.drain(..).for_each(|(_, word)| drop(word.send(written.clone())));
        }
        if let Some(Job::Close(done)) = next {
            let _ = done.send(appender.close());
            return;
        }
    }
    let _ = appender.close();
}
