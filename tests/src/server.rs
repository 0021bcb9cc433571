//! A loopback HTTPS server that records requests byte for byte and answers in the pieces that a
//! test chooses.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

pub use far_servers::Authority;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A function that answers a request, in pieces.
pub type Answer = Arc<dyn Fn(&str) -> Vec<Vec<u8>> + Send + Sync>;

/// A server that runs for as long as the test's runtime.
pub struct Server {
    address: SocketAddr,
    arrived: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    /// The client certificates, in DER.
    shown: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// Returns a complete answer with this body.
pub fn ok(body: &str) -> Vec<Vec<u8>> {
    vec![format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()]
}

impl Server {
    /// Starts a server with a certificate of this name.
    pub async fn start(authority: &Authority, name: &str, answer: Answer) -> Self {
        Self::of(Some(authority.server(name)), answer).await
    }

    /// Starts a server that requires a client certificate of the authority.
    pub async fn mutual(authority: &Authority, name: &str, answer: Answer) -> Self {
        Self::of(Some(authority.mutual_server(name)), answer).await
    }

    /// Starts a server with an expired certificate.
    pub async fn expired(authority: &Authority, name: &str, answer: Answer) -> Self {
        Self::of(Some(authority.expired_server(name)), answer).await
    }

    /// Starts a server without TLS.
    pub async fn plain(answer: Answer) -> Self {
        Self::of(None, answer).await
    }

    async fn of(tls: Option<Arc<ServerConfig>>, answer: Answer) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            arrived: Arc::default(),
            connections: Arc::default(),
            shown: Arc::default(),
        };
        let (arrived, connections, shown) = (server.arrived.clone(), server.connections.clone(), server.shown.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                let (tls, answer, arrived, shown) = (tls.clone(), answer.clone(), arrived.clone(), shown.clone());
                tokio::spawn(async move {
                    let Some(tls) = tls else { return serve(stream, &answer, &arrived).await };
                    let stream = TlsAcceptor::from(tls).accept(stream).await?;
                    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                    shown.lock().unwrap().extend(certificate.map(|certificate| certificate.to_vec()));
                    serve(stream, &answer, &arrived).await
                });
            }
        });
        server
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns `https://localhost:PORT`.
    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.port())
    }

    /// Returns the requests that arrived, byte for byte.
    pub fn arrived(&self) -> Vec<String> {
        self.arrived.lock().unwrap().clone()
    }

    /// Returns the client certificates in DER, one for each connection.
    pub fn shown(&self) -> Vec<Vec<u8>> {
        self.shown.lock().unwrap().clone()
    }

    /// Returns the number of connections.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &Answer,
    arrived: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let Some(length) = length(&bytes) else {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let rest = bytes.split_off(length);
        let request = String::from_utf8_lossy(&std::mem::replace(&mut bytes, rest)).into_owned();
        arrived.lock().unwrap().push(request.clone());
        for piece in answer(&request) {
            stream.write_all(&piece).await?;
            stream.flush().await?;
            // Keeps the pieces apart.
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
}

/// Returns the length of the first request in these bytes, once it is complete.
fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(bytes.get(..head)?).to_ascii_lowercase();
    let body = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().unwrap());
    (bytes.len() >= head + body).then_some(head + body)
}
