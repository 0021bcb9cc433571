//! A proxy without TLS between a client and a backend, which injects faults into responses.
//!
//! ```no_run
//! use far_servers::fault::{Fault, Proxy};
//! # fn test(bao: &far_servers::OpenBao) -> Result<(), far_servers::Failure> {
//! let proxy = Proxy::start(bao.socket())?;
//! proxy.next([Fault::sealed(), Fault::Pass, Fault::Truncate]);
//! // A client gets an error of a sealed OpenBao, then a response, then half of one.
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
use crate::https::{self, ReceivedRequest, Reply};
use crate::listener::Listener;

/// A fault in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No fault: the proxy returns the backend's response.
    Pass,
    /// The proxy returns this response without calling the backend.
    Reply(Reply),
    /// The proxy never responds and does not call the backend.
    Hang,
    /// The proxy calls the backend at once, but delays its response.
    Delay(Duration),
    /// The proxy closes the connection after half of the body.
    Truncate,
    /// The body never ends.
    Endless,
    /// The proxy returns half of the body as if it were complete, so JSON becomes malformed.
    Malformed,
    /// The proxy repeats the backend's last response, such as the previous page of a list.
    Replay,
}

impl Fault {
    /// Returns the response of a sealed Vault.
    pub fn sealed() -> Self {
        Self::json(503, r#"{"errors":["Vault is sealed"]}"#)
    }

    /// Returns Vault's response to a denied request.
    pub fn forbidden() -> Self {
        Self::json(403, r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#)
    }

    /// Returns Vault's response for a missing path.
    pub fn hidden() -> Self {
        Self::json(404, r#"{"errors":[]}"#)
    }

    /// Returns status 429 with a time to wait.
    pub fn limited(seconds: u32) -> Self {
        let reply = Reply::new(429, r#"{"errors":["request path rate limit quota exceeded"]}"#);
        Self::Reply(reply.header("content-type", "application/json").header("retry-after", seconds.to_string()))
    }

    /// Returns a server error with an HTML page.
    pub fn broken(status: u16) -> Self {
        Self::Reply(Reply::new(status, "<html>something broke</html>").header("content-type", "text/html"))
    }

    fn json(status: u16, body: &str) -> Self {
        Self::Reply(Reply::new(status, body).header("content-type", "application/json"))
    }
}

/// A proxy that listens until it is dropped. It forwards one request for each connection.
pub struct Proxy {
    listener: Listener,
    state: Arc<State>,
}

struct State {
    backend: SocketAddr,
    faults: Mutex<VecDeque<Fault>>,
    arrived: Mutex<Vec<ReceivedRequest>>,
    last: Mutex<Option<Reply>>,
}

impl Proxy {
    /// Starts a proxy for this backend, without faults.
    ///
    /// # Errors
    ///
    /// An error if it cannot listen on loopback.
    pub fn start(backend: SocketAddr) -> Result<Self, Failure> {
        let (faults, arrived, last) = (Mutex::default(), Mutex::default(), Mutex::default());
        let state = Arc::new(State { backend, faults, arrived, last });
        let serving = state.clone();
        let listener = Listener::start(move |stream| serving.serve(stream))?;
        Ok(Self { listener, state })
    }

    /// Returns the URL, `http://127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("http://{}", self.listener.address)
    }

    /// Returns the address.
    pub fn socket(&self) -> SocketAddr {
        self.listener.address
    }

    /// Queues faults for the next responses. With an empty queue, responses pass.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.state.faults).extend(faults);
    }

    /// Returns the received requests, in order.
    pub fn arrived(&self) -> Vec<ReceivedRequest> {
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
            Fault::Reply(reply) => write_reply(stream, &reply),
            Fault::Delay(time) => {
                let reply = self.forward(&request)?;
                thread::sleep(time);
                write_reply(stream, &reply)
            }
            Fault::Hang => stream.read_to_end(&mut Vec::new()).map(drop),
            Fault::Replay => match lock(&self.last).clone() {
                Some(reply) => write_reply(stream, &reply),
                None => write_reply(stream, &self.forward(&request)?),
            },
            Fault::Pass => write_reply(stream, &self.forward(&request)?),
            Fault::Truncate => {
                let reply = self.forward(&request)?;
                stream.write_all(&head(&reply, reply.body.len()))?;
                stream.write_all(half(&reply.body))
            }
            Fault::Malformed => {
                let reply = self.forward(&request)?;
                write_reply(stream, &Reply { body: half(&reply.body).to_vec(), ..reply })
            }
            Fault::Endless => {
                stream.write_all(&self.forward(&request)?.head("transfer-encoding: chunked"))?;
                // Ends when the client closes the connection.
                loop {
                    stream.write_all(b"10\r\nand another line\r\n")?;
                }
            }
        }
    }

    fn forward(&self, request: &ReceivedRequest) -> io::Result<Reply> {
        let is_hop_by_hop = |name: &str| ["connection", "content-length", "host"].contains(&name);
        let headers = request.headers.iter().filter(|(name, _)| !is_hop_by_hop(name));
        let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let ReceivedRequest { method, target, body, .. } = request;
        let response = http::send(self.backend, &Request { method, path: target, headers: &headers, body })?;
        let headers =
            response.headers.into_iter().filter(|(name, _)| !is_hop_by_hop(name) && name != "transfer-encoding");
        let reply = Reply { status: response.status, headers: headers.collect(), body: response.body };
        *lock(&self.last) = Some(reply.clone());
        Ok(reply)
    }
}

fn head(reply: &Reply, length: usize) -> Vec<u8> {
    reply.head(&format!("connection: close\r\ncontent-length: {length}"))
}

fn write_reply(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    stream.write_all(&head(reply, reply.body.len()))?;
    stream.write_all(&reply.body)
}

fn half(body: &[u8]) -> &[u8] {
    body.get(..body.len() / 2).unwrap_or_default()
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
