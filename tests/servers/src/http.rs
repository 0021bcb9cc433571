//! A minimal HTTP client for test setup: one request for each connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The timeout of a response: initializing a server on a busy machine takes many seconds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, with the query.
    pub path: &'a str,
    /// Headers besides `host`, `content-length` and `connection`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, with their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// Returns the first header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a request without TLS.
///
/// # Errors
///
/// An error if the server is unreachable or does not respond in HTTP.
pub fn send(to: SocketAddr, request: &Request<'_>) -> io::Result<Response> {
    exchange(&mut connect(to)?, request)
}

/// Opens a connection with timeouts.
pub(crate) fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// Sends one request and reads its response, which ends the connection.
pub(crate) fn exchange(stream: &mut (impl Read + Write), request: &Request<'_>) -> io::Result<Response> {
    let Request { method, path, headers, body } = request;
    // HTTP/1.0 has no chunked responses.
    let mut head = format!("{method} {path} HTTP/1.0\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in *headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    stream.flush()?;
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        // Some servers close TLS without notice; the length reveals a truncated body.
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => parse(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an HTTP response")),
    }
}

fn parse(bytes: &[u8]) -> Option<Response> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (str::from_utf8(bytes.get(..end)?).ok()?, bytes.get(end + 4..)?);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let response = Response { status, headers: lines.map(header).collect::<Option<_>>()?, body: body.to_vec() };
    let whole = response.header("content-length").is_none_or(|length| length.parse() == Ok(body.len()));
    (whole || body.is_empty()).then_some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server's bytes, and the bytes sent to it.
    struct Connection(io::Cursor<Vec<u8>>, Vec<u8>);

    impl Read for Connection {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Connection {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn exchange_with(text: &str) -> (io::Result<Response>, String) {
        let mut connection = Connection(io::Cursor::new(text.as_bytes().to_vec()), Vec::new());
        let request = Request { method: "POST", path: "/a?b", headers: &[("x-y", "z")], body: b"hello" };
        let response = exchange(&mut connection, &request);
        (response, String::from_utf8(connection.1).unwrap())
    }

    #[test]
    fn exchange_sends_request_and_reads_response() {
        let (response, sent) = exchange_with("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nX-A:  b\r\n\r\nno");
        let head =
            "POST /a?b HTTP/1.0\r\nhost: localhost\r\nconnection: close\r\nx-y: z\r\ncontent-length: 5\r\n\r\nhello";
        assert_eq!(sent, head);
        let response = response.unwrap();
        assert_eq!((response.status, response.header("x-a"), response.body.as_slice()), (404, Some("b"), &b"no"[..]));
    }

    #[test]
    fn truncated_or_invalid_response_is_error() {
        for text in ["", "SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut", "HTTP/1.1 x\r\n\r\n"] {
            assert!(exchange_with(text).0.is_err(), "{text}");
        }
    }
}
