//! A proxy without TLS that stands between a client and a backend, and has the next answers go wrong as a test says.
//!
//! ```no_run
//! use far_servers::fault::{Fault, Proxy};
//! # fn test(bao: &far_servers::OpenBao) -> Result<(), far_servers::Failure> {
//! let proxy = Proxy::start(bao.socket())?;
//! proxy.next([Fault::sealed(), Fault::Pass, Fault::Cut]);
//! // A client of `proxy.address()` is told that OpenBao is sealed, then has an answer, then half of one.
//! # Ok(())
//! # }
//! ```

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::failure::Failure;
use crate::http::{self, Request};
use crate::https::{self, Arrived, Reply};
use crate::listening::Listening;

/// What becomes of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None: it is the backend's.
    Pass,
    /// This one is given, and the backend is not asked.
    Instead(Reply),
    /// The backend is not asked, and nothing is answered for as long as the client waits.
    Silent,
    /// The backend's, that much later: it was asked at once.
    Held(Duration),
    /// Half of the body comes, and the connection ends.
    Cut,
    /// The body never ends.
    Endless,
    /// Half of the body comes, as if that were all of it: no JSON any more.
    Malformed,
    /// The last answer that came from the backend, once more: a page of a list that was had before.
    Again,
}

impl Fault {
    /// What Vault answers as long as it is sealed.
    pub fn sealed() -> Self {
        Self::json(503, r#"{"errors":["Vault is sealed"]}"#)
    }

    /// What Vault answers to who may not.
    pub fn forbidden() -> Self {
        Self::json(403, r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#)
    }

    /// A 404 as for what is not there.
    pub fn hidden() -> Self {
        Self::json(404, r#"{"errors":[]}"#)
    }

    /// Too many requests, with a time to wait.
    pub fn limited(seconds: u32) -> Self {
        let reply = Reply::new(429, r#"{"errors":["request path rate limit quota exceeded"]}"#);
        Self::Instead(reply.header("content-type", "application/json").header("retry-after", seconds.to_string()))
    }

    /// A status of 500 or more, with a page that is none of an API's.
    pub fn broken(status: u16) -> Self {
        Self::Instead(Reply::new(status, "<html>something broke</html>").header("content-type", "text/html"))
    }

    fn json(status: u16, body: &str) -> Self {
        Self::Instead(Reply::new(status, body).header("content-type", "application/json"))
    }
}

/// A proxy that listens until it is dropped. Requests are passed on as they come, one for each connection.
pub struct Proxy {
    listening: Listening,
    state: Arc<State>,
}

struct State {
    backend: SocketAddr,
    faults: Mutex<VecDeque<Fault>>,
    arrived: Mutex<Vec<Arrived>>,
    last: Mutex<Option<Reply>>,
}

impl Proxy {
    /// A proxy before this backend, through which all passes.
    ///
    /// # Errors
    ///
    /// It cannot listen on loopback.
    pub fn start(backend: SocketAddr) -> Result<Self, Failure> {
        let (faults, arrived, last) = (Mutex::default(), Mutex::default(), Mutex::default());
        let state = Arc::new(State { backend, faults, arrived, last });
        let serving = state.clone();
        let listening = Listening::start(move |stream| serving.serve(stream))?;
        Ok(Self { listening, state })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("http://{}", self.listening.address)
    }

    /// Where it listens.
    pub fn socket(&self) -> SocketAddr {
        self.listening.address
    }

    /// What becomes of the next answers, after those that were said before; later ones pass.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.state.faults).extend(faults);
    }

    /// The requests that arrived, in their order.
    pub fn arrived(&self) -> Vec<Arrived> {
        lock(&self.state.arrived).clone()
    }
}

impl State {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut connection = BufReader::new(stream);
        let Some(request) = https::read(&mut connection)? else { return Ok(()) };
        lock(&self.arrived).push(request.clone());
        let fault = lock(&self.faults).pop_front().unwrap_or(Fault::Pass);
        let stream = connection.get_mut();
        match fault {
            Fault::Instead(reply) => whole(stream, &reply),
            Fault::Held(time) => {
                let reply = self.passed_on(&request)?;
                thread::sleep(time);
                whole(stream, &reply)
            }
            Fault::Silent => stream.read_to_end(&mut Vec::new()).map(drop),
            Fault::Again => match lock(&self.last).clone() {
                Some(reply) => whole(stream, &reply),
                None => whole(stream, &self.passed_on(&request)?),
            },
            Fault::Pass => whole(stream, &self.passed_on(&request)?),
            Fault::Cut => {
                let reply = self.passed_on(&request)?;
                stream.write_all(&head(&reply, reply.body.len()))?;
                stream.write_all(half(&reply.body))
            }
            Fault::Malformed => {
                let reply = self.passed_on(&request)?;
                whole(stream, &Reply { body: half(&reply.body).to_vec(), ..reply })
            }
            Fault::Endless => {
                stream.write_all(&self.passed_on(&request)?.head("transfer-encoding: chunked"))?;
                // Until the client has enough.
                loop {
                    stream.write_all(b"10\r\nand another line\r\n")?;
                }
            }
        }
    }

    fn passed_on(&self, request: &Arrived) -> io::Result<Reply> {
        let is_ours = |name: &str| ["connection", "content-length", "host"].contains(&name);
        let headers = request.headers.iter().filter(|(name, _)| !is_ours(name));
        let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let Arrived { method, target, body, .. } = request;
        let answer = http::send(self.backend, &Request { method, path: target, headers: &headers, body })?;
        let kept = answer.headers.into_iter().filter(|(name, _)| !is_ours(name) && name != "transfer-encoding");
        let reply = Reply { status: answer.status, headers: kept.collect(), body: answer.body };
        *lock(&self.last) = Some(reply.clone());
        Ok(reply)
    }
}

fn head(reply: &Reply, length: usize) -> Vec<u8> {
    reply.head(&format!("connection: close\r\ncontent-length: {length}"))
}

fn whole(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    stream.write_all(&head(reply, reply.body.len()))?;
    stream.write_all(&reply.body)
}

fn half(body: &[u8]) -> &[u8] {
    body.get(..body.len() / 2).unwrap_or_default()
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
