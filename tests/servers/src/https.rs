//! A server over HTTPS on loopback that keeps what arrived. It is for what needs no more than a thread for each connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::Authority;
use crate::failure::Failure;
use crate::listening::Listening;

/// No head or body that a test sends is longer.
const LONGEST: u64 = 32 << 20;

/// A request as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// Its method.
    pub method: String,
    /// The path, with the query.
    pub target: String,
    /// Headers, with their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Arrived {
    /// The first header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers besides `content-length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A reply without headers of its own.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// All before the body; `length` is the header that tells where it ends.
    pub(crate) fn head(&self, length: &str) -> Vec<u8> {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("HTTP/1.1 {} .\r\n{headers}{length}\r\n\r\n", self.status).into_bytes()
    }
}

/// What replies to requests.
pub type Handler = Arc<dyn Fn(&Arrived) -> Reply + Send + Sync>;

/// A server that listens until it is dropped.
pub struct Https {
    listening: Listening,
    state: Arc<State>,
}

struct State {
    tls: Arc<ServerConfig>,
    handler: Handler,
    arrived: Mutex<Vec<Arrived>>,
}

impl Https {
    /// A server with a certificate of this name, which replies so.
    ///
    /// # Errors
    ///
    /// It cannot listen on loopback.
    pub fn start(authority: &Authority, name: &str, handler: Handler) -> Result<Self, Failure> {
        let tls = authority.server(name);
        let state = Arc::new(State { tls, handler, arrived: Mutex::default() });
        let serving = state.clone();
        let listening = Listening::start(move |stream| serving.serve(stream))?;
        Ok(Self { listening, state })
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.listening.address.port()
    }

    /// The requests that arrived, in their order.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.state.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl State {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let tls = ServerConnection::new(self.tls.clone()).map_err(io::Error::other)?;
        let mut connection = BufReader::new(StreamOwned::new(tls, stream));
        while let Some(request) = read(&mut connection)? {
            self.arrived.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
            let reply = (self.handler)(&request);
            let stream = connection.get_mut();
            stream.write_all(&reply.head(&format!("content-length: {}", reply.body.len())))?;
            stream.write_all(&reply.body)?;
            stream.flush()?;
        }
        Ok(())
    }
}

/// The next request on a connection, if there is one.
pub(crate) fn read(connection: &mut impl BufRead) -> io::Result<Option<Arrived>> {
    let mut line = || {
        let mut line = String::new();
        connection.by_ref().take(LONGEST).read_line(&mut line).map(|_| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let mut request = Arrived { method: method.to_owned(), target: target.to_owned(), ..Arrived::default() };
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else { break };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if request.header("transfer-encoding").is_some() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "a body in chunks"));
    }
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    connection.take(LONGEST.min(length)).read_to_end(&mut request.body)?;
    Ok(Some(request))
}
