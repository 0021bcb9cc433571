//! The side of the process that runs.

use std::io;
use std::os::unix::net::UnixListener as Listener;
use std::sync::Arc;
use std::time::Duration;

use far_runtime::Runtime;
use rustix::fs::{AtFlags, Mode, chmodat};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::select;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::evicting::Evicting;
use super::peer;
use super::place::{Folder, Place, Socket};
use super::wire::{Answer, Ask, Kept, REQUEST_MAX};
use crate::messages::control::ControlError;

/// Connections whose request is read at once. One more evicts the oldest, so that a silent peer
/// delays no other peer.
const READING: usize = 64;
/// Connections whose answer is written at once. One more evicts the oldest.
const WRITING: usize = 32;
/// Requests that ask backends or wait for it. One more is answered with [`Answer::Busy`].
const EXECUTING: usize = 32;
/// Requests that ask backends at once.
const EXECUTED_AT_ONCE: usize = 4;
/// The time that a peer has to send its request, and again to take the response.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause when the kernel has no resources for another connection, and no connection is idle.
const PAUSE: Duration = Duration::from_millis(100);

/// A process that listens, until this is dropped.
pub(crate) struct Control {
    folder: Folder,
    socket: Socket,
    accepting: AbortHandle,
}

/// Has a runtime answer to who asks, while it runs tasks. Must be called within a tokio runtime.
pub(crate) fn listen(place: &Place, runtime: &Arc<Runtime>) -> Result<Control, ControlError> {
    let folder = place.make()?;
    let socket = Socket::own().map_err(|error| ControlError::Socket(io::Error::other(error)))?;
    let before = socket.before();
    let listener = bind(&folder, &before).and_then(|listener| {
        folder.0.rename(&before, &socket.name)?;
        Ok(listener)
    });
    let listener = listener.inspect_err(|_| folder.0.remove(&before))?;
    let accepting = tokio::spawn(accept(listener, runtime.clone())).abort_handle();
    Ok(Control { folder, socket, accepting })
}

fn bind(folder: &Folder, name: &str) -> Result<UnixListener, ControlError> {
    let bound = || -> io::Result<UnixListener> {
        let listener = Listener::bind(folder.address(name))?;
        chmodat(&folder.0, name, Mode::RUSR | Mode::WUSR, AtFlags::empty())?;
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener)
    };
    bound().map_err(ControlError::Socket)
}

impl Drop for Control {
    fn drop(&mut self) {
        // First: whoever is then left without an answer sees that the process has ended.
        self.folder.0.remove(&self.socket.name);
        self.accepting.abort();
    }
}

async fn accept(listener: UnixListener, runtime: Arc<Runtime>) {
    // All of them end with this future.
    let (mut reading, mut writing) = (Evicting::new(READING), Evicting::new(WRITING));
    // Backends that hang on a refresh do not delay a revocation.
    let (mut executing, mut revoking) = (Executing::new(&runtime), Executing::new(&runtime));
    loop {
        select! {
            // A request that arrived comes before another connection.
            biased;
            Some((stream, answer)) = revoking.next() => respond(stream, &answer, &mut writing),
            Some((stream, answer)) = executing.next() => respond(stream, &answer, &mut writing),
            Some(read) = reading.next() => if let Ok(Some((stream, ask))) = read {
                let at_once = match ask {
                    None => Some((stream, Answer::Refused)),
                    Some(Ask::Kept {}) => Some((stream, kept(&runtime))),
                    Some(ask @ Ask::Revoke { .. }) => revoking.start(stream, ask),
                    Some(ask) => executing.start(stream, ask),
                };
                if let Some((stream, answer)) = at_once {
                    respond(stream, &answer, &mut writing);
                }
            },
            Some(_) = writing.next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => reading.spawn(read(stream)),
                // As a rule there is no descriptor left: an idle connection has one.
                Err(_) => if !reading.evict() {
                    sleep(PAUSE).await;
                },
            },
        }
    }
}

/// Reads a request from a peer that may ask. The request is none if the line says none.
async fn read(mut stream: UnixStream) -> Option<(UnixStream, Option<Ask>)> {
    if !peer::is_trusted(&stream) {
        return None;
    }
    let line = timeout(PATIENCE, request(&mut stream)).await.ok()?.ok()?;
    Some((stream, Ask::parse(&line)))
}

/// Writes an answer.
fn respond(stream: UnixStream, answer: &Answer, writing: &mut Evicting<()>) {
    let Ok(mut line) = answer.line() else { return };
    // As a rule the socket's buffer takes all of it. Only the rest can be evicted by other peers.
    line.drain(..stream.try_write(&line).unwrap_or(0));
    if !line.is_empty() {
        writing.spawn(write(stream, line));
    }
}

/// Writes an answer, for as long as its peer takes it.
async fn write(mut stream: UnixStream, line: Vec<u8>) {
    let _ = timeout(PATIENCE, stream.write_all(&line)).await;
}

/// All that came up to the first line end: with anything behind it, it is no line.
async fn request(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::new(stream.take(REQUEST_MAX));
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).await?;
    line.extend_from_slice(reader.buffer());
    Ok(line)
}

/// Returns what the process keeps, without asking a backend.
fn kept(runtime: &Runtime) -> Answer {
    let mut kept: Vec<_> = runtime.kept().into_iter().map(Kept::from).collect();
    kept.sort_by(|one, other| (&one.name, &one.scope).cmp(&(&other.name, &other.scope)));
    Answer::Kept(kept)
}

/// Requests that ask backends: some are executed, more wait.
struct Executing {
    runtime: Arc<Runtime>,
    permits: Arc<Semaphore>,
    tasks: JoinSet<(UnixStream, Answer)>,
}

impl Executing {
    fn new(runtime: &Arc<Runtime>) -> Self {
        let permits = Arc::new(Semaphore::new(EXECUTED_AT_ONCE));
        Self { runtime: runtime.clone(), permits, tasks: JoinSet::new() }
    }

    /// Starts a request, which is executed whether or not its peer waits for the answer. Returns
    /// the answer if too many wait.
    fn start(&mut self, stream: UnixStream, ask: Ask) -> Option<(UnixStream, Answer)> {
        if self.tasks.len() >= EXECUTING {
            return Some((stream, Answer::Busy));
        }
        let (runtime, permits) = (self.runtime.clone(), self.permits.clone());
        self.tasks.spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            (stream, execute(ask, &runtime).await)
        });
        None
    }

    /// Waits for the next answer; none if no request is executed, or one failed. Cancel safe.
    async fn next(&mut self) -> Option<(UnixStream, Answer)> {
        self.tasks.join_next().await?.ok()
    }
}

async fn execute(ask: Ask, runtime: &Arc<Runtime>) -> Answer {
    match ask {
        Ask::Kept {} => kept(runtime),
        Ask::Refresh { secret } => runtime.refresh_kept(&secret).await.into(),
        Ask::Replace { secret } => runtime.replace_kept(&secret).await.into(),
        Ask::Revoke { secret } => Answer::Wiped(runtime.revoke_kept(&secret).await),
    }
}
