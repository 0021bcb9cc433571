//! The client of control sockets.

use std::io;
use std::time::Duration;

use far_core::SecretName;
use far_core::broker::RereadReport;
use futures_util::future::join_all;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::dir::{ControlDir, OpenControlDir, Socket};
use super::peer;
use super::wire::{CachedValue, RESPONSE_LEN_MAX, Request, Response};
use crate::messages::control::ControlError;

/// The timeout of a request: longer than two backend calls and a required sink may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The running processes of an agent.
pub(crate) struct Processes(Option<OpenControlDir>);

/// The reply of a process.
pub(crate) struct ProcessReply<T> {
    /// The process ID.
    pub(crate) process: u32,
    /// The response.
    pub(crate) response: Result<T, ProcessError>,
}

/// Reasons why a running process did not complete a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProcessError {
    /// The process did not respond in time.
    #[error("did not respond")]
    NoResponse,
    /// The process does not support the request.
    #[error("does not support the request: it may be another version of far")]
    Unsupported,
    /// The process has too many pending requests.
    #[error("has too many pending requests")]
    Busy,
    /// The process belongs to another user.
    #[error("is owned by another user")]
    OtherUser,
}

impl ProcessError {
    /// Returns a stable token.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::NoResponse => "no-answer",
            Self::Unsupported => "refused",
            Self::Busy => "busy",
            Self::OtherUser => "stranger",
        }
    }
}

impl Processes {
    /// Opens the folder of an agent.
    pub(crate) fn of(dir: &ControlDir) -> Result<Self, ControlError> {
        Ok(Self(dir.open()?))
    }

    /// Lists the cached values of every process.
    pub(crate) async fn list(&self) -> Vec<ProcessReply<Vec<CachedValue>>> {
        self.all(&Request::List {}, |response| match response {
            Response::Cached(values) => Some(values),
            _ => None,
        })
        .await
    }

    /// Makes every process read a static secret again.
    pub(crate) async fn refresh(&self, secret: &SecretName) -> Vec<ProcessReply<RereadReport>> {
        self.reread(&Request::Refresh { secret: secret.clone() }).await
    }

    /// Makes every process reissue a dynamic secret.
    pub(crate) async fn reissue(&self, secret: &SecretName) -> Vec<ProcessReply<RereadReport>> {
        self.reread(&Request::Reissue { secret: secret.clone() }).await
    }

    async fn reread(&self, request: &Request) -> Vec<ProcessReply<RereadReport>> {
        self.all(request, |response| match response {
            Response::Reread { cached, changed, failed } => Some(RereadReport { cached, changed, failed }),
            _ => None,
        })
        .await
    }

    /// Makes every process wipe a secret and revoke its leases. Returns the number of wiped values.
    pub(crate) async fn wipe(&self, secret: &SecretName) -> Vec<ProcessReply<usize>> {
        self.all(&Request::Revoke { secret: secret.clone() }, |response| match response {
            Response::Wiped(wiped) => Some(wiped),
            _ => None,
        })
        .await
    }

    async fn all<T>(&self, request: &Request, extract: impl Fn(Response) -> Option<T> + Copy) -> Vec<ProcessReply<T>> {
        let Some(folder) = &self.0 else { return Vec::new() };
        let sockets = folder.sockets();
        let replies = sockets.iter().map(|socket| async move {
            let response = send(folder, socket, request).await?;
            let response = response.and_then(|response| match response {
                Response::Busy => Err(ProcessError::Busy),
                response => extract(response).ok_or(ProcessError::Unsupported),
            });
            Some(ProcessReply { process: socket.process, response })
        });
        join_all(replies).await.into_iter().flatten().collect()
    }
}

/// Sends a request to a process. Returns `None` if the process has ended.
async fn send(folder: &OpenControlDir, socket: &Socket, request: &Request) -> Option<Result<Response, ProcessError>> {
    match timeout(TIMEOUT, exchange(folder, socket, request)).await {
        Ok(Ok(response)) => Some(response),
        // The process may have ended meanwhile, and its cached values with it.
        Ok(Err(_)) => connect(folder, socket).await.is_some().then_some(Err(ProcessError::NoResponse)),
        Err(_) => Some(Err(ProcessError::NoResponse)),
    }
}

async fn exchange(
    folder: &OpenControlDir,
    socket: &Socket,
    request: &Request,
) -> io::Result<Result<Response, ProcessError>> {
    let mut stream = connect(folder, socket).await.ok_or(io::ErrorKind::NotConnected)??;
    if !peer::is_trusted(&stream) {
        return Ok(Err(ProcessError::OtherUser));
    }
    stream.write_all(&request.line()?).await?;
    let mut line = Vec::new();
    BufReader::new(stream.take(RESPONSE_LEN_MAX)).read_until(b'\n', &mut line).await?;
    match Response::parse(&line) {
        Some(response) => Ok(Ok(response)),
        None if line.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
        None => Ok(Err(ProcessError::Unsupported)),
    }
}

/// Connects to a process. Returns `None` if none listens, and removes the socket of a killed
/// process. Names are never reused.
async fn connect(folder: &OpenControlDir, socket: &Socket) -> Option<io::Result<UnixStream>> {
    match UnixStream::connect(folder.address(&socket.name)).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            folder.0.remove(&socket.name);
            None
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        connected => Some(connected),
    }
}
