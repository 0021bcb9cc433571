//! An HTTPS server on loopback that records requests, with a thread for each connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::Authority;
use crate::failure::Failure;
use crate::listener::Listener;

/// The maximum length of a line and of a body, in bytes.
const LEN_MAX: u64 = 32 << 20;

/// A received request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// The method.
    pub method: String,
    /// The path, with the query.
    pub target: String,
    /// Headers, with their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl ReceivedRequest {
    /// Returns the first header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Headers besides `content-length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// Creates a reply without additional headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// Appends a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Returns the head of the response; `length` is the header that determines the body's end.
    pub(crate) fn head(&self, length: &str) -> Vec<u8> {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("HTTP/1.1 {} .\r\n{headers}{length}\r\n\r\n", self.status).into_bytes()
    }
}

/// A function that replies to requests.
pub type Handler = Arc<dyn Fn(&ReceivedRequest) -> Reply + Send + Sync>;

/// A server that listens until it is dropped.
pub struct Https {
    listener: Listener,
    state: Arc<State>,
}

struct State {
    tls: Arc<ServerConfig>,
    handler: Handler,
    arrived: Mutex<Vec<ReceivedRequest>>,
}

impl Https {
    /// Starts a server with this name and handler.
    ///
    /// # Errors
    ///
    /// An error if it cannot listen on loopback.
    pub fn start(authority: &Authority, name: &str, handler: Handler) -> Result<Self, Failure> {
        let tls = authority.server(name);
        let state = Arc::new(State { tls, handler, arrived: Mutex::default() });
        let serving = state.clone();
        let listener = Listener::start(move |stream| serving.serve(stream))?;
        Ok(Self { listener, state })
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.listener.address.port()
    }

    /// Returns the received requests, in order.
    pub fn arrived(&self) -> Vec<ReceivedRequest> {
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

/// Reads the next request on a connection, if there is one.
pub(crate) fn read(connection: &mut impl BufRead) -> io::Result<Option<ReceivedRequest>> {
    let mut line = || {
        let mut line = String::new();
        connection.by_ref().take(LEN_MAX).read_line(&mut line).map(|_| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let mut request =
        ReceivedRequest { method: method.to_owned(), target: target.to_owned(), ..ReceivedRequest::default() };
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else { break };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    if request.header("transfer-encoding").is_some() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "a chunked body"));
    }
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    connection.take(LEN_MAX.min(length)).read_to_end(&mut request.body)?;
    Ok(Some(request))
}
