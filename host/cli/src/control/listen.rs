//! The side of the process that runs.

use std::io;
use std::os::unix::net::UnixListener as Listener;
use std::sync::Arc;
use std::time::Duration;

use far_runtime::Runtime;
use rustix::fs::{AtFlags, Mode, chmodat};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::ControlError;
use super::peer;
use super::place::{Folder, Place, Socket};
use super::wire::{Answer, Ask, Kept, REQUEST_MAX};

/// How many are listened to at once; others wait to be accepted.
const AT_ONCE: usize = 4;
/// How long whoever asks may take for a request, and again for taking the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait when the kernel has nothing left for another connection.
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
    let places = Arc::new(Semaphore::new(AT_ONCE));
    // Those that are being answered end with this.
    let mut answering = JoinSet::new();
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let runtime = runtime.clone();
                answering.spawn(async move {
                    serve(stream, &runtime).await;
                    drop(place);
                });
            }
            Err(_) => sleep(PAUSE).await,
        }
        while answering.try_join_next().is_some() {}
    }
}

/// Answers one request. Who asks and goes away has it done all the same.
async fn serve(mut stream: UnixStream, runtime: &Arc<Runtime>) {
    if !peer::is_trusted(&stream) {
        return;
    }
    let Ok(Ok(line)) = timeout(PATIENCE, request(&mut stream)).await else { return };
    let answer = match Ask::parse(&line) {
        Some(ask) => answer(ask, runtime).await,
        None => Answer::Refused,
    };
    let Ok(line) = answer.line() else { return };
    // Whoever does not take it has nobody else to tell.
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

async fn answer(ask: Ask, runtime: &Arc<Runtime>) -> Answer {
    match ask {
        Ask::Kept {} => {
            let mut kept: Vec<_> = runtime.kept().into_iter().map(Kept::from).collect();
            kept.sort_by(|one, other| (&one.name, &one.scope).cmp(&(&other.name, &other.scope)));
            Answer::Kept(kept)
        }
        Ask::Refresh { secret } => runtime.refresh_kept(&secret).await.into(),
        Ask::Replace { secret } => runtime.replace_kept(&secret).await.into(),
        Ask::Revoke { secret } => Answer::Wiped(runtime.revoke_kept(&secret).await),
    }
}
