//! The side of who asks.

use std::io;
use std::time::Duration;

use far_core::SecretName;
use far_core::broker::Reread;
use futures_util::future::join_all;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::peer;
use super::place::{Folder, Place, Socket};
use super::wire::{ANSWER_MAX, Answer, Ask, Kept};
use crate::messages::control::ControlError;

/// How long a process may take: longer than the deadlines of a backend that it asks twice, and of sinks that gate.
const PATIENCE: Duration = Duration::from_secs(60);

/// The processes of an agent that may be running.
pub(crate) struct Processes(Option<Folder>);

/// What came of asking a process.
pub(crate) struct Asked<T> {
    /// The process's number.
    pub(crate) process: u32,
    /// Its answer.
    pub(crate) answer: Result<T, Silent>,
}

/// Why a process that runs did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Silent {
    /// It did not say anything in time.
    #[error("gave no answer")]
    NoAnswer,
    /// It does not know the request.
    #[error("does not know the request: it may be of another version of far")]
    Refused,
    /// It does not execute the request: too many others wait for backends.
    #[error("has too many requests")]
    Busy,
    /// It is another user's.
    #[error("is another user's")]
    Stranger,
}

impl Silent {
    /// A stable token.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::NoAnswer => "no-answer",
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Stranger => "stranger",
        }
    }
}

impl Processes {
    /// Those of an agent.
    pub(crate) fn of(place: &Place) -> Result<Self, ControlError> {
        Ok(Self(place.open()?))
    }

    /// What each keeps.
    pub(crate) async fn kept(&self) -> Vec<Asked<Vec<Kept>>> {
        self.all(&Ask::Kept {}, |answer| match answer {
            Answer::Kept(kept) => Some(kept),
            _ => None,
        })
        .await
    }

    /// Has each read a secret again that its backend has for everybody.
    pub(crate) async fn refresh(&self, secret: &SecretName) -> Vec<Asked<Reread>> {
        self.reread(&Ask::Refresh { secret: secret.clone() }).await
    }

    /// Has each have made anew what a backend made for it.
    pub(crate) async fn replace(&self, secret: &SecretName) -> Vec<Asked<Reread>> {
        self.reread(&Ask::Replace { secret: secret.clone() }).await
    }

    async fn reread(&self, ask: &Ask) -> Vec<Asked<Reread>> {
        self.all(ask, |answer| match answer {
            Answer::Reread { kept, changed, failed } => Some(Reread { kept, changed, failed }),
            _ => None,
        })
        .await
    }

    /// Has each wipe a secret, and end what was made for it. Answers with how many values there were.
    pub(crate) async fn wipe(&self, secret: &SecretName) -> Vec<Asked<usize>> {
        self.all(&Ask::Revoke { secret: secret.clone() }, |answer| match answer {
            Answer::Wiped(wiped) => Some(wiped),
            _ => None,
        })
        .await
    }

    async fn all<T>(&self, ask: &Ask, wanted: impl Fn(Answer) -> Option<T> + Copy) -> Vec<Asked<T>> {
        let Some(folder) = &self.0 else { return Vec::new() };
        let sockets = folder.sockets();
        let asked = sockets.iter().map(|socket| async move {
            let answer = one(folder, socket, ask).await?;
            let answer = answer.and_then(|answer| match answer {
                Answer::Busy => Err(Silent::Busy),
                answer => wanted(answer).ok_or(Silent::Refused),
            });
            Some(Asked { process: socket.process, answer })
        });
        join_all(asked).await.into_iter().flatten().collect()
    }
}

/// Asks one. None if it has ended.
async fn one(folder: &Folder, socket: &Socket, ask: &Ask) -> Option<Result<Answer, Silent>> {
    match timeout(PATIENCE, exchange(folder, socket, ask)).await {
        Ok(Ok(answer)) => Some(answer),
        // It may have ended while it was asked: what it kept is gone with it.
        Ok(Err(_)) => connect(folder, socket).await.is_some().then_some(Err(Silent::NoAnswer)),
        Err(_) => Some(Err(Silent::NoAnswer)),
    }
}

async fn exchange(folder: &Folder, socket: &Socket, ask: &Ask) -> io::Result<Result<Answer, Silent>> {
    let mut stream = connect(folder, socket).await.ok_or(io::ErrorKind::NotConnected)??;
    if !peer::is_trusted(&stream) {
        return Ok(Err(Silent::Stranger));
    }
    stream.write_all(&ask.line()?).await?;
    let mut line = Vec::new();
    BufReader::new(stream.take(ANSWER_MAX)).read_until(b'\n', &mut line).await?;
    match Answer::parse(&line) {
        Some(answer) => Ok(Ok(answer)),
        None if line.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
        None => Ok(Err(Silent::Refused)),
    }
}

/// None if nobody listens. What a killed process left is taken away: a name that nobody listens on is never listened on again.
async fn connect(folder: &Folder, socket: &Socket) -> Option<io::Result<UnixStream>> {
    match UnixStream::connect(folder.address(&socket.name)).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            folder.0.remove(&socket.name);
            None
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        connected => Some(connected),
    }
}
