//! The server of the control socket.

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

use super::dir::{ControlDir, OpenControlDir, Socket};
use super::evicting_set::EvictingSet;
use super::peer;
use super::wire::{CachedValue, REQUEST_LEN_MAX, Request, Response};
use crate::messages::control::ControlError;

/// Connections whose request is read at once. Another connection evicts the oldest, so that a
/// silent peer delays no other peer.
const READS_MAX: usize = 64;
/// Connections whose response is written at once. Another one evicts the oldest.
const WRITES_MAX: usize = 32;
/// Requests that run or wait for backends. The response to another one is [`Response::Busy`].
const QUEUED_MAX: usize = 32;
/// Requests that run at once.
const EXECUTED_MAX: usize = 4;
/// The time that a peer has to send its request, and again to take the response.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The pause when the kernel has no resources for another connection, and no connection is idle.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening control socket, removed on drop.
pub(crate) struct Control {
    folder: OpenControlDir,
    socket: Socket,
    accepting: AbortHandle,
}

/// Starts the control socket of a runtime. Must be called within a tokio runtime.
pub(crate) fn listen(dir: &ControlDir, runtime: &Arc<Runtime>) -> Result<Control, ControlError> {
    let folder = dir.create()?;
    let socket = Socket::generate().map_err(|error| ControlError::Socket(io::Error::other(error)))?;
    let pending_name = socket.pending_name();
    let listener = bind(&folder, &pending_name).and_then(|listener| {
        folder.0.rename(&pending_name, &socket.name)?;
        Ok(listener)
    });
    let listener = listener.inspect_err(|_| folder.0.remove(&pending_name))?;
    let accepting = tokio::spawn(accept(listener, runtime.clone())).abort_handle();
    Ok(Control { folder, socket, accepting })
}

fn bind(folder: &OpenControlDir, name: &str) -> Result<UnixListener, ControlError> {
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
        // The socket goes first: clients without a response then see that the process has ended.
        self.folder.0.remove(&self.socket.name);
        self.accepting.abort();
    }
}

async fn accept(listener: UnixListener, runtime: Arc<Runtime>) {
    // These tasks end with this future.
    let (mut reading, mut writing) = (EvictingSet::new(READS_MAX), EvictingSet::new(WRITES_MAX));
    // Backends that hang on a refresh do not delay a revocation.
    let (mut executing, mut revoking) = (RequestQueue::new(&runtime), RequestQueue::new(&runtime));
    loop {
        select! {
            // Pending requests take precedence over new connections.
            biased;
            Some((stream, response)) = revoking.next() => respond(stream, &response, &mut writing),
            Some((stream, response)) = executing.next() => respond(stream, &response, &mut writing),
            Some(read) = reading.next() => if let Ok(Some((stream, request))) = read {
                let immediate = match request {
                    None => Some((stream, Response::Unsupported)),
                    Some(Request::List {}) => Some((stream, list(&runtime))),
                    Some(request @ Request::Revoke { .. }) => revoking.start(stream, request),
                    Some(request) => executing.start(stream, request),
                };
                if let Some((stream, response)) = immediate {
                    respond(stream, &response, &mut writing);
                }
            },
            Some(_) = writing.next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => reading.spawn(read(stream)),
                // Usually no descriptor is left: an idle connection frees one.
                Err(_) => if !reading.evict() {
                    sleep(PAUSE).await;
                },
            },
        }
    }
}

/// Reads a request from a trusted peer. The request is `None` if the line is invalid.
async fn read(mut stream: UnixStream) -> Option<(UnixStream, Option<Request>)> {
    if !peer::is_trusted(&stream) {
        return None;
    }
    let line = timeout(TIMEOUT, read_line(&mut stream)).await.ok()?.ok()?;
    Some((stream, Request::parse(&line)))
}

/// Writes a response.
fn respond(stream: UnixStream, response: &Response, writing: &mut EvictingSet<()>) {
    let Ok(mut line) = response.line() else { return };
    // Usually the socket buffer takes the whole line. Only the rest can be evicted.
    line.drain(..stream.try_write(&line).unwrap_or(0));
    if !line.is_empty() {
        writing.spawn(write(stream, line));
    }
}

/// Writes a response until the timeout.
async fn write(mut stream: UnixStream, line: Vec<u8>) {
    let _ = timeout(TIMEOUT, stream.write_all(&line)).await;
}

/// Reads up to the first line end, and any bytes after it, which invalidate the line.
async fn read_line(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::new(stream.take(REQUEST_LEN_MAX));
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).await?;
    line.extend_from_slice(reader.buffer());
    Ok(line)
}

/// Lists the cached values, without calling a backend.
fn list(runtime: &Runtime) -> Response {
    let mut values: Vec<_> = runtime.cached().into_iter().map(CachedValue::from).collect();
    values.sort_by(|one, other| (&one.name, &one.scope).cmp(&(&other.name, &other.scope)));
    Response::Cached(values)
}

/// A queue of requests that call backends.
struct RequestQueue {
    runtime: Arc<Runtime>,
    permits: Arc<Semaphore>,
    tasks: JoinSet<(UnixStream, Response)>,
}

impl RequestQueue {
    fn new(runtime: &Arc<Runtime>) -> Self {
        let permits = Arc::new(Semaphore::new(EXECUTED_MAX));
        Self { runtime: runtime.clone(), permits, tasks: JoinSet::new() }
    }

    /// Queues a request, which runs even if its peer disconnects. Returns `Busy` if the queue is
    /// full.
    fn start(&mut self, stream: UnixStream, request: Request) -> Option<(UnixStream, Response)> {
        if self.tasks.len() >= QUEUED_MAX {
            return Some((stream, Response::Busy));
        }
        let (runtime, permits) = (self.runtime.clone(), self.permits.clone());
        self.tasks.spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            (stream, execute(request, &runtime).await)
        });
        None
    }

    /// Waits for the next response. Returns `None` for an empty queue or a panic. Cancel safe.
    async fn next(&mut self) -> Option<(UnixStream, Response)> {
        self.tasks.join_next().await?.ok()
    }
}

async fn execute(request: Request, runtime: &Arc<Runtime>) -> Response {
    match request {
        Request::List {} => list(runtime),
        Request::Refresh { secret } => runtime.refresh(&secret).await.into(),
        Request::Reissue { secret } => runtime.reissue(&secret).await.into(),
        Request::Revoke { secret } => Response::Wiped(runtime.revoke(&secret).await),
    }
}
